"""`jobhook.yaml` from text to `Document`; every problem with file, line and column."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .. import yaml
from .document import Document
from .model import Context, Problem
from .problems import problems


@dataclass(slots=True)
class Findings:
    """What was found on the way: errors stop the start, warnings do not."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read(path: Path, cluster: str | None, findings: Findings) -> Document:
    """Read and check a file; with errors, what is answered is only good for finding more of them."""
    text = _text(path, findings)
    return Document() if text is None else parse(text, path=path, cluster=cluster, findings=findings)


def parse(text: str, *, path: Path, cluster: str | None, findings: Findings) -> Document:
    """Check the text of a file (YAML, or JSON) that stands at `path`."""
    node = _mapping(text, path, findings)
    if node is None:
        return Document()
    document, found = _checked(yaml.value(node), Context(path.parent, cluster))
    findings.errors += _lines(path, node, found)
    return document


def source_names(path: Path, findings: Findings) -> frozenset[str]:
    """Read which sources a file declares, whatever else is wrong with it: their secrets may be on another machine."""
    text = _text(path, findings)
    node = None if text is None else _mapping(text, path, findings)
    sources = None if node is None else node.get("sources")
    return frozenset(key.text for key, _ in sources.pairs) if isinstance(sources, yaml.Mapping) else frozenset()


def _text(path: Path, findings: Findings) -> str | None:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        findings.errors.append(f"{path}: is no UTF-8; save it as UTF-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no path"
        findings.errors.append(f"{path}: cannot be read ({reason}); name a readable file in JOBHOOK_CONFIG")
    return None


def _mapping(text: str, path: Path, findings: Findings) -> yaml.Mapping | None:
    """The one mapping that a file holds; an empty file is an empty one."""
    try:
        node = yaml.document(text) if yaml.documents(text) else yaml.Mapping((), 1, 1)
    except yaml.NotYaml as error:
        place = ":".join(str(part) for part in (path, error.line, error.column) if part is not None)
        findings.errors.append(f"{place}: {error.problem}; correct the text there")
        return None
    if not isinstance(node, yaml.Mapping):
        findings.errors.append(f"{path}:{node.line}: must be a mapping; write keys such as sources: and sinks:")
        return None
    return node


def _checked(value: dict[str, Any], context: Context) -> tuple[Document, list[Problem]]:
    found: list[Problem] = []
    filled = _filled(value, (), found)
    try:
        return Document.model_validate(filled, context=context, by_alias=True, by_name=False), found
    except ValidationError as error:
        return Document(), [*found, *problems(error, Document)]


def _filled(value: Any, path: tuple[str | int, ...], found: list[Problem]) -> Any:
    """Take the keys without a value out, and note them: each is an unfinished thought, never a default."""
    if isinstance(value, dict):
        kept = {key: _filled(item, (*path, key), found) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None}
    if isinstance(value, list):
        return [_filled(item, (*path, index), found) for index, item in enumerate(value)]
    if value is None:
        found.append(Problem(path, "has no value; write one, or take the key out"))
    return value


def _lines(path: Path, node: yaml.Node, found: list[Problem]) -> list[str]:
    """One line for each place, in the order of the file; of several problems at one place, the first."""
    first: dict[tuple[str | int, ...], str] = {}
    for problem in found:
        first.setdefault(problem.path, problem.text)
    placed = sorted((yaml.locate(node, keys), _dotted(keys), text) for keys, text in first.items())
    return [f"{path}:{line}:{column}: {keys}{': ' if keys else ''}{text}" for (line, column), keys, text in placed]


def _dotted(path: tuple[str | int, ...]) -> str:
    """Write a path as people do.

    >>> _dotted(("sinks", 0, "retry", "for"))
    'sinks[0].retry.for'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
