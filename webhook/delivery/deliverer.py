"""When which completion is carried: from what the watch tells, by a heap of times, so many at once."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from ..errors import ClusterUnavailable, NotFound
from ..job import Job
from ..metrics import Metrics
from ..ports import Jobs
from ..progress import Claim
from .courier import Courier
from .peers import Peers
from .plan import Result, Verdict

log = structlog.get_logger(__name__)

JITTER = timedelta(milliseconds=300)
"""Spread before the claim of a replica that does not rank first, so that replicas seldom meet at one Job
(measured, without ranks: 407 patches against 710 of ideal 400)."""
CONCURRENCY = 32
FRESH = 1000
"""Jobs kept as the watch gave them until their turn; the rest is a name and a time, and read again then."""
LONGEST_SLEEP = 30.0
"""Seconds; the wall clock, by which next tries are kept, may be set."""
PARKED_UNREAD = timedelta(minutes=5)
"""How long a Job waits unread while no sink at all answers; then it is read, to see whether patience has ended."""
AFTER_A_FAULT = timedelta(seconds=30)


class Deliverer:
    """Hand each outstanding Job to the courier when its time has come.

    `heed` is what the follower tells of changes to; `run` works until it is cancelled or `stop` is called.
    """

    def __init__(
        self,
        courier: Courier,
        jobs: Jobs,
        *,
        metrics: Metrics,
        random: Callable[[], float],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: timedelta = JITTER,
        concurrency: int = CONCURRENCY,
    ) -> None:
        self._courier, self._jobs, self._random, self._now = courier, jobs, random, now
        self._jitter, self._concurrency = jitter, concurrency
        self._peers = Peers(courier.replica)
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._fresh: dict[str, Job] = {}
        self._parked: dict[str, dict[str, bool]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        metrics.pending.set_function(lambda: len(self._due) + len(self._tasks))

    @property
    def waiting(self) -> int:
        """Completions that are outstanding and not being carried right now."""
        return len(self._due)

    def heed(self, name: str, job: Job | None) -> None:
        """Take note of a Job as it now is, or that it is gone (None)."""
        if job is not None and (claim := Claim.load(job.annotations)):
            self._peers.saw(claim.replica, self._now())
        at = self._courier.earliest(job) if job is not None else None
        if job is None or at is None:
            self._forget(name)
        elif name not in self._tasks and not any(name in parked for parked in self._parked.values()):
            # While a task is at it, the task knows better; a parked one waits for its sink, not for news.
            if len(self._fresh) < FRESH:
                self._fresh[name] = job
            first = self._peers.first(job.uid, self._now())
            self._schedule(name, at if first else at + self._jitter * self._random())

    async def run(self) -> None:
        """Deliver what is due, as long as it is not stopped."""
        while not self._stopping:
            self._wake.clear()
            self._unpark()
            self._start_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._idle()):
                    await self._wake.wait()

    async def stop(self, budget: timedelta) -> None:
        """Begin nothing new, give what is under way most of the budget, then cancel it: it frees its claims."""
        self._stopping = True
        self._wake.set()
        tasks = list(self._tasks.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=budget.total_seconds() * 0.7)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=budget.total_seconds() * 0.3)

    def _schedule(self, name: str, at: datetime) -> None:
        self._due[name] = at.timestamp()
        heapq.heappush(self._heap, (self._due[name], name))
        if self._heap[0] == (self._due[name], name):
            self._wake.set()
        if len(self._heap) > 2 * len(self._due) + 100:  # most of it is out of date
            self._heap = [(due, name) for name, due in self._due.items()]
            heapq.heapify(self._heap)

    def _forget(self, name: str) -> None:
        self._due.pop(name, None)
        self._fresh.pop(name, None)
        for parked in self._parked.values():
            parked.pop(name, None)

    def _unpark(self) -> None:
        """Let Jobs go that wait for a sink: all where it answers again, one as a probe where its pause is over."""
        now = self._now()
        for lane, parked in self._parked.items():
            breaker = self._courier.breakers[lane]
            if parked and breaker.admits(now):
                for name in list(parked) if breaker.closed else [next(iter(parked))]:
                    del parked[name]
                    self._schedule(name, now)

    def _start_due(self) -> None:
        now = self._now().timestamp()
        while self._heap and len(self._tasks) < self._concurrency and self._heap[0][0] <= now:
            due, name = heapq.heappop(self._heap)
            if self._due.get(name) != due:
                continue
            waited = [parked.pop(name) for parked in self._parked.values() if name in parked]
            if not waited and name not in self._fresh and (blocked := self._all_blocked()):
                # After a restart beside a dead sink thousands would be read, only to be put aside again.
                self._file(name, Verdict(result=Result.LATER, at=self._now() + PARKED_UNREAD, parked=blocked))
                continue
            del self._due[name]
            self._tasks[name] = asyncio.create_task(self._work(name, self._fresh.pop(name, None)))

    def _all_blocked(self) -> str | None:
        """A sink to wait for, where none can be tried now."""
        now, sinks = self._now(), self._courier.targets
        return next(iter(sinks), None) if not any(self._courier.breakers[one].admits(now) for one in sinks) else None

    def _idle(self) -> float:
        """Seconds until something may be due; a task that ends wakes earlier."""
        now = self._now()
        times = [until for lane, parked in self._parked.items() if parked and (until := self._probe_at(lane))]
        if self._heap and len(self._tasks) < self._concurrency:
            times.append(self._heap[0][0])
        return max(0.0, min([time - now.timestamp() for time in times] + [LONGEST_SLEEP]))

    def _probe_at(self, lane: str) -> float | None:
        """When a parked Job may probe; None while a probe is out, whose end wakes anyway."""
        breaker = self._courier.breakers[lane]
        if breaker.until is None or breaker.admits(breaker.until):
            return (breaker.until or self._now()).timestamp()
        return None

    async def _work(self, name: str, job: Job | None) -> None:
        verdict = Verdict(result=Result.LEFT)
        try:
            verdict = await self._courier.deliver(job or await self._jobs.read(name))
        except NotFound:
            pass
        except ClusterUnavailable as error:
            pause = max(timedelta(seconds=1 + 4 * self._random()), error.retry_after or timedelta(0))
            verdict = Verdict(result=Result.LATER, at=self._now() + pause)
        except Exception:
            log.exception("completion.fault", job=name)
            verdict = Verdict(result=Result.LATER, at=self._now() + AFTER_A_FAULT)
        finally:
            del self._tasks[name]
            self._file(name, verdict)
            self._wake.set()

    def _file(self, name: str, verdict: Verdict) -> None:
        if verdict.at is None:
            return
        self._schedule(name, verdict.at + self._jitter * self._random())
        if verdict.parked is not None:
            self._parked.setdefault(verdict.parked, {})[name] = True
