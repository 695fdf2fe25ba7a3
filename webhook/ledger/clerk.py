"""The sweep's side of the ledger: enter keys, release Jobs, keep it small.

Each step is one create or one delete, and every order of them is safe: a crash, or another sweep, between any two
costs a second copy of some keys, never a key.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain

import structlog

from ..errors import ClusterError, ClusterUnavailable, Conflict, NotFound
from ..ports import Record, Records
from . import keys
from .plan import fold, plan
from .segment import MAX_KEYS, Segment, day, write
from .shelf import Shelf

log = structlog.get_logger(__name__)

LONG_AGO = date(1970, 1, 1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How the ledger is kept.

    Attributes:
        remember: how long a key is known after its Job is gone.
        settle: how long a key is in the ledger before its Job may go, so that every replica has it.
        limit: keys in memory.
    """

    remember: timedelta
    settle: timedelta
    limit: int


class Clerk:
    """One sweep's writing; made by `Ledger.writing`."""

    def __init__(
        self, records: Records, shelf: Shelf, *, terms: Terms, now: Callable[[], datetime], dry_run: bool = False
    ) -> None:
        self._records, self._shelf, self._terms, self._now, self._dry_run = records, shelf, terms, now, dry_run
        self._waiting: set[bytes] = set()

    async def enter(self, job_keys: Iterable[str]) -> None:
        """Take in the keys of finished Jobs, known or not: those that are in no segment yet are written by the end.

        While the ledger is full they are left out: as long as its Job is there, an event needs no ledger.
        """
        for key in () if self._dry_run else job_keys:
            entry = keys.entry(key)
            if self._shelf.count + len(self._waiting) < self._terms.limit and entry not in self._shelf:
                self._waiting.add(entry)
        while len(self._waiting) >= MAX_KEYS:
            await self._write(MAX_KEYS)

    async def release(self, job_keys: Iterable[str]) -> frozenset[str]:
        """Answer which of these Jobs may go now; the others' keys are in the ledger by the end.

        A key whose segment would forget it too early is written into another one first.
        """
        now, free, urgent = self._now(), set(), False
        for key in job_keys:
            entry = keys.entry(key)
            settled, lasting = self._standing(entry, now)
            if settled:
                free.add(key)
            if not lasting and not self._dry_run:
                self._waiting.add(entry)
                urgent = urgent or settled
        while urgent and self._waiting:
            await self._write(MAX_KEYS)
        return frozenset(free)

    async def finish(self) -> None:
        """Write what is left, drop and fold; called by `Ledger.writing`."""
        while self._waiting:
            await self._write(MAX_KEYS)
        now = self._now()
        todo = plan(list(self._shelf.segments), now=now, settle=self._terms.settle, latest=self._forget_after(now))
        for segment in chain(todo.drop, list(self._shelf.forgotten)):
            await self._drop(segment)
        for group in todo.folds:
            await self._fold(group)

    def _standing(self, entry: bytes, now: datetime) -> tuple[bool, bool]:
        """Whether every replica has a key until another segment has settled, and whether that is long enough."""
        terms = self._terms
        settled, lasting = terms.settle <= timedelta(0), False
        for segment in self._shelf.holding(entry):
            lasts = segment.forget_after > day(now + terms.settle)
            settled = settled or (lasts and segment.settled(now, terms.settle))
            lasting = lasting or segment.forget_after >= day(now + terms.remember)
            if settled and lasting:
                break
        return settled, lasting

    def _forget_after(self, now: datetime) -> date:
        # A day more than is promised: most Jobs go within it, and their keys need not be written again then.
        return day(now + self._terms.remember + DAY)

    async def _write(self, at_most: int) -> None:
        entries = sorted(self._waiting)[:at_most]
        record = write(_name(), keys.pack(entries), forget_after=self._forget_after(self._now()))
        self._shelf.put(await self._records.create(record))
        self._waiting.difference_update(entries)
        log.info("ledger.entered", segment=record.name, keys=len(entries))

    async def _fold(self, group: Iterable[Segment]) -> None:
        group = tuple(group)
        names = [segment.name for segment in group]
        record = write(_name(), fold(group), forget_after=group[0].forget_after, replaces=names)
        try:
            self._shelf.put(await self._records.create(record))
        except ClusterError as error:
            log.warning("ledger.fold_failed", error=str(error))
        else:
            log.info("ledger.folded", segment=record.name, segments=len(names))

    async def _drop(self, segment: Segment) -> None:
        try:
            await self._records.delete(segment.name, version=segment.version)
        except (NotFound, Conflict):
            pass  # another sweep was faster
        except ClusterError as error:
            log.warning("ledger.drop_failed", segment=segment.name, error=str(error))
            return
        self._shelf.remove(segment.name)


async def store_time(records: Records, *, clock: Callable[[], float]) -> Callable[[], datetime]:
    """Learn the store's time from a record made for that, and answer a clock that is never ahead of it.

    The record is an empty segment that is past its day: one that a crash leaves behind goes as all such do.

    Args:
        records: where segments are.
        clock: in seconds, for the time since.
    """
    mark: Record = await records.create(write(_name(), b"", forget_after=LONG_AGO))
    heard, created = clock(), mark.created
    if created is None:
        raise ClusterUnavailable(f"{mark.name}: a stored record without a time")
    try:
        await records.delete(mark.name, version=mark.version)
    except ClusterError as error:
        log.info("ledger.mark_left", record=mark.name, error=str(error))
    return lambda: created + timedelta(seconds=clock() - heard)


def _name() -> str:
    return f"jobhook-ledger-{secrets.token_hex(10)}"
