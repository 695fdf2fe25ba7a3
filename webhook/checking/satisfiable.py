"""Whether any text at all can satisfy a filter."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from ..definitions.model import Filter

MAX_CASES = 1000
"""Combinations of `any` that are looked at; a filter with more is taken for one that can be satisfied."""


@dataclass(frozen=True, slots=True)
class _Literal:
    """One comparison, or its contrary."""

    kind: str
    text: str
    wanted: bool

    def holds(self, value: str) -> bool:
        found = {
            "exact": value == self.text,
            "prefix": value.startswith(self.text),
            "suffix": value.endswith(self.text),
        }[self.kind]
        return found is self.wanted


_Case = tuple[_Literal, ...]


class _TooMany(Exception):
    """Too many cases to look at."""


def satisfiable(condition: Filter | str) -> bool:
    """Whether some text satisfies a filter.

    >>> satisfiable("a"), satisfiable(Filter(all=["a", Filter(prefix="b")]))
    (True, False)
    """
    try:
        return any(_possible(case) for case in _cases(condition, wanted=True))
    except _TooMany:
        return True


def _cases(condition: Filter | str, *, wanted: bool) -> list[_Case]:
    """The filter as alternatives, each of comparisons that must hold together (its disjunctive normal form)."""
    if isinstance(condition, str):
        return [(_Literal("exact", condition, wanted),)]
    for kind in ("exact", "prefix", "suffix"):
        if (text := getattr(condition, kind)) is not None:
            return [(_Literal(kind, text, wanted),)]
    if condition.not_ is not None:
        return _cases(condition.not_, wanted=not wanted)
    nested = [_cases(inner, wanted=wanted) for inner in condition.any or condition.all or ()]
    if (condition.any is not None) is wanted:  # by De Morgan the contrary of `all` is an `any`, and so on
        return _bounded([case for cases in nested for case in cases])
    cases: list[_Case] = [()]
    for each in nested:
        cases = _bounded([(*left, *right) for left, right in product(cases, each)])
    return cases


def _bounded(cases: list[_Case]) -> list[_Case]:
    if len(cases) > MAX_CASES:
        raise _TooMany
    return cases


def _possible(case: _Case) -> bool:
    exact = next((literal.text for literal in case if literal.kind == "exact" and literal.wanted), None)
    if exact is not None:
        return all(literal.holds(exact) for literal in case)
    # Any text that begins and ends as it must, with something between that no comparison knows of.
    prefix, suffix = (
        max((literal.text for literal in case if literal.kind == kind and literal.wanted), key=len, default="")
        for kind in ("prefix", "suffix")
    )
    between = "\0" * (1 + max((len(literal.text) for literal in case), default=0))
    return all(literal.holds(prefix + between + suffix) for literal in case)
