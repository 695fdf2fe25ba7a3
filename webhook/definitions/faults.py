"""What is wrong with a document, by line and column, each with a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .. import yaml
from ..errors import DefinitionError
from .model import NOT_YET, Document, Filter, Parameter, Retention, Rule, Test

_MODELS: dict[str, type[BaseModel]] = {
    "on": Rule,
    "params": Parameter,
    "retention": Retention,
    "tests": Test,
}
_NO_KEYS = frozenset({"[key]", "text", "filter"})
"""Steps that pydantic adds."""
_REMEDIES = {
    "missing": ("is missing", "write it"),
    "string_type": ("must be a text", "put it in quotes, or write a text"),
    "string_too_short": ("is empty", "write its value, or leave the key out"),
    "list_type": ("must be a list", "write it in brackets, such as [a, b], or as lines that begin with -"),
    "too_short": ("is an empty list", "write its items, or leave the key out"),
    "dict_type": ("must be a mapping", "write keys and values"),
    "model_type": ("must be a mapping", "write keys and values"),
    "bool_type": ("must be true or false", "write true or false, without quotes"),
    "int_type": ("must be an integer", "write a number without quotes"),
}


def faults(error: ValidationError, model: type[BaseModel], *, node: yaml.Node, path: str) -> Iterator[DefinitionError]:
    """Each error of a validation by `model` of what stands at `node` in the file `path`."""
    seen: set[tuple[Any, ...]] = set()
    for details in error.errors(include_url=False):
        steps = tuple(_steps(node, details["loc"]))
        problem, remedy = _words(details, model)
        line, column = yaml.locate(node, steps)
        if (line, column, problem) not in seen:
            seen.add((line, column, problem))
            yield DefinitionError(problem, path=path, line=line, column=column, remedy=remedy)


def near(key: str, known: list[str]) -> str:
    """The remedy for an unknown key: the nearest known one, or all."""
    found = get_close_matches(key, known, 1, 0.6)
    return f"did you mean {found[0]}?" if found else f"there are {', '.join(known)}"


def one_slip(written: str, meant: str) -> bool:
    """Whether one text is the other with one letter too many, too few, another, or two swapped.

    >>> [one_slip(text, "type") for text in ("typ", "types", "tpye", "tape", "time", "topic")]
    [True, True, True, True, False, False]
    """
    if len(written) == len(meant):
        differing = [place for place, pair in enumerate(zip(written, meant, strict=True)) if pair[0] != pair[1]]
        swapped = len(differing) == 2 and sorted(written) == sorted(meant)
        return len(differing) == 1 or swapped
    short, long = sorted((written, meant), key=len)
    return len(long) == len(short) + 1 and any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a model, as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _words(details: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    kind, context = details["type"], details.get("ctx", {})
    if details["loc"][-2:-1] == ("expect",):  # of a union, both of whose members pydantic names
        return "expect must be a mapping, or none", "write a part of the manifest, or none"
    key = next((step for step in reversed(details["loc"]) if isinstance(step, str) and step not in _NO_KEYS), "")
    if kind == "ours":
        return f"{key}: {context['problem']}" if key else str(context["problem"]), str(context["remedy"])
    if kind == "extra_forbidden":
        if key in NOT_YET and len(details["loc"]) == 1:
            return f"{key} ({NOT_YET[key]}) is not built yet", "leave the key out for now"
        if model is not Document:
            return (
                f"{key} is no key of a list's entry",
                "there are name, spec, …; write other keys in a document of its own",
            )
        return f"{key} is no key here", near(key, keys_of(_model_at(details["loc"])))
    if kind in {"literal_error", "enum"}:
        allowed = re.findall(r"'([^']*)'", context["expected"])
        found = get_close_matches(str(details["input"]), allowed, 1, 0.6)
        remedy = f"did you mean {found[0]}?" if found else "write one of these"
        return f"{key or 'the value'} must be {context['expected']}", remedy
    if kind == "model_type" and (special := _of_model(details["loc"])):
        return f"{key} {special[0]}", special[1]
    if kind == "string_type" and details["loc"] == ("spec",):
        return "spec must be a text", "write `spec: |` and the manifest indented below it"
    problem, remedy = _REMEDIES.get(
        kind, (f"cannot be used: {details['msg'][:1].lower()}{details['msg'][1:]}", "correct it")
    )
    return f"{key or 'the definition'} {problem}", remedy


def _of_model(location: tuple[int | str, ...]) -> tuple[str, str] | None:
    if location[-1] == "filter":
        return "must be a text or a filter", "write a text, or one of exact, prefix, suffix, any, all, not as a mapping"
    if location[0] == "params":
        return "must be a mapping", "write {from: event.data.…} or {default: …}"
    return None


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model whose keys the last step of a location should be one of."""
    within = location[:-1]
    if not within:
        return Document
    return Filter if "filter" in within else _MODELS.get(str(within[0]), Document)


def _steps(node: yaml.Node, location: tuple[int | str, ...]) -> Iterator[int | str]:
    """The steps of a location that are in the file: pydantic adds some for unions and mappings' keys."""
    for step in location:
        if isinstance(node, yaml.Mapping) and isinstance(step, str):
            found = node.get(step)
        elif isinstance(node, yaml.Sequence) and isinstance(step, int) and step < len(node.items):
            found = node.items[step]
        else:
            continue
        if found is not None:
            node = found
            yield step
