"""Claim, send, mark: one Job's completion, once round (docs/reliability.md, "Completions").

1. Claim by a merge patch with resourceVersion, which the first time also freezes the data and the sinks.
2. Send to the due sinks at once.
3. Mark every sink's progress and take the claim away, in one patch; where all is over, the label too.

Killed at any line, what was not marked is sent again by whoever comes after the claim: the same id, the same bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from ..completion import Frozen, freeze
from ..errors import ClusterError, ClusterUnavailable, Conflict, NotFound
from ..events import Event
from ..job import Job, WarningEvent
from ..metrics import Metrics
from ..ports import Jobs
from ..progress import Claim, Progress
from .breaker import Breaker
from .mark import claiming, marking, verdict_of
from .plan import Plan, Result, Verdict, begin, earliest, lane, look_again, outstanding
from .removed import Forgotten, Removed
from .target import Target
from .trial import Trial

log = structlog.get_logger(__name__)

MARGIN = timedelta(seconds=30)
"""How long a claim outlives the longest try: for the patch after it, and for clocks that differ."""
FREE_SECONDS = 2.0
"""How long a cancelled round takes at most to give its claim back."""
CONFLICTS = 5
"""In a row, on one Job; then others get their turn."""
UNSURE = timedelta(seconds=30)
"""Before a Job is looked at again whose sink may be one that is not known here yet."""
PAUSE = timedelta(seconds=1)
"""Before a Job is looked at again whose store, or whose rival, was in the way."""

Clock = Callable[[], datetime]


class Courier:
    """Carry completions to their sinks.

    Attributes:
        replica: our `host:port`, as it stands in claims.
        targets: the declared sinks, by name.
        breakers: by the lane (`plan.lane`).
    """

    def __init__(
        self,
        jobs: Jobs,
        targets: Sequence[Target],
        *,
        compose: Callable[[Job, Frozen], Event],
        replica: str,
        metrics: Metrics,
        random: Callable[[], float],
        now: Clock = lambda: datetime.now(UTC),
        margin: timedelta = MARGIN,
        removed: Removed | None = None,
    ) -> None:
        self._jobs, self._compose, self.replica = jobs, compose, replica
        self._random, self._now = random, now
        self.targets: Mapping[str, Target] = {target.sink.name: target for target in targets if target.sink}
        self._trial = Trial(self.targets, removed or Forgotten(), metrics=metrics, random=random, now=now)
        self.breakers: Mapping[str, Breaker] = self._trial.breakers
        self._lease = max((target.timeout for target in targets), default=timedelta(0)) + margin
        self._busy: set[str] = set()

    def busy(self, name: str) -> bool:
        """Whether this process is at that Job right now."""
        return name in self._busy

    def earliest(self, job: Job) -> datetime | None:
        """When something may be done for a Job; None where nothing is to be done."""
        return earliest(job, replica=self.replica, now=self._now()) if outstanding(job) else None

    async def deliver(self, job: Job) -> Verdict:
        """Do what is due for one Job's completion; a cluster that does not answer means `LATER`."""
        if job.name in self._busy:
            return self._later()
        self._busy.add(job.name)
        try:
            for _ in range(CONFLICTS):
                try:
                    return await self._once(job)
                except Conflict:
                    job = await self._jobs.read(job.name)
            return self._later()
        except NotFound:
            return Verdict(result=Result.LEFT)
        except ClusterUnavailable as error:
            log.warning("completion.store_unavailable", job=job.name, error=str(error))
            return self._later(error.retry_after)
        finally:
            self._busy.discard(job.name)

    async def _once(self, job: Job) -> Verdict:
        now = self._now()
        if not outstanding(job):
            return Verdict(result=Result.LEFT)
        at = earliest(job, replica=self.replica, now=now)
        if at > now:
            return Verdict(result=Result.LATER, at=at)
        delivery, frozen = begin(job, self.targets, compose=self._compose, now=now)
        if not any(progress.pending for progress in delivery.values()):
            return await self._mark(job, None, delivery)
        turn = self._trial.enter(delivery, now)
        try:
            if turn.due or turn.lost:
                return await self._round(job, Plan(delivery=delivery, frozen=frozen, turn=turn))
        finally:
            self._trial.leave(turn)
        if not turn.blocked:
            return self._later(UNSURE)
        first = next(iter(turn.blocked))
        at = look_again(delivery, turn.blocked)
        return Verdict(result=Result.LATER, at=at, parked=lane(first, delivery[first]))

    async def _round(self, job: Job, plan: Plan) -> Verdict:
        frozen = plan.frozen or freeze(job, await self._jobs.pods(job.name), await self._warnings(job))
        event = self._compose(job, frozen)
        claim = Claim(replica=self.replica, until=self._now() + self._lease)
        patch = claiming(claim, plan.delivery, frozen)
        job = await self._jobs.patch(job.name, patch, resource_version=job.resource_version)
        delivery = dict(plan.delivery) | self._trial.give_up(job, plan)
        tries = {
            name: asyncio.create_task(self._trial.send(job, event, name, delivery[name])) for name in plan.turn.due
        }
        try:
            if tries:
                await asyncio.wait(tries.values())
        except asyncio.CancelledError:
            for one in tries.values():
                one.cancel()
            await self._free(job, claim, delivery | _finished(tries))
            raise
        return await self._mark(job, claim, delivery | _finished(tries))

    async def _mark(self, job: Job, claim: Claim | None, delivery: Mapping[str, Progress]) -> Verdict:
        """Write down how far it is; without a claim there was nothing to send."""
        while True:
            try:
                await self._jobs.patch(job.name, marking(delivery), resource_version=job.resource_version)
                return verdict_of(delivery)
            except Conflict:
                if claim is None:
                    raise
                job = await self._jobs.read(job.name)
                if Claim.load(job.annotations) != claim:
                    raise  # another's by now, or the answer to our own patch was lost: decide anew
            except ClusterUnavailable as error:
                if claim is None or self._now() >= claim.until:
                    raise
                await asyncio.sleep(max(0.1, self._random(), (error.retry_after or timedelta(0)).total_seconds()))

    async def _free(self, job: Job, claim: Claim, delivery: Mapping[str, Progress]) -> None:
        """Give the claim back, with what was reached, so that another replica need not wait for its end."""
        with suppress(ClusterError, TimeoutError):
            async with asyncio.timeout(FREE_SECONDS):
                await self._mark(job, claim, delivery)

    async def _warnings(self, job: Job) -> Sequence[WarningEvent]:
        """Why no pod came to be; only asked where nothing else can say why it failed."""
        if job.end is None or job.end.succeeded or job.failed or job.succeeded:
            return ()
        try:
            return await self._jobs.warnings(job.name)
        except ClusterError:
            return ()

    def _later(self, wait: timedelta | None = None) -> Verdict:
        pause = max(PAUSE * (1 + self._random()), wait or timedelta(0))
        return Verdict(result=Result.LATER, at=self._now() + pause)


def _finished(tries: Mapping[str, asyncio.Task[Progress]]) -> dict[str, Progress]:
    """What the tries that came to their end have reached."""
    return {name: one.result() for name, one in tries.items() if one.done() and not one.cancelled()}
