"""A definition, compiled, and the set of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal

from ..events import Event
from ..manifests import Allow
from ..templates import Expression, Template
from .filters import Predicate, exact_texts, show
from .model import Filter
from .params import Param
from .plans import Plans

EventMode = Literal["none", "env", "file"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One of a definition's own tests: a sample event's file, and a fragment of the manifest (None: no match)."""

    event: str
    expect: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A Job template with the rules that call it.

    Attributes:
        rules: empty for one that can only be submitted.
        params: by name, in the order written.
        retention: how long a finished Job is kept, by outcome (`succeeded`, `failed`, `cancelled`); those left out
            are jobhook.yaml's.
        event: how the containers get the whole event.
        allow: places beyond the safe ones where values may go.
        labels, annotations: put on the Job as they are.
        source: the template's text.
        plans: the template's rendered texts, parsed; a memory that only saves time.
        digest: SHA-256 in hex over all that decides what it makes.
        ancestor: it came in the older form (a list of names and templates).
        path, line: where it is written.
    """

    name: str
    description: str = ""
    rules: tuple[Rule, ...] = ()
    params: Mapping[str, Param]
    retention: Mapping[str, timedelta] = field(default_factory=dict)
    event: EventMode = "none"
    allow: frozenset[Allow] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    tests: tuple[Example, ...] = ()
    source: str
    template: Template
    plans: Plans = field(repr=False, compare=False)
    digest: str
    ancestor: bool = False
    path: str = ""
    line: int = 1


@dataclass(frozen=True)
class DefinitionSet:
    """Definitions in the order in which they were read, no name twice."""

    definitions: tuple[Definition, ...] = ()

    def __iter__(self) -> Iterator[Definition]:
        return iter(self.definitions)

    def __len__(self) -> int:
        return len(self.definitions)

    @property
    def names(self) -> tuple[str, ...]:
        """The definitions' names, in order."""
        return tuple(self._by_name)

    def get(self, name: str) -> Definition | None:
        """The definition of that name, or None."""
        return self._by_name.get(name)

    def candidates(self, event: Event) -> tuple[Definition, ...]:
        """Those whose rules could take an event of that type, in order: all others cannot."""
        return self._by_type.get(event.type, self._of_any_type)

    def within_reach(self, via: str, prefix: str) -> tuple[str, ...]:
        """The names of those that events by that door, of types with that prefix, could call at all."""
        return tuple(
            found.name for found in self.definitions if any(rule.within_reach(via, prefix) for rule in found.rules)
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex over all names and digests."""
        lines = "".join(f"{definition.name} {definition.digest}\n" for definition in self.definitions)
        return hashlib.sha256(lines.encode()).hexdigest()

    @cached_property
    def _by_name(self) -> dict[str, Definition]:
        return {definition.name: definition for definition in self.definitions}

    @cached_property
    def _of_any_type(self) -> tuple[Definition, ...]:
        return tuple(found for found in self.definitions if any(rule.types() is None for rule in found.rules))

    @cached_property
    def _by_type(self) -> dict[str, tuple[Definition, ...]]:
        types: dict[str, dict[str, None]] = {}
        for definition in self.definitions:
            for rule in definition.rules:
                for name in rule.types() or ():
                    types.setdefault(name, {})[definition.name] = None
        general = {definition.name for definition in self._of_any_type}
        order = {definition.name: position for position, definition in enumerate(self.definitions)}
        return {
            name: tuple(self.definitions[position] for position in sorted(order[n] for n in {*names, *general}))
            for name, names in types.items()
        }
