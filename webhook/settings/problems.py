"""pydantic's errors in our words: what is wrong at which key, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .model import SEVERAL, Problem

_TEXTS = {
    "missing": "is missing; write it",
    "string_type": "must be a text; put it in quotes",
    "path_type": "must be the path of a file; write it as a text",
    "tuple_type": "must be a list; write it in brackets, such as [a, b]",
    "frozen_set_type": "must be a list; write it in brackets, such as [a, b]",
    "dict_type": "must be a mapping; write keys and values",
    "model_type": "must be a mapping; write keys and values",
    "model_attributes_type": "must be a mapping; write keys and values",
}


def problems(error: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    """Each error of a validation by `model`; never with the value that was given."""
    for details in error.errors(include_url=False):
        # The step that pydantic adds for a mapping's key is no step in the file.
        path = tuple(step for step in details["loc"] if step != "[key]")
        if details["type"] == SEVERAL:
            yield from (Problem((*path, *more), text) for more, text in details["ctx"]["problems"])
        elif details["type"] == "extra_forbidden":
            yield Problem(path, _unknown(str(path[-1]), _keys(model, path[:-1])))
        else:
            yield Problem(path, _text(details))


def _text(details: ErrorDetails) -> str:
    context: dict[str, Any] = details.get("ctx", {})
    if details["type"] == "value_error":
        return str(context["error"])
    if details["type"] in {"literal_error", "enum"}:
        allowed = re.findall(r"'([^']*)'", context["expected"])
        near = get_close_matches(str(details["input"]), allowed, 1, 0.6)
        return f"must be {_or(allowed)}; " + (f"did you mean {near[0]!r}?" if near else "write one of these")
    return _TEXTS.get(details["type"], f"cannot be used ({details['type']}); see the reference of the configuration")


def _unknown(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, 1, 0.6)
    return "is no key here; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}")


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The keys that the model at the end of `path` knows, as they are written."""
    for step in path:
        field = next((field for name, field in model.model_fields.items() if _written(name, field) == step), None)
        if field is not None and (inner := _model(field.annotation)) is not None:
            model = inner
    return [_written(name, field) for name, field in model.model_fields.items()]


def _written(name: str, field: Any) -> str:
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def _model(annotation: Any) -> type[BaseModel] | None:
    """The first model within a type: of the items, or of the values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model(inner)) is not None), None)
