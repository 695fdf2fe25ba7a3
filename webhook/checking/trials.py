"""A definition's own `tests`: each sample event, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..definitions import Definition, DefinitionSet, Example
from ..definitions.filters import exact_texts
from ..errors import ValueRefused
from ..events import EVENTS_DOOR, Arrival
from ..rendering import Rendered, render
from ..routing import explain, match
from .fragment import differences
from .samples import NoEvent, read_arrival

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
"""When samples come: tests do not depend on the day."""
_MAX_EVENT = 25 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trial:
    """One of the tests, run.

    Attributes:
        number: of the test, from 0.
        problems: what is wrong with its event or its result; empty where it holds.
        at_event: the problems are of the event and not of what was expected.
        arrival, rendered: for a test that launches a Job.
    """

    number: int
    problems: tuple[str, ...] = ()
    at_event: bool = False
    arrival: Arrival | None = None
    rendered: Rendered | None = None


def run(definition: Definition, folder: Path) -> Iterator[Trial]:
    """Run a definition's tests; their files are relative to `folder`."""
    for number, example in enumerate(definition.tests):
        try:
            arrivals = tuple(_arrivals(definition, folder / example.event))
        except NoEvent as error:
            yield Trial(number, (f"{example.event}: {error}",), at_event=True)
        else:
            yield _run(definition, number, example, arrivals)


def _arrivals(definition: Definition, file: Path) -> Iterator[Arrival]:
    """The sample by every door that the rules name, as a file does not say by which it came."""
    try:
        if file.stat().st_size > _MAX_EVENT:
            raise NoEvent(f"has more than {_MAX_EVENT} bytes")
        text = file.read_bytes()
    except OSError as error:
        raise NoEvent(f"cannot be read: {error.strerror}; it is looked for in {file.parent}") from error
    first = read_arrival(text, now=NOW)
    doors = {first.via: None}
    for rule in definition.rules:
        for condition in rule.conditions:
            if condition.attribute == "via":
                doors |= dict.fromkeys(sorted(exact_texts(condition.written) or {EVENTS_DOOR}))
    for door in doors:
        yield read_arrival(text, via=door, now=NOW)


def _run(definition: Definition, number: int, example: Example, arrivals: tuple[Arrival, ...]) -> Trial:
    alone = DefinitionSet((definition,))
    routed = [(arrival, match(alone, arrival)) for arrival in arrivals]
    taken = next((arrival for arrival, found in routed if found.definitions), None)
    if example.expect is None:
        return Trial(number, ("the definition takes the event, and the test expects none",) if taken else ())
    if taken is None:
        return Trial(number, (f"the definition does not take the event: {why_not(definition, arrivals[0])}",))
    try:
        rendered = render(definition, taken)
    except ValueRefused as error:
        return Trial(number, (f"the event is refused: {error}",))
    found = tuple(differences(rendered.manifest, example.expect))
    return Trial(number, found, arrival=taken, rendered=rendered)


def why_not(definition: Definition, arrival: Arrival) -> str:
    """The first condition of each rule that keeps an event away."""
    failed: dict[int, str] = {}
    for asked in explain(definition, arrival):
        if not asked.holds:
            it_is = f" (it is {asked.found})" if asked.found is not None else ""
            failed.setdefault(asked.rule, f"rule {asked.rule + 1}: {asked.condition}{it_is}")
    return "; ".join(failed.values()) or "it has no rules, and is only submitted"
