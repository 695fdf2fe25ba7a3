"""Which segments go, and which are folded into one: decided from what there is and the store's time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from . import keys
from .segment import MAX_KEYS, Segment, day

FOLD_AT = 8
"""Segments of the day that is being written, before they are folded: each key is written few times over."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done; leaving any of it undone is harmless.

    Attributes:
        drop: to be deleted: past their day, or replaced by one that every replica has.
        folds: each to be written as one segment, of one day.
    """

    drop: tuple[Segment, ...] = ()
    folds: tuple[tuple[Segment, ...], ...] = ()


def plan(segments: Collection[Segment], *, now: datetime, settle: timedelta, latest: date) -> Plan:
    """Plan what keeps the ledger small.

    Args:
        segments: all that are known; some may be gone already.
        now: by the store's clock, or earlier.
        settle: after so long every replica has a segment.
        latest: the day under which new keys are written now.
    """
    today = day(now)
    alive = [segment for segment in segments if segment.forget_after >= today]
    expired = [segment for segment in segments if segment.forget_after < today]
    sure = replaced(segment for segment in alive if segment.settled(now, settle))
    standing = uncovered(alive)
    return Plan(
        drop=(*expired, *(segment for segment in alive if (segment.name, segment.forget_after) in sure)),
        folds=tuple(_folds(standing, latest=latest)),
    )


def uncovered(segments: Collection[Segment]) -> list[Segment]:
    """The segments that no other replaces: together they hold every key."""
    covered = replaced(segments)
    return [segment for segment in segments if (segment.name, segment.forget_after) not in covered]


def replaced(segments: Iterable[Segment]) -> frozenset[tuple[str, date]]:
    """What these replace, by name and day: one that remembers for a shorter time replaces nothing."""
    return frozenset((name, segment.forget_after) for segment in segments for name in segment.replaces)


def excess(segments: Collection[Segment], *, limit: int) -> list[Segment]:
    """The oldest segments, as many as make the rest at most `limit` keys."""
    standing = sorted(uncovered(segments), key=lambda one: (one.forget_after, one.created, one.name))
    over = sum(segment.size for segment in standing) - limit
    found = []
    for segment in standing:
        if over <= 0:
            break
        found.append(segment)
        over -= segment.size
    return found


def fold(segments: Iterable[Segment]) -> bytes:
    """The keys of several segments, packed."""
    return keys.pack(entry for segment in segments for entry in keys.unpack(segment.packed))


def _folds(segments: Iterable[Segment], *, latest: date) -> Iterator[tuple[Segment, ...]]:
    small = [segment for segment in segments if 0 < segment.size < MAX_KEYS]
    small.sort(key=lambda one: (one.forget_after, one.size, one.name))
    for forget_after, of_day in groupby(small, key=lambda one: one.forget_after):
        group = list(of_day)
        if len(group) >= (FOLD_AT if forget_after >= latest else 2):
            yield from (fill for fill in _fills(group) if len(fill) > 1)


def _fills(segments: Iterable[Segment]) -> Iterator[tuple[Segment, ...]]:
    """Part segments, smallest first, so that each part fits into one."""
    part: list[Segment] = []
    for segment in segments:
        if part and sum(one.size for one in part) + segment.size > MAX_KEYS:
            yield tuple(part)
            part = []
        part.append(segment)
    yield tuple(part)
