"""The tests (`is …`) that expressions and templates may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2.tests import TESTS as JINJA


def _starting_with(value: Any, prefix: str) -> bool:
    return isinstance(value, str) and value.startswith(prefix)


def _ending_with(value: Any, suffix: str) -> bool:
    return isinstance(value, str) and value.endswith(suffix)


_OF_JINJA = (
    *("defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping"),
    *("sequence", "iterable", "in", "odd", "even", "divisibleby", "lower", "upper"),
    *("==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", ">=", "ge", "<", "lt", "lessthan", "<=", "le"),
)

_THEIRS: Mapping[str, Any] = JINJA
TESTS: dict[str, Callable[..., Any]] = {
    **{name: _THEIRS[name] for name in _OF_JINJA},
    "startingwith": _starting_with,
    "endingwith": _ending_with,
}
"""By name: Jinja2's own, and `is startingwith "…"` and `is endingwith "…"`, since nothing can be called."""
