"""Which rules could take an event, found by its type, its source and one value instead of by asking each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ..templates import MISSING
from .filters import prefix_texts
from .rule import Rule

_ATTRIBUTES = ("type", "source")
Entry = tuple[int, Rule]
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """Positions of definitions by what their rules ask of the event's type, below that of its source, then `when`.

    Attributes:
        below: by the texts that an attribute's value must begin with; the empty one where a rule does not say.
        lengths: of those texts, so that one look-up for each finds them all.
        positions: where no attribute is left to tell rules apart, and their `when`s do not say what they want first.
        wanting: by the path and the text that a `when` wants first.
    """

    below: Mapping[str, Index]
    lengths: tuple[int, ...]
    positions: tuple[int, ...] = ()
    wanting: Mapping[Path, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)

    def find(self, texts: Sequence[str], at: Callable[[Path], Any]) -> Iterator[int]:
        """The positions for these values of the attributes, and for what stands at a path; some perhaps twice."""
        yield from self.positions
        for path, places in self.wanting.items():
            value = at(path)
            if value is MISSING:
                yield from chain.from_iterable(places.values())  # each of them fails, and is counted
            elif isinstance(value, str):
                yield from places.get(value, ())
        for length in self.lengths:
            below = self.below.get(texts[0][:length]) if length <= len(texts[0]) else None
            if below is not None:
                yield from below.find(texts[1:], at)


def index(entries: Sequence[Entry], attributes: Sequence[str] = _ATTRIBUTES) -> Index:
    """Make the index of rules, each with its definition's position."""
    if not attributes:
        return _leaf(entries)
    groups: dict[str, list[Entry]] = {}
    for position, rule in entries:
        for text in _texts(rule, attributes[0]):
            groups.setdefault(text, []).append((position, rule))
    below = {text: index(group, attributes[1:]) for text, group in groups.items()}
    return Index(below, tuple(sorted({len(text) for text in groups})))


def _leaf(entries: Sequence[Entry]) -> Index:
    positions: list[int] = []
    wanting: dict[Path, dict[str, list[int]]] = {}
    for position, rule in entries:
        if rule.when is None or rule.when.wanted is None:
            positions.append(position)
            continue
        path, texts = rule.when.wanted
        for text in texts:
            wanting.setdefault(path, {}).setdefault(text, []).append(position)
    found = {path: {text: tuple(some) for text, some in places.items()} for path, places in wanting.items()}
    return Index({}, (), tuple(positions), found)


def _texts(rule: Rule, attribute: str) -> frozenset[str]:
    known = [prefix_texts(condition.written) for condition in rule.conditions if condition.attribute == attribute]
    return next((texts for texts in known if texts is not None), frozenset({""}))
