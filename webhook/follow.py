"""One watch over our Jobs → an index in memory, and word of each change to those who listen."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import cast

import structlog

from . import marks
from .job import Job, State
from .json import Struct
from .metrics import Metrics
from .ports import Change, Jobs, Seen

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds before a watch that broke is begun anew: doubled each time in a row, full jitter."""

Listener = Callable[[str, Job | None], None]
"""Told a Job's name with the Job as it is now, or None where it is gone; quick, and does not raise."""


class Entry(Struct, frozen=True):
    """As much of a Job as is kept of every one: 20,000 of them take less than 15 MiB."""

    name: str
    uid: str
    state: State
    completion: str | None
    definition: str | None
    event: str | None
    type: str | None
    loose: bool
    group: str | None
    created: datetime
    ended: datetime | None


class Follower:
    """Keep an index of our Jobs.

    Attributes:
        index: by name; whole once `synced`.
    """

    def __init__(
        self,
        jobs: Jobs,
        *,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._jobs, self._clock, self._sleep, self._uniform = jobs, clock, sleep, uniform
        self._index: dict[str, Entry] = {}
        self._of_event: dict[str, tuple[str, ...]] = {}
        self._listeners: list[Listener] = []
        self._listing: set[str] | None = None
        self._synced = asyncio.Event()
        self._began = clock()
        self._heard: float | None = None
        self._list_began = self._began
        # The few texts that thousands of Jobs share are kept once.
        self._texts: dict[str, str] = {}
        metrics.watch_age.set_function(lambda: self._clock() - (self._began if self._heard is None else self._heard))

    @property
    def index(self) -> Mapping[str, Entry]:
        """Our Jobs by name; during a new list the old ones until it is whole."""
        return self._index

    def types_of(self, event: str) -> frozenset[tuple[str | None, bool]]:
        """The types under which the Jobs of an event were launched, and whether only an unsigned header told each.

        Args:
            event: its label; none where it has no Job.
        """
        if not (names := self._of_event.get(event)):
            return frozenset()
        return frozenset((self._index[name].type, self._index[name].loose) for name in names)

    @property
    def synced(self) -> bool:
        """Whether the index was whole once; `age` says how old its news are."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Return once the index is whole."""
        await self._synced.wait()

    def age(self) -> timedelta | None:
        """Since this watch last brought what the store said; None where it never did."""
        return None if self._heard is None else timedelta(seconds=self._clock() - self._heard)

    def subscribe(self, listener: Listener) -> None:
        """Tell `listener` of every Job and every change; call it before `run`, so that it misses none."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Follow until cancelled; a watch that breaks is begun anew."""
        failures = 0
        while True:
            heard = self._heard
            try:
                # A cluster's `follow` is an async generator; the port promises no more than that it can be closed.
                changes = self._jobs.follow()
                async with aclosing(cast("AsyncGenerator[Change, None]", changes)):
                    async for change in changes:
                        if change.seen is not Seen.LISTING:  # our own resolve to ask says nothing of the store
                            self._heard = self._clock()
                        self._apply(change)
                log.warning("watch.ended")
            except Exception:
                log.exception("watch.broke")
            failures = 1 if self._heard != heard else failures + 1
            await self._sleep(self._uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures, 10))))

    def _apply(self, change: Change) -> None:
        if change.seen is Seen.LISTING:
            self._listing, self._list_began = set(), self._clock()
        elif change.seen is Seen.SYNCED:
            for name in self._index.keys() - (self._index.keys() if self._listing is None else self._listing):
                self._gone(name)
            self._listing = None
            self._synced.set()
            log.info("watch.synced", jobs=len(self._index), seconds=round(self._clock() - self._list_began, 3))
        elif change.job is not None:
            if change.seen is Seen.PRESENT:
                self._present(change.job)
            elif change.seen is Seen.GONE:
                self._gone(change.job.name)

    def _present(self, job: Job) -> None:
        cause = marks.Cause.load(job.annotations)
        self._index[job.name] = Entry(
            name=job.name,
            uid=job.uid,
            state=job.state,
            completion=self._shared(job.labels.get(marks.COMPLETION)),
            definition=self._shared(job.definition),
            event=self._linked(job.name, job.labels.get(marks.EVENT)),
            type=self._shared(cause.type if cause else None),
            loose=marks.TYPED_KEY in job.annotations,
            group=self._shared(job.labels.get(marks.GROUP)),
            created=job.created,
            ended=job.end.at if job.end else None,
        )
        if self._listing is not None:
            self._listing.add(job.name)
        self._tell(job.name, job)

    def _gone(self, name: str) -> None:
        self._linked(name, None)
        if self._index.pop(name, None) is not None:
            self._tell(name, None)

    def _linked(self, name: str, event: str | None) -> str | None:
        """Find a Job by this event from now on, and by no other; answer the event's label, kept once."""
        before = self._index[name].event if name in self._index else None
        if event == before:
            return before
        if before is not None:
            others = tuple(other for other in self._of_event.pop(before) if other != name)
            if others:
                self._of_event[before] = others
        if event is not None:
            self._of_event[event] = (*self._of_event.get(event, ()), name)
        return event

    def _tell(self, name: str, job: Job | None) -> None:
        for listener in self._listeners:
            try:
                listener(name, job)
            except Exception:
                # One Job that a listener cannot take must not end the watch over all the others.
                log.exception("watch.listener_failed", job=name)

    def _shared(self, text: str | None) -> str | None:
        if text is None:
            return None
        if len(self._texts) > 10_000:  # labels may be anything; this is for those that repeat
            self._texts.clear()
        return self._texts.setdefault(text, text)
