"""The tests (`is …`) that expressions and templates may use: pure, and counted where a size decides their cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from jinja2.tests import TESTS as JINJA

from . import comparing
from .budget import budget_of, characters
from .filters import text


@pass_context
def _starting_with(context: Context, value: Any, prefix: str) -> bool:
    budget_of(context).charge(characters(prefix))
    return isinstance(value, str) and value.startswith(prefix)


@pass_context
def _ending_with(context: Context, value: Any, suffix: str) -> bool:
    budget_of(context).charge(characters(suffix))
    return isinstance(value, str) and value.endswith(suffix)


@pass_context
def _lower(context: Context, value: Any) -> bool:
    budget_of(context).charge(characters(value))
    return text(value).islower()


@pass_context
def _upper(context: Context, value: Any) -> bool:
    budget_of(context).charge(characters(value))
    return text(value).isupper()


def _remainder(value: Any, number: Any) -> Any:
    if isinstance(value, str):  # whose % would be Python's formatting: "%99999999d"
        raise TypeError("a number is needed")
    return value % number


_OF_JINJA = (
    *("defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping"),
    *("sequence", "iterable"),
)
_COMPARISONS: Mapping[Any, tuple[str, ...]] = {
    comparing.equal: ("==", "eq", "equalto"),
    comparing.unequal: ("!=", "ne"),
    comparing.greater: (">", "gt", "greaterthan"),
    comparing.not_less: (">=", "ge"),
    comparing.less: ("<", "lt", "lessthan"),
    comparing.not_greater: ("<=", "le"),
    comparing.contained: ("in",),
}

_THEIRS: Mapping[str, Any] = JINJA
TESTS: dict[str, Callable[..., Any]] = {
    **{name: _THEIRS[name] for name in _OF_JINJA},
    **{name: test for test, names in _COMPARISONS.items() for name in names},
    "divisibleby": lambda value, number: _remainder(value, number) == 0,
    "odd": lambda value: _remainder(value, 2) == 1,
    "even": lambda value: _remainder(value, 2) == 0,
    "lower": _lower,
    "upper": _upper,
    "startingwith": _starting_with,
    "endingwith": _ending_with,
}
"""By name: Jinja2's own, and `is startingwith "…"` and `is endingwith "…"`, since nothing can be called."""
