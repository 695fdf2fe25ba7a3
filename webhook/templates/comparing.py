"""Comparisons that count what they go through before they do: `==` and its kin, and `in`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from .budget import BUDGET, SIZED, Budget, characters, searched

_MANY = 8
"""Elements that one step of `in` looks at: it runs in C."""


def compared(left: Any, right: Any, budget: Budget) -> None:
    """Count what `left == right`, or an order of them, may look at."""
    if isinstance(left, str):
        if isinstance(right, str):
            budget.charge(min(characters(left), characters(right)))
    elif isinstance(left, SIZED) and isinstance(right, SIZED):
        budget.walk(left)


def sought(wanted: Any, within: Any, budget: Budget) -> None:
    """Count what `wanted in within` may look at."""
    if isinstance(within, str):
        budget.charge(searched(within, wanted))
    elif isinstance(within, (list, tuple)):
        if isinstance(wanted, (list, tuple, dict)):
            budget.walk(within)
        else:
            budget.charge(1 + len(within) * characters(wanted) // _MANY)
    elif isinstance(within, dict):
        budget.charge(characters(wanted))


def comparison(compare: Callable[[Any, Any], Any]) -> Callable[[Context, Any, Any], Any]:
    """The test of an operator such as `==`."""
    return _comparison(compare, compared)


def _comparison(
    compare: Callable[[Any, Any], Any], count: Callable[[Any, Any, Budget], None]
) -> Callable[[Context, Any, Any], Any]:
    @pass_context
    def counted(context: Context, left: Any, right: Any) -> Any:
        # Two numbers, or null and whatever, cost nothing that depends on the event's size.
        if isinstance(right, SIZED):
            count(left, right, context.parent[BUDGET])
        return compare(left, right)

    return counted


def _within(wanted: Any, values: Any) -> bool:
    return wanted in values


contained = _comparison(_within, sought)
"""The test `in`."""
equal, unequal = comparison(operator.eq), comparison(operator.ne)
greater, not_less = comparison(operator.gt), comparison(operator.ge)
less, not_greater = comparison(operator.lt), comparison(operator.le)
