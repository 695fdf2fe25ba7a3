"""Which definitions an event calls: values in, values out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from .definitions import Definition, DefinitionSet, Rule, view
from .events import Arrival, Event
from .json import Struct
from .templates import Budget, EvaluationFailed, Expression

MAX_WORK = 10_000_000
"""Steps of all conditions that one event is asked; one may take a fifth of them."""


@dataclass(frozen=True, slots=True)
class WhenFailed:
    """A `when` that could not be evaluated, which counts as no match.

    Attributes:
        definition: its name.
        rule: the rule's number, from 0.
    """

    definition: str
    rule: int
    reason: str


class Routed(Struct, frozen=True):
    """What became of the matching.

    Attributes:
        definitions: those that the event calls, in the set's order.
        errors: of rules that were asked in vain.
    """

    definitions: tuple[Definition, ...] = ()
    errors: tuple[WhenFailed, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One step of an explanation.

    Attributes:
        rule: the rule's number, from 0.
        condition: in words.
        holds: whether the event satisfies it.
        found: the attribute's text, or why a `when` failed; None where there is nothing.
    """

    rule: int
    condition: str
    holds: bool
    found: str | None = None


def match(definitions: DefinitionSet, arrival: Arrival) -> Routed:
    """Find the definitions that ask for an event: those with at least one rule that takes it."""
    called: list[Definition] = []
    errors: list[WhenFailed] = []
    attributes = _attributes(arrival)
    asked = _Whens(arrival.event)
    for definition in definitions.candidates(arrival.event):
        for number, rule in enumerate(definition.rules):
            if not all(condition.holds(attributes.get(condition.attribute)) for condition in rule.conditions):
                continue
            if rule.when is not None:
                held = asked.holds(rule.when)
                if isinstance(held, EvaluationFailed):
                    errors.append(WhenFailed(definition.name, number, str(held)))
                if held is not True:
                    continue
            called.append(definition)
            break
    return Routed(tuple(called), tuple(errors))


class _Whens:
    """The conditions of one event, each text evaluated once, however many definitions share it."""

    __slots__ = ("_event", "_known", "_variables", "_work")

    def __init__(self, event: Event) -> None:
        self._event = event
        self._variables: dict[str, Any] = {}
        self._known: dict[str, bool | EvaluationFailed] = {}
        self._work = 0

    def holds(self, when: Expression) -> bool | EvaluationFailed:
        """Whether it holds, or why that cannot be told."""
        known = self._known.get(when.source)
        if known is None:
            known = self._known[when.source] = self._evaluate(when)
        return known

    def _evaluate(self, when: Expression) -> bool | EvaluationFailed:
        if self._work > MAX_WORK:
            return EvaluationFailed(f"the conditions of all definitions take more than {MAX_WORK} steps")
        self._variables = self._variables or {"event": view(self._event)}
        budget = Budget()
        try:
            return when.holds(self._variables, budget)
        except EvaluationFailed as error:
            return error
        finally:
            self._work += budget.work


def explain(definition: Definition, arrival: Arrival) -> tuple[Asked, ...]:
    """Ask every condition of every rule, also after one that does not hold."""
    attributes = _attributes(arrival)
    return tuple(
        asked
        for number, rule in enumerate(definition.rules)
        for asked in _explain(rule, number, attributes, arrival.event)
    )


def _explain(rule: Rule, number: int, attributes: dict[str, str], event: Event) -> Iterator[Asked]:
    for condition in rule.conditions:
        found = attributes.get(condition.attribute)
        yield Asked(number, str(condition), condition.holds(found), found)
    if rule.when is not None:
        written = f"when: {rule.when.source}"
        try:
            yield Asked(number, written, rule.when.holds({"event": view(event)}))
        except EvaluationFailed as error:
            yield Asked(number, written, holds=False, found=str(error))


def _attributes(arrival: Arrival) -> dict[str, str]:
    """The texts that filters see: booleans and integers in the form that HTTP headers have (CloudEvents §3.1)."""
    texts = arrival.event.attributes()
    for name, value in arrival.event.extensions.items():
        if not isinstance(value, str):
            texts[name] = str(value).lower()
    texts["via"] = arrival.via
    return cast("dict[str, str]", texts)
