"""What parses and does nothing yet: the one table from which later work takes rows out.

A key about who may do what, or how much, or about loss, is built or refused; any other warns once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .model import Problem

REFUSED: tuple[tuple[tuple[str, ...], str], ...] = ()
WARNED: tuple[tuple[tuple[str, ...], str], ...] = (
)


def refused(document: Any) -> Iterator[Problem]:
    """Keys with a value that are not built, and without which a promise would be broken."""
    for pattern, why in REFUSED:
        yield from (Problem(path, f"not yet: {why}") for path, value in _find(document, pattern) if value)


def warned(document: Any) -> Iterator[Problem]:
    """Keys with a value that change nothing yet."""
    for pattern, what in WARNED:
        yield from (Problem(path, f"not yet: {what}") for path, value in _find(document, pattern) if value)


def _find(value: Any, pattern: tuple[str, ...], path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """The paths that a pattern names in a plain value, with what stands there; `*` is any key or index."""
    if not pattern:
        yield path, value
        return
    step, rest = pattern[0], pattern[1:]
    if isinstance(value, dict):
        for key in value if step == "*" else [step] if step in value else []:
            yield from _find(value[key], rest, (*path, key))
    elif isinstance(value, list) and step == "*":
        for index, item in enumerate(value):
            yield from _find(item, rest, (*path, index))
