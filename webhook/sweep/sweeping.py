"""One sweep (docs/reliability.md, "Cleaning up"): it may be the only thing that runs between two events."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import structlog

from ..delivery import Courier, Pass, deliver_outstanding
from ..errors import ClusterError, Conflict, NotFound
from ..job import Job
from ..metrics import Metrics
from ..paging import pages
from ..payloads import Payloads
from ..ports import Jobs, Records
from .report import Report
from .retention import Kept, Retention, why_kept

log = structlog.get_logger(__name__)

DELETES = 5
"""At once (measured: more does not make the API server faster, and takes it from others)."""
DELIVERY_SHARE = 0.5
"""Of the budget, at most, for completions: a sink that hangs must not keep old Jobs from going."""


async def sweep(
    jobs: Jobs,
    courier: Courier,
    *,
    retention: Retention,
    budget: timedelta,
    metrics: Metrics,
    payloads: Records | None = None,
    dry_run: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Deliver what is outstanding, then delete our finished Jobs past their retention.

    Args:
        jobs: ours, and no other's.
        courier: that of the process, so that it and the sweep do not get into each other's way.
        retention: the defaults by outcome.
        budget: nothing is begun after it.
        metrics: counts every Job by what became of it.
        payloads: where large events are, to be rid of those whose Job never came; None: they are not looked at.
        dry_run: write nothing, send nothing, and say what would be deleted.
        now: for retention, by the wall clock.
        clock: for the budget, in seconds.

    Raises:
        ClusterUnavailable: the Jobs cannot be listed at all.
    """
    began = clock()
    end = began + budget.total_seconds()
    sent = Pass()
    if not dry_run:
        sent = await deliver_outstanding(jobs, courier, budget=budget * DELIVERY_SHARE, clock=clock)
    counts: Counter[str] = Counter()
    more = await _every_page(jobs, counts, retention=retention, dry_run=dry_run, now=now, over=lambda: clock() >= end)
    if payloads is not None and not more:
        ours = Payloads(records=payloads, jobs=jobs, now=now)
        more = await _orphans(ours, counts, dry_run=dry_run, over=lambda: clock() >= end)
    seconds = round(clock() - began, 3)
    report = _report(sent, counts, more=sent.more or more, dry_run=dry_run, seconds=seconds)
    if not dry_run:
        for result, count in counts.items():
            metrics.swept.labels(result).inc(count)
    log.info("sweep.done", **report.as_json())
    return report


def _report(sent: Pass, counts: Counter[str], *, more: bool, dry_run: bool, seconds: float) -> Report:
    return Report(
        delivered=sent.delivered,
        failed=sent.failed,
        deleted=counts["deleted"],
        orphans=counts["orphans"],
        kept={reason.value: counts[reason] for reason in Kept},
        errors=sent.errors + counts["errors"],
        more=more,
        dry_run=dry_run,
        seconds=seconds,
    )


async def _every_page(
    jobs: Jobs,
    counts: Counter[str],
    *,
    retention: Retention,
    dry_run: bool,
    now: Callable[[], datetime],
    over: Callable[[], bool],
) -> bool:
    """Go through all our Jobs, a page in memory at a time, and answer whether something was left undone."""
    heard = False
    try:
        async with aclosing(pages(jobs)) as every:
            async for page in every:
                heard = True
                if over():
                    return True
                condemned = []
                for job in page:
                    if kept := why_kept(job, retention=retention, now=now()):
                        counts[kept] += 1
                    else:
                        condemned.append(job)
                if dry_run:
                    counts["deleted"] += len(condemned)
                elif not await _delete(jobs, condemned, counts, over=over):
                    return True
    except ClusterError as error:
        if not heard:
            raise
        log.warning("sweep.broke_off", error=str(error))
        counts["errors"] += 1
        return True
    return False


async def _orphans(payloads: Payloads, counts: Counter[str], *, dry_run: bool, over: Callable[[], bool]) -> bool:
    """Delete events whose Job never came, and answer whether something was left undone."""
    try:
        counts["orphans"] = await payloads.sweep(over=over, dry_run=dry_run)
    except ClusterError as error:
        log.warning("sweep.broke_off", error=str(error))
        counts["errors"] += 1
        return True
    return over()


async def _delete(jobs: Jobs, condemned: Sequence[Job], counts: Counter[str], *, over: Callable[[], bool]) -> bool:
    """Delete Jobs, so many at once; answer False where the budget ended first."""
    left = iter(condemned)

    async def worker() -> None:
        while not over() and (job := next(left, None)):
            counts[await _delete_one(jobs, job)] += 1

    await asyncio.gather(*(worker() for _ in range(min(DELETES, len(condemned)))))
    return next(left, None) is None


async def _delete_one(jobs: Jobs, job: Job) -> str:
    """Delete a Job as it was read, or not at all; answer what to count."""
    try:
        await jobs.delete(job.name, uid=job.uid, resource_version=job.resource_version)
    except NotFound:
        pass  # somebody was faster
    except Conflict:
        return Kept.CHANGED
    except ClusterError as error:
        log.warning("sweep.delete_failed", job=job.name, error=str(error))
        return "errors"
    else:
        log.info("job.deleted", job=job.name, uid=job.uid)
    return "deleted"
