"""A part of the ledger: an immutable record of up to 20,000 keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from .. import marks
from ..ports import Record
from . import keys

LABELS = {marks.LEDGER: "segment"}
"""Selects all segments, and nothing else."""
MAX_KEYS = 20_000
"""320 KB; Base64 makes 427 KB of them, and a ConfigMap takes 1 MiB."""

_KEYS, _REPLACES = "keys", "replaces"


@dataclass(frozen=True, slots=True)
class Segment:
    """Keys that are forgotten together.

    Attributes:
        version: of the record, so that it can be deleted as it was read.
        forget_after: the last day, in UTC, on which its keys are known.
        created: by the store's clock.
        packed: the keys, as `keys.pack` lays them.
        replaces: the segments whose keys it holds, too, by name; they were there before it.
    """

    name: str
    version: str
    forget_after: date
    created: datetime
    packed: bytes
    replaces: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        """How many keys it holds."""
        return len(self.packed) // keys.WIDTH

    def settled(self, now: datetime, settle: timedelta) -> bool:
        """Whether every replica has it by now."""
        return settle <= timedelta(0) or now - self.created >= settle


def read(record: Record) -> Segment:
    """Read a segment. Raises ValueError where the record is none."""
    packed = record.data.get(_KEYS, b"")
    if len(packed) % keys.WIDTH or record.created is None:
        raise ValueError(f"{record.name}: {len(packed)} bytes are no keys, or it was never stored")
    entries = keys.unpack(packed)
    if any(one >= other for one, other in pairwise(entries)):
        packed = keys.pack(entries)  # a search would miss some
    return Segment(
        name=record.name,
        version=record.version,
        forget_after=date.fromisoformat(record.labels.get(marks.FORGET_AFTER, "")),
        created=record.created,
        packed=packed,
        replaces=frozenset(record.data.get(_REPLACES, b"").decode().split()),
    )


def write(name: str, packed: bytes, *, forget_after: date, replaces: Iterable[str] = ()) -> Record:
    """Write a segment that was not stored yet."""
    data = {_KEYS: packed}
    if names := " ".join(sorted(replaces)):
        data[_REPLACES] = names.encode()
    labels = {**LABELS, marks.FORGET_AFTER: forget_after.isoformat()}
    return Record(name=name, data=data, labels=labels, immutable=True)


def day(moment: datetime) -> date:
    """The day of a moment in UTC."""
    return moment.astimezone(UTC).date()
