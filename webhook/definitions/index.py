"""Which rules could take an event, found by its type and its source instead of by asking each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .filters import prefix_texts
from .rule import Rule

_ATTRIBUTES = ("type", "source")
Entry = tuple[int, Rule]


@dataclass(frozen=True, slots=True)
class Index:
    """Positions of definitions by what their rules ask of the event's type, and below that of its source.

    Attributes:
        below: by the texts that an attribute's value must begin with; the empty one where a rule does not say.
        lengths: of those texts, so that one look-up for each finds them all.
        positions: where no attribute is left to tell rules apart.
    """

    below: Mapping[str, Index]
    lengths: tuple[int, ...]
    positions: tuple[int, ...] = ()

    def find(self, texts: Sequence[str]) -> Iterator[int]:
        """The positions for these values of the attributes, some perhaps twice."""
        yield from self.positions
        for length in self.lengths:
            # A value that is shorter than the length is looked up whole, and is no text of that length.
            below = self.below.get(texts[0][:length]) if length <= len(texts[0]) else None
            if below is not None:
                yield from below.find(texts[1:])


def index(entries: Sequence[Entry], attributes: Sequence[str] = _ATTRIBUTES) -> Index:
    """Make the index of rules, each with its definition's position."""
    if not attributes:
        return Index({}, (), tuple(sorted({position for position, _ in entries})))
    groups: dict[str, list[Entry]] = {}
    for position, rule in entries:
        for text in _texts(rule, attributes[0]):
            groups.setdefault(text, []).append((position, rule))
    below = {text: index(group, attributes[1:]) for text, group in groups.items()}
    return Index(below, tuple(sorted({len(text) for text in groups})))


def _texts(rule: Rule, attribute: str) -> frozenset[str]:
    known = [prefix_texts(condition.written) for condition in rule.conditions if condition.attribute == attribute]
    return next((texts for texts in known if texts is not None), frozenset({""}))
