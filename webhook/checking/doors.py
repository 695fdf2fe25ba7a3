"""Rules that wait at a door which no configuration opens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from ..definitions import Condition, Definition
from ..definitions.filters import exact_texts, show
from ..events import EVENTS_DOOR, JOBS_DOOR
from .finding import Severity
from .never import Said


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors of one receiver.

    Attributes:
        config: the file that declares its sources, as messages name it.
        sources: their names.
    """

    config: str
    sources: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """With those that every receiver has."""
        return self.sources | {EVENTS_DOOR, JOBS_DOOR}


def closed(definition: Definition, doors: Doors) -> Iterator[Said]:
    """Name what rules ask of `via` that no door satisfies.

    A warning only: another receiver's file may declare the source.
    """
    for number, rule in enumerate(definition.rules):
        for condition in rule.conditions:
            if condition.attribute == "via":
                for problem, remedy in _unopened(condition, doors):
                    yield Severity.WARNING, problem, remedy, ("on", number, "via")


def _unopened(condition: Condition, doors: Doors) -> Iterator[tuple[str, str]]:
    texts = exact_texts(condition.written)
    for name in sorted((texts or frozenset()) - doors.all):
        near = get_close_matches(name, doors.all, 1, 0.6)
        remedy = f"did you mean {near[0]}?" if near else f"declare it under sources, or write one of {_listed(doors)}"
        yield f"via: {doors.config} declares no source {name}", remedy
    if texts is None and not any(condition.holds(name) for name in doors.all):
        yield f"via: no door of {doors.config} satisfies {show(condition.written)}", f"there are {_listed(doors)}"


def _listed(doors: Doors) -> str:
    return ", ".join([*sorted(doors.sources), EVENTS_DOOR, JOBS_DOOR])
