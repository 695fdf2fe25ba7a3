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
from ..templates import Template, follow
from .index import Index, index
from .params import Param
from .plans import Plans
from .rule import Rule
from .view import view

EventMode = Literal["none", "env", "file"]


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
        """Those whose rules could take the event by its type, source and what their `when`s want first, in order.

        Those whose `when` would fail are among them.
        """
        variables: dict[str, Any] = {}

        def at(path: tuple[str, ...]) -> Any:
            if not variables:
                variables["event"] = view(event)
            return follow(variables, path)

        places = {*self._index.find((event.type, event.source), at)}
        return tuple([self.definitions[place] for place in sorted(places)])

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
    def _index(self) -> Index:
        return index([(place, rule) for place, found in enumerate(self.definitions) for rule in found.rules])
