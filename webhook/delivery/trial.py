"""One try at one sink, or at its dead letter, with its breaker, its count and its line in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from .. import marks, times
from ..errors import SinkGone, SinkRefused, SinkUnavailable
from ..events import Event
from ..job import Job
from ..metrics import Metrics
from ..progress import Progress
from .breaker import Breaker
from .plan import Plan, Turn, lane
from .removed import Removed
from .target import Target, advance, give_up

log = structlog.get_logger(__name__)


class Trial:
    """Try sinks, and say how far each is.

    Attributes:
        breakers: by lane; those of dead letters come with the first letter.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        removed: Removed,
        *,
        metrics: Metrics,
        random: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._targets, self._removed, self._metrics, self._random, self._now = targets, removed, metrics, random, now
        self.breakers: dict[str, Breaker] = {}
        for name in targets:
            self._breaker(name)
            for outcome in (marks.DELIVERED, marks.FAILED, marks.DEAD):
                # From zero on: the first failure is an increase only of what was there.
                metrics.deliveries.labels(name, outcome)

    def enter(self, delivery: Mapping[str, Progress], now: datetime) -> Turn:
        """Sort the sinks at which something is to be done; `leave` must follow."""
        turn = Turn()
        for name, progress in delivery.items():
            if not progress.pending:
                continue
            if name not in self._targets and not self._removed.decided(name, since=progress.since, now=now):
                turn.unsure.append(name)
            elif why := self._lost(name, progress):
                turn.lost[name] = why
            elif progress.due(now):
                self._enter_due(turn, name, progress, now)
        return turn

    def _lost(self, name: str, progress: Progress) -> str:
        """Why there is nothing to try any more; empty where there is."""
        if progress.letter is None:
            return "" if name in self._targets else "the sink was removed"
        target = self._target(name)
        return "" if target and target.dead_letter else "the dead letter was removed"

    def _enter_due(self, turn: Turn, name: str, progress: Progress, now: datetime) -> None:
        way, target = lane(name, progress), self._target(name)
        end = progress.began + (target.retry.horizon if target else timedelta(0))
        if self._breaker(way).enter(now):
            turn.due[name] = way
        elif now >= end:
            turn.lost[name] = progress.answer or "no answer to anybody for as long as is tried"
        else:
            turn.blocked[name] = end

    def leave(self, turn: Turn) -> None:
        """End the tries that were entered."""
        for way in turn.due.values():
            self._breaker(way).leave()

    def give_up(self, job: Job, plan: Plan) -> dict[str, Progress]:
        """Take down the sinks that are lost."""
        now, given_up = self._now(), {}
        for name, why in plan.turn.lost.items():
            before = plan.delivery[name]
            given_up[name] = give_up(before, self._target(name), now=now, reason=why)
            self._told(job, name, before, given_up[name])
        return given_up

    async def send(self, job: Job, event: Event, name: str, progress: Progress) -> Progress:
        """Send once, and answer the progress after it; raise nothing but a cancellation."""
        target, breaker = self._target(name) or Target(sink=None), self._breaker(lane(name, progress))
        error: SinkRefused | SinkUnavailable | None = None
        try:
            # A sink that does not keep its own time may not outlive the claim.
            async with asyncio.timeout(target.timeout.total_seconds() + 1):
                await _send(target, event, progress)
        except (SinkRefused, SinkUnavailable) as failure:
            error = failure
        except TimeoutError:
            error = SinkUnavailable("no answer in time")
        except Exception as failure:
            log.exception("sink.broken", sink=name)
            error = SinkUnavailable(f"{type(failure).__name__} in the sink")
        now = self._now()
        if isinstance(error, SinkUnavailable):
            breaker.failed(now, retry_after=error.retry_after)
        else:
            breaker.answered()
        counter = self._metrics.dead_letters if progress.letter else self._metrics.attempts
        counter.labels(name, _word(error)).inc()
        after = advance(progress, error, target=target, now=now, random=self._random)
        self._told(job, name, progress, after)
        return after

    def _target(self, name: str) -> Target | None:
        return self._targets.get(name) or self._removed.target(name)

    def _breaker(self, way: str) -> Breaker:
        if way not in self.breakers:
            breaker = self.breakers[way] = Breaker()
            self._metrics.breaker_open.labels(way).set_function(lambda: not breaker.closed)
        return self.breakers[way]

    def _told(self, job: Job, sink: str, before: Progress, after: Progress) -> None:
        """Log what became of it, and count it where it is over."""
        facts = {"job": job.name, "sink": sink, "attempts": after.attempts, "answer": after.answer}
        if after.pending:
            if after.letter and not before.letter:
                log.warning("completion.given_up", **facts)
            elif after.next:
                log.info("completion.retry", **facts, next=times.show(after.next))
            return
        self._metrics.deliveries.labels(sink, after.state).inc()
        if after.state == marks.FAILED:
            log.error("completion.failed", **facts)
            return
        if after.state == marks.DELIVERED and job.end is not None:
            seconds = (self._now() - job.end.at).total_seconds()
            self._metrics.delivery_seconds.labels(sink).observe(max(0.0, seconds))
        log.info("completion.delivered" if after.state == marks.DELIVERED else "completion.dead", **facts)


async def _send(target: Target, event: Event, progress: Progress) -> None:
    if progress.letter is None and target.sink is not None:
        await target.sink.send(event)
    elif progress.letter is not None and target.dead_letter is not None:
        await target.dead_letter.send(event, progress.letter)
    else:
        raise SinkUnavailable("the sink is not declared")


def _word(error: SinkRefused | SinkUnavailable | None) -> str:
    if error is None:
        return "taken"
    if isinstance(error, SinkGone):
        return "gone"
    return "refused" if isinstance(error, SinkRefused) else "unavailable"
