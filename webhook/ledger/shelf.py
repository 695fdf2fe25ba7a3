"""The copy of the ledger in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import structlog

from ..metrics import Metrics
from ..ports import Record
from . import keys
from .plan import excess, uncovered
from .segment import MAX_KEYS, Segment, read

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Listing:
    """A list under way: what is neither in it nor came since is gone at its end."""

    present: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


class Shelf:
    """Segments by name. They are immutable: a copy of one is right for ever, only what is missing can be wrong."""

    def __init__(self, *, limit: int, metrics: Metrics) -> None:
        self._limit, self._metrics = limit, metrics
        self._segments: dict[str, Segment] = {}
        self._forgotten: dict[str, Segment] = {}
        self._listings: list[Listing] = []
        self._count = self._raw = 0
        self._sieve = keys.Sieve()

    @property
    def segments(self) -> Iterable[Segment]:
        """All of them."""
        return self._segments.values()

    @property
    def forgotten(self) -> Iterable[Segment]:
        """Those that were too many, without their keys."""
        return self._forgotten.values()

    @property
    def count(self) -> int:
        """Keys, those in segments that were folded counted once."""
        return self._count

    def __contains__(self, entry: bytes) -> bool:
        return any(True for _ in self.holding(entry))

    def holding(self, entry: bytes) -> Iterator[Segment]:
        """The segments that hold an entry, those first that came last."""
        if entry in self._sieve:
            for segment in reversed(self._segments.values()):
                if keys.holds(segment.packed, entry):
                    yield segment

    def put(self, record: Record, listing: Listing | None = None) -> None:
        """Take a record in, of a list or on its own; one that is no segment is left out, and told."""
        name = record.name
        if listing is not None and name in listing.gone:
            return  # the list is older than its end
        for one in self._listings if listing is None else (listing,):
            one.present.add(name)
        if name in self._segments or name in self._forgotten:
            return
        try:
            segment = self._segments[name] = read(record)
        except ValueError as error:
            log.error("ledger.unreadable", record=name, error=str(error))
            return
        self._sieve.add(segment.packed)
        self._raw += segment.size
        # A long list is counted once, at its end, unless it grows too large before.
        if listing is None or self._raw > self._limit:
            self._counted()

    def remove(self, name: str) -> None:
        """Forget a segment that is gone."""
        for listing in self._listings:
            listing.present.discard(name)
            listing.gone.add(name)
        self._segments.pop(name, None)
        self._forgotten.pop(name, None)
        self._counted()

    def begin(self) -> Listing:
        """Begin a list, before it is asked for; `end` or `abandon` it."""
        self._listings.append(listing := Listing())
        return listing

    def abandon(self, listing: Listing) -> None:
        """Leave a list that did not come to its end."""
        if listing in self._listings:
            self._listings.remove(listing)

    def end(self, listing: Listing) -> None:
        """The list was whole: what was not in it is gone."""
        self.abandon(listing)
        for name in (self._segments.keys() | self._forgotten.keys()) - listing.present:
            self._segments.pop(name, None)
            self._forgotten.pop(name, None)
        self._counted()

    def _counted(self) -> None:
        """Count, and forget the oldest where there are too many."""
        for segment in excess(self._segments.values(), limit=self._limit):
            del self._segments[segment.name]
            self._forgotten[segment.name] = replace(segment, packed=b"")
            self._metrics.ledger_forgotten.inc(segment.size)
            log.warning("ledger.full", forgotten=segment.size, segment=segment.name)
        self._raw = sum(segment.size for segment in self._segments.values())
        if self._sieve.added > 2 * self._raw + MAX_KEYS:
            self._sieve = keys.Sieve()
            for segment in self._segments.values():
                self._sieve.add(segment.packed)
        self._count = sum(segment.size for segment in uncovered(self._segments.values()))
        self._metrics.ledger_keys.set(self._count)
        self._metrics.ledger_segments.set(sum(1 for segment in self._segments.values() if segment.size))
