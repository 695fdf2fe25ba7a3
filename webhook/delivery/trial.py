"""One try at one sink, with its breaker, its count and its line in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from .. import marks, times
from ..errors import SinkGone, SinkRefused, SinkUnavailable
from ..events import Event
from ..job import Job
from ..metrics import Metrics
from ..progress import Progress
from .breaker import Breaker
from .plan import Plan
from .target import Target, advance

log = structlog.get_logger(__name__)


class Trial:
    """Try sinks, and say how far each is."""

    def __init__(
        self,
        targets: Mapping[str, Target],
        breakers: Mapping[str, Breaker],
        *,
        metrics: Metrics,
        random: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._targets, self._breakers, self._metrics, self._random, self._now = targets, breakers, metrics, random, now

    def enter(self, delivery: Mapping[str, Progress], now: datetime) -> tuple[list[str], list[str], list[str]]:
        """Sort the sinks that are due: to be tried, lost, or blocked by their breaker.

        `leave` must follow for the first of the three.
        """
        due, lost, blocked = [], [], []
        for name, progress in delivery.items():
            target = self._targets.get(name)
            if not progress.pending:
                continue
            if target is None:
                lost.append(name)
            elif not progress.due(now):
                continue
            elif self._breakers[name].enter(now):
                due.append(name)
            elif now >= progress.since + target.retry.horizon:
                lost.append(name)
            else:
                blocked.append(name)
        return due, lost, blocked

    def leave(self, names: Iterable[str]) -> None:
        """End the tries that were entered."""
        for name in names:
            self._breakers[name].leave()

    def give_up(self, job: Job, plan: Plan) -> dict[str, Progress]:
        """Take down the sinks that are lost."""
        given_up = {name: replace(plan.delivery[name], state=marks.FAILED, next=None) for name in plan.lost}
        for name, progress in given_up.items():
            self._told(job, name, progress, None if name in self._targets else "the sink was removed")
        return given_up

    async def send(self, job: Job, event: Event, name: str, progress: Progress) -> Progress:
        """Send once, and answer the progress after it; raise nothing but a cancellation."""
        target, breaker = self._targets[name], self._breakers[name]
        error: SinkRefused | SinkUnavailable | None = None
        try:
            # A sink that does not keep its own time may not outlive the claim.
            async with asyncio.timeout(target.timeout.total_seconds() + 1):
                await target.sink.send(event)
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
        self._metrics.attempts.labels(name, _word(error)).inc()
        after = advance(progress, error, retry=target.retry, now=now, random=self._random)
        self._told(job, name, after, str(error) if error else None)
        return after

    def _told(self, job: Job, sink: str, after: Progress, error: str | None) -> None:
        if after.pending and after.next:
            log.info(
                "completion.retry",
                job=job.name,
                sink=sink,
                attempts=after.attempts,
                next=times.show(after.next),
                error=error,
            )
            return
        self._metrics.deliveries.labels(sink, after.state).inc()
        if after.state == marks.DELIVERED:
            if job.end is not None:
                self._metrics.delivery_seconds.labels(sink).observe(
                    max(0.0, (self._now() - job.end.at).total_seconds())
                )
            log.info("completion.delivered", job=job.name, sink=sink, attempts=after.attempts)
        else:
            log.error("completion.failed", job=job.name, sink=sink, attempts=after.attempts, error=error)


def _word(error: SinkRefused | SinkUnavailable | None) -> str:
    if error is None:
        return "taken"
    if isinstance(error, SinkGone):
        return "gone"
    return "refused" if isinstance(error, SinkRefused) else "unavailable"
