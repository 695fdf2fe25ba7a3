"""Filters over attributes, compiled.

As the CloudEvents Subscriptions dialects mean them: a missing attribute satisfies no `exact`, `prefix` or `suffix`,
and therefore every `not` of one; comparison is case-sensitive.
https://github.com/cloudevents/spec/blob/main/subscriptions/spec.md#324-filters
"""

from __future__ import annotations

from collections.abc import Callable

from .model import Filter

Predicate = Callable[[str | None], bool]


def compile_filter(condition: Filter | str) -> Predicate:
    """The function that tells whether an attribute's text (None: no such attribute) satisfies a filter."""
    if isinstance(condition, str):
        return _exact(condition)
    if condition.exact is not None:
        return _exact(condition.exact)
    if condition.prefix is not None:
        return _prefix(condition.prefix)
    if condition.suffix is not None:
        return _suffix(condition.suffix)
    if condition.not_ is not None:
        return _not(compile_filter(condition.not_))
    nested = tuple(compile_filter(inner) for inner in condition.any or condition.all or ())
    return _any(nested) if condition.any is not None else _all(nested)


def exact_texts(condition: Filter | str | None) -> frozenset[str] | None:
    """The only texts that can satisfy a filter, or None where they cannot be listed: what an index is made of."""
    if isinstance(condition, str):
        return frozenset({condition})
    if condition is None:
        return None
    if condition.exact is not None:
        return frozenset({condition.exact})
    if condition.any is not None:
        parts = [exact_texts(inner) for inner in condition.any]
        known = [part for part in parts if part is not None]
        return frozenset().union(*known) if len(known) == len(parts) else None
    if condition.all is not None:
        return next((part for inner in condition.all if (part := exact_texts(inner)) is not None), None)
    return None


def prefix_texts(condition: Filter | str) -> frozenset[str] | None:
    """Texts one of which begins every text that satisfies a filter, or None where they cannot be listed."""
    if (exact := exact_texts(condition)) is not None or isinstance(condition, str):
        return exact
    if condition.prefix is not None:
        return frozenset({condition.prefix})
    nested = [prefix_texts(inner) for inner in condition.any or condition.all or ()]
    known = [part for part in nested if part is not None]
    if condition.any is not None:
        return frozenset().union(*known) if len(known) == len(nested) else None
    return known[0] if known else None


def show(condition: Filter | str) -> str:
    """A filter in a few words, for people."""
    if isinstance(condition, str):
        return condition
    for name in ("exact", "prefix", "suffix"):
        if (text := getattr(condition, name)) is not None:
            return f"{name} {text}" if name != "exact" else str(text)
    if condition.not_ is not None:
        return f"not ({show(condition.not_)})"
    name, nested = ("any", condition.any) if condition.any is not None else ("all", condition.all)
    return f"{name} of ({', '.join(show(inner) for inner in nested or ())})"


def _exact(text: str) -> Predicate:
    return lambda value: value == text


def _prefix(text: str) -> Predicate:
    return lambda value: value is not None and value.startswith(text)


def _suffix(text: str) -> Predicate:
    return lambda value: value is not None and value.endswith(text)


def _not(inner: Predicate) -> Predicate:
    return lambda value: not inner(value)


def _any(nested: tuple[Predicate, ...]) -> Predicate:
    return lambda value: any(holds(value) for holds in nested)


def _all(nested: tuple[Predicate, ...]) -> Predicate:
    return lambda value: all(holds(value) for holds in nested)
