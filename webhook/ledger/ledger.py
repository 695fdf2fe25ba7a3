"""Which Jobs there were: asked by every launch, answered from memory, and never from a stale one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

import structlog

from ..errors import ClusterError, ClusterUnavailable
from ..metrics import Metrics
from ..ports import RecordChange, Records, Seen
from . import keys
from .clerk import Clerk, Terms, store_time
from .freshness import Freshness, uptime
from .segment import LABELS
from .shelf import Listing, Shelf

log = structlog.get_logger(__name__)

MAX_KEYS = 200_000
"""In memory: 3.2 MB."""
SILENCE = timedelta(seconds=90)
SHARE = 0.3
"""Of `settle`: for so long, and no longer than `SILENCE`, a copy is believed that the store has not confirmed."""
TICK = 5.0
LONGEST_PAUSE = 30.0
"""Seconds, at most, before a watch that broke is begun anew."""


class Ledger:
    """Implement `ports.Remembers` over immutable records; `run` keeps the copy, `writing` is for the sweep."""

    def __init__(
        self,
        records: Records,
        *,
        remember: timedelta,
        settle: timedelta,
        metrics: Metrics,
        limit: int = MAX_KEYS,
        clock: Callable[[], float] = uptime,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._records, self._clock, self._wall = records, clock, wall
        self._terms = Terms(remember=remember, settle=settle, limit=limit)
        self._shelf = Shelf(limit=limit, metrics=metrics)
        self._fresh = Freshness(min(SILENCE, settle * SHARE) if settle else SILENCE)
        self._synced = asyncio.Event()
        self._list: asyncio.Task[None] | None = None
        began = clock()
        metrics.ledger_age.set_function(
            lambda: clock() - (began if self._fresh.confirmed is None else self._fresh.confirmed)
        )

    @property
    def synced(self) -> bool:
        """Whether the copy was whole once."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Return once the copy was whole."""
        await self._synced.wait()

    async def remembers(self, key: str, *, deadline: float) -> bool:
        """Whether a Job of that key was there, and may be gone by now.

        Raises:
            ClusterUnavailable: it is not in the copy, and the copy is stale and could not be listed by `deadline`.
        """
        entry = keys.entry(key)
        # A copy of what never changes cannot be wrong, however old; only an absence has to be of now.
        if entry in self._shelf:
            return True
        if self._fresh.good(self._clock()):
            return False
        await self._refresh(deadline)
        return entry in self._shelf

    async def run(self) -> None:
        """Keep the copy until cancelled; a watch that breaks is begun anew."""
        ticking = asyncio.create_task(self._tick(), name="ledger.tick")
        failures = 0
        try:
            while True:
                before = self._fresh.confirmed
                try:
                    await self._follow()
                except Exception:
                    log.exception("ledger.watch_broke")
                failures = 1 if self._fresh.confirmed != before else failures + 1
                await asyncio.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.5 * 2 ** min(failures, 10))))  # noqa: S311 # jitter
        finally:
            tasks = [ticking] + ([self._list] if self._list else [])
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def writing(
        self, *, dry_run: bool = False, patience: timedelta = timedelta(seconds=10)
    ) -> AsyncIterator[Clerk]:
        """Write for one sweep; leaving without an exception writes what is left, folds and drops.

        Raises:
            ClusterUnavailable: the store does not take a record, or the copy is stale and cannot be listed.
        """
        await self._refresh(asyncio.get_running_loop().time() + patience.total_seconds())
        if dry_run:
            yield Clerk(self._records, self._shelf, terms=self._terms, now=self._wall, dry_run=True)
            return
        now = await store_time(self._records, clock=self._clock)
        clerk = Clerk(self._records, self._shelf, terms=self._terms, now=now)
        yield clerk
        await clerk.finish()

    async def _follow(self) -> None:
        # A cluster's `follow` is an async generator; the port promises no more than that it can be closed.
        changes = cast("AsyncGenerator[RecordChange, None]", self._records.follow(LABELS))
        listing: Listing | None = None
        began = 0.0
        try:
            async with aclosing(changes):
                async for change in changes:
                    if change.seen is Seen.LISTING:
                        self._abandon(listing)
                        began, listing = self._clock(), self._shelf.begin()
                    elif change.seen is Seen.SYNCED and listing is not None:
                        self._whole(listing, began)
                        listing = None
                    elif change.seen is Seen.ALIVE and listing is None:
                        self._fresh.alive(self._clock())
                    elif change.record is not None:
                        self._apply(change, listing)
        finally:
            self._abandon(listing)

    def _apply(self, change: RecordChange, listing: Listing | None) -> None:
        # A change does not confirm the copy: after a broken connection, old ones come first.
        if change.record is not None and change.seen is Seen.PRESENT:
            self._shelf.put(change.record, listing)
        elif change.record is not None and change.seen is Seen.GONE:
            self._shelf.remove(change.record.name)

    def _abandon(self, listing: Listing | None) -> None:
        if listing is not None:
            self._shelf.abandon(listing)

    def _whole(self, listing: Listing, began: float) -> None:
        self._shelf.end(listing)
        self._fresh.listed(began)
        self._synced.set()

    async def _refresh(self, deadline: float) -> None:
        """Have a copy that was good at this call: all who wait share one list. Raises ClusterUnavailable."""
        asked = self._clock()
        # A list that somebody began long ago may end without being new enough; the next one is ours.
        while not self._fresh.good(asked):
            if self._list is None or self._list.done():
                self._list = asyncio.create_task(self._relist(), name="ledger.list")
                self._list.add_done_callback(lambda task: task.cancelled() or task.exception())
            listing = self._list  # by the time that this one is through, another waiter may have begun the next
            try:
                async with asyncio.timeout_at(deadline):
                    await asyncio.wait((listing,))
            except TimeoutError as error:
                raise ClusterUnavailable("the ledger's copy is stale: not listed in time", sent=False) from error
            if listing.cancelled():
                raise ClusterUnavailable("the ledger is closed", sent=False)
            listing.result()

    async def _relist(self) -> None:
        began, listing = self._clock(), self._shelf.begin()
        try:
            for record in await self._records.list(LABELS):
                self._shelf.put(record, listing)
            self._whole(listing, began)
        except ClusterUnavailable:
            raise
        except ClusterError as error:
            raise ClusterUnavailable(f"the ledger's copy is stale: {error}", sent=False) from error
        finally:
            self._shelf.abandon(listing)

    async def _tick(self) -> None:
        while True:
            self._fresh.tick(self._clock())
            await asyncio.sleep(TICK)
