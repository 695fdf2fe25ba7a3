"""One rule of `on`, compiled."""

from __future__ import annotations

from dataclasses import dataclass

from ..templates import Expression
from .filters import Predicate, exact_texts, show
from .model import Filter


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter of a rule.

    Attributes:
        attribute: of the event; or `via`.
    """

    attribute: str
    written: Filter | str
    holds: Predicate

    def __str__(self) -> str:
        return f"{self.attribute}: {show(self.written)}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of `on`: all of its conditions must hold, then `when`."""

    conditions: tuple[Condition, ...]
    when: Expression | None

    def types(self) -> frozenset[str] | None:
        """The only types that it can take, or None where they cannot be listed."""
        return next(
            (exact_texts(condition.written) for condition in self.conditions if condition.attribute == "type"), None
        )

    def within_reach(self, via: str, prefix: str) -> bool:
        """Whether an event by that door, of any type with that prefix, could satisfy what is asked of these two."""
        types = self.types()
        if types is not None and not any(type_.startswith(prefix) for type_ in types):
            return False
        return all(condition.holds(via) for condition in self.conditions if condition.attribute == "via")
