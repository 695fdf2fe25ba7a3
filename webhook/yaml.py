"""YAML, strictly, with positions: the one door to PyYAML (libyaml).

No duplicate keys, no merge keys, no tags, no anchors or aliases, text keys only, bounded depth. Plain scalars are read
as YAML 1.2's core schema reads them (so that the key `on` stays a text), and `0644` as Kubernetes does: octal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml as pyyaml

from .errors import JobhookError

MAX_DEPTH = 64

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OCTAL = re.compile(r"0o?([0-7]+)")
_HEX = re.compile(r"0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class NotYaml(JobhookError):
    """The text is no YAML of the strict kind.

    Attributes:
        problem: what is wrong.
        line, column: from 1, or None.
    """

    def __init__(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}, column {column}: {problem}")
        self.problem, self.line, self.column = problem, line, column


@dataclass(frozen=True, slots=True)
class Scalar:
    """A leaf. `plain`: written without quotes and not as a block, so that its text decides its type."""

    text: str
    plain: bool
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of nodes."""

    items: tuple[Node, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """Pairs of a key and a node, no key twice."""

    pairs: tuple[tuple[Scalar, Node], ...]
    line: int
    column: int

    def get(self, key: str) -> Node | None:
        """The node of a key, or None."""
        return next((node for name, node in self.pairs if name.text == key), None)


Node = Scalar | Sequence | Mapping


def documents(text: str) -> list[Node]:
    """Parse all documents of a text.

    Raises:
        NotYaml: no YAML, or more than the strict kind has.
    """
    events = _Events(text)
    try:
        return list(_documents(events))
    except pyyaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise NotYaml(problem, mark.line + 1 if mark else None, mark.column + 1 if mark else None) from error
    except pyyaml.reader.ReaderError as error:
        before = text.encode()[: error.position].decode(errors="ignore")
        problem = f"{error.reason} (U+{int(error.character):04X})"
        raise NotYaml(problem, before.count("\n") + 1, len(before) - before.rfind("\n")) from error
    except (pyyaml.YAMLError, UnicodeError, ValueError) as error:
        raise NotYaml(str(error).replace("\n", " ")) from error


def document(text: str) -> Node:
    """Parse a text that holds one document. Raises NotYaml, also for none and for a second one."""
    found = documents(text)
    if not found:
        raise NotYaml("nothing is in it", 1, 1)
    if len(found) > 1:
        raise NotYaml("a second document begins here", found[1].line, found[1].column)
    return found[0]


def value(node: Node) -> Any:
    """The plain Python value of a node."""
    if isinstance(node, Scalar):
        return scalar(node.text) if node.plain else node.text
    if isinstance(node, Sequence):
        return [value(item) for item in node.items]
    return {key.text: value(item) for key, item in node.pairs}


def scalar(text: str) -> Any:
    """Read a plain scalar: null, boolean, integer, float or text.

    >>> [scalar(text) for text in ("on", "true", "~", "0644", "0x1f", "1e3", "1.5", "08", "2026-01-01")]
    ['on', True, None, 420, 31, 1000.0, 1.5, '08', '2026-01-01']
    """
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= 4000 else text
    if match := _OCTAL.fullmatch(text):
        return int(match[1], 8)
    if match := _HEX.fullmatch(text):
        return int(match[1], 16)
    if _FLOAT.fullmatch(text) and not (text[0] == "0" and text.isdigit()):
        number = float(text)
        return number if math.isfinite(number) else text
    if match := _INFINITY.fullmatch(text):
        raise NotYaml(f"{text} has no place in JSON")
    return text


def dump(value: Any) -> str:
    """Write a value as YAML, in its own order, multi-line texts as blocks."""
    return str(pyyaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


def locate(node: Node, path: tuple[str | int, ...]) -> tuple[int, int]:
    """Line and column (from 1) of the deepest node on the way along `path`; in a mapping, the key's own place."""
    line, column = node.line, node.column
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str):
            pair = next(((key, item) for key, item in node.pairs if key.text == step), None)
            if pair is None:
                break
            line, column, node = pair[0].line, pair[0].column, pair[1]
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            line, column = node.line, node.column
        else:
            continue
    return line, column


class _Dumper(pyyaml.SafeDumper):
    """Block style for texts of several lines; never an anchor."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _text(dumper: pyyaml.SafeDumper, data: str) -> pyyaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=_style(data))


def _style(text: str) -> str | None:
    if any(ends in text for ends in "\x85\u2028\u2029"):
        return '"'  # line ends to YAML 1.1: in double quotes alone they are escaped
    if "\n" in text:
        return "|"
    try:
        same = scalar(text) == text
    except NotYaml:
        same = False
    return None if same else "'"  # PyYAML quotes what 1.1 reads as another type, and not what 1.2 does


_Dumper.add_representer(str, _text)


class _Events:
    """The parser's events with one of look-ahead."""

    def __init__(self, text: str) -> None:
        # libyaml's own parser keeps its state on the heap: hostile depth costs memory, never the C stack.
        self._stream: Iterator[Any] = iter(pyyaml.parse(text, Loader=pyyaml.CSafeLoader))

    def next(self) -> Any:
        return next(self._stream)


def _documents(events: _Events) -> Iterator[Node]:
    while not isinstance(event := events.next(), pyyaml.StreamEndEvent):
        if isinstance(event, pyyaml.DocumentStartEvent):
            if event.tags or event.version:
                raise NotYaml("directives (%YAML, %TAG) are not allowed", *_place(event))
            node = _node(events, events.next(), 0)
            if not (isinstance(node, Scalar) and node.plain and node.text == ""):
                yield node


def _node(events: _Events, event: Any, depth: int) -> Node:
    line, column = _place(event)
    if isinstance(event, pyyaml.AliasEvent):
        raise NotYaml("aliases (*name) are not allowed", line, column)
    if event.anchor is not None:
        raise NotYaml("anchors (&name) are not allowed", line, column)
    if event.tag is not None:
        raise NotYaml(f"tags are not allowed: {event.tag}", line, column)
    if depth > MAX_DEPTH:
        raise NotYaml(f"nested more than {MAX_DEPTH} deep", line, column)
    if isinstance(event, pyyaml.ScalarEvent):
        return Scalar(event.value, event.style is None or event.style == "", line, column)
    if isinstance(event, pyyaml.SequenceStartEvent):
        items: list[Node] = []
        while not isinstance(item := events.next(), pyyaml.SequenceEndEvent):
            items.append(_node(events, item, depth + 1))
        return Sequence(tuple(items), line, column)
    return Mapping(tuple(_pairs(events, depth)), line, column)


def _pairs(events: _Events, depth: int) -> Iterator[tuple[Scalar, Node]]:
    seen: set[str] = set()
    while not isinstance(event := events.next(), pyyaml.MappingEndEvent):
        key = _node(events, event, depth + 1)
        if not isinstance(key, Scalar):
            raise NotYaml("a key must be a text", key.line, key.column)
        if key.plain and key.text == "<<":
            raise NotYaml("merge keys (<<) are not allowed", key.line, key.column)
        if key.text in seen:
            raise NotYaml(f"the key {key.text!r} occurs twice", key.line, key.column)
        seen.add(key.text)
        yield key, _node(events, events.next(), depth + 1)


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
