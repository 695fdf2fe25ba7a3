"""Send a finished Job's completion again, by order: what is pending anew, the watch picks up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import structlog

from .. import marks
from ..errors import ClusterUnavailable, Conflict, NotFinished, NotFound, ValueRefused
from ..job import Job
from ..metrics import Metrics
from ..ports import Jobs
from ..progress import Earlier, Progress, dump_delivery, load_delivery

log = structlog.get_logger(__name__)

KEPT = 5
"""Earlier rounds of a sink that are kept on the Job."""
CONFLICTS = 20
"""With a delivery under way there are a few; more would be somebody who writes all the time."""


async def redeliver(
    jobs: Jobs, name: str, sinks: Collection[str], *, declared: Collection[str], now: datetime, metrics: Metrics
) -> Mapping[str, Progress]:
    """Set a Job's completion back to pending, and answer the progress at each of its sinks.

    Args:
        jobs: ours.
        name: the Job's.
        sinks: those that are asked for; where empty, those that did not get it, or all where none did not.
        declared: the sinks there are; one of them need not have been on the Job.
        now: from which patience counts anew.
        metrics: counts each sink.

    Raises:
        NotFound: no such Job of ours.
        NotFinished: it has no completion yet.
        ValueRefused: a sink that is neither declared nor on the Job.
        ClusterUnavailable: the Job changed all the while.
    """
    job = await jobs.read(name)
    for _ in range(CONFLICTS):
        delivery, again = _anew(job, sinks, declared=declared, now=now)
        try:
            await jobs.patch(name, _patch(delivery), resource_version=job.resource_version)
        except Conflict:
            job = await jobs.read(name)
            continue
        for sink in again:
            metrics.redelivered.labels(sink).inc()
        log.info("completion.redelivery", job=name, sinks=sorted(again))
        return delivery
    raise ClusterUnavailable(f"the Job {name} changes all the time; ask again")


def _anew(
    job: Job, sinks: Collection[str], *, declared: Collection[str], now: datetime
) -> tuple[dict[str, Progress], Collection[str]]:
    if marks.COMPLETION not in job.labels:
        raise NotFound(f"the Job {job.name} is none of jobhook's making")
    if job.end is None:
        raise NotFinished(f"the Job {job.name} has not finished; its completion is still to come")
    delivery = load_delivery(job.annotations) or {}
    if unknown := set(sinks) - set(declared) - delivery.keys():
        raise ValueRefused(f"no sink {min(unknown)!r} is declared, and the Job {job.name} knows none")
    again = sinks or _undelivered(delivery)
    return {**delivery, **{sink: _begun(delivery.get(sink), now) for sink in again}}, again


def _undelivered(delivery: Mapping[str, Progress]) -> Collection[str]:
    lost = [sink for sink, progress in delivery.items() if progress.state in {marks.FAILED, marks.DEAD}]
    pending = [sink for sink, progress in delivery.items() if progress.pending]
    return lost or pending or list(delivery)


def _begun(before: Progress | None, now: datetime) -> Progress:
    """Progress at its beginning, which remembers what was before."""
    if before is None or (before.pending and not before.attempts):
        return Progress(since=now, earlier=before.earlier if before else ())
    round_ = Earlier(state=before.state, attempts=before.attempts, answer=before.answer, until=now)
    return Progress(since=now, earlier=(*before.earlier, round_)[-KEPT:])


def _patch(delivery: Mapping[str, Progress]) -> dict[str, object]:
    """Without a sink's progress there was none that wanted it: then its sinks are chosen anew.

    The claim goes, so that a delivery under way does not mark what it knew over this; it decides anew.
    """
    annotations = {marks.CLAIM: None, marks.DELIVERY: dump_delivery(delivery) if delivery else None}
    return {"metadata": {"annotations": annotations, "labels": {marks.COMPLETION: marks.PENDING}}}
