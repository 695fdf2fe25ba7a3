"""One sweep (docs/reliability.md, "Cleaning up"): it may be the only thing that runs between two events."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import structlog

from .. import marks
from ..delivery import Courier, Pass, deliver_outstanding
from ..errors import ClusterError, Conflict, NotFound
from ..job import Job
from ..ledger import Clerk, Ledger
from ..metrics import Metrics
from ..paging import ahead, pages
from ..payloads import Payloads
from ..ports import Jobs, Records
from .report import Report
from .retention import Kept, Retention, why_kept

log = structlog.get_logger(__name__)

DELETES = 5
"""At once (measured: more does not make the API server faster, and takes it from others)."""
_CLOSED = frozenset({None, Kept.HELD, Kept.RETENTION})
"""Verdicts on Jobs that have ended and been told of: their keys can be written down."""
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
    ledger: Ledger | None = None,
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
        ledger: where keys outlive their Jobs; None: they are forgotten with them.
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
    pass_ = _Retention(jobs, counts, retention=retention, dry_run=dry_run, now=now, over=lambda: clock() >= end)
    more = await pass_.run(ledger)
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


class _Retention:
    """The second half of a sweep: what is past its retention goes, once its key is in the ledger."""

    def __init__(
        self,
        jobs: Jobs,
        counts: Counter[str],
        *,
        retention: Retention,
        dry_run: bool,
        now: Callable[[], datetime],
        over: Callable[[], bool],
    ) -> None:
        self._jobs, self._counts, self._retention = jobs, counts, retention
        self._dry_run, self._now, self._over = dry_run, now, over
        self._heard = False

    async def run(self, ledger: Ledger | None) -> bool:
        """Go through all our Jobs, two pages in memory at most, and answer whether something was left undone."""
        try:
            if ledger is None:
                return await self._pages(None)
            async with ledger.writing(dry_run=self._dry_run) as clerk:
                return await self._pages(clerk)
        except ClusterError as error:
            if not self._heard:
                raise
            log.warning("sweep.broke_off", error=str(error))
            self._counts["errors"] += 1
            return True

    async def _pages(self, clerk: Clerk | None) -> bool:
        async with aclosing(ahead(pages(self._jobs))) as every:
            async for page in every:
                self._heard = True
                if self._over():
                    return True
                condemned = await self._condemned(page, clerk)
                if self._dry_run:
                    self._counts["deleted"] += len(condemned)
                    continue
                through = await _delete(self._jobs, condemned, self._counts, over=self._over)
                so_far = {name: self._counts[name] for name in ("deleted", "errors")}
                log.info("sweep.page", jobs=len(page), **so_far)
                if not through:
                    return True
        return False

    async def _condemned(self, page: Sequence[Job], clerk: Clerk | None) -> list[Job]:
        """Choose the Jobs of a page that may go now; count why the others stay."""
        verdicts = [(job, why_kept(job, retention=self._retention, now=self._now())) for job in page]
        condemned = [job for job, kept in verdicts if kept is None]
        if clerk is not None:
            closed = [job for job, kept in verdicts if kept in _CLOSED]
            await clerk.enter(key for job in closed for key in marks.remembered_keys(job.annotations))
            free = await clerk.release([key for job in condemned for key in marks.remembered_keys(job.annotations)])
            known = [job for job in condemned if free.issuperset(marks.remembered_keys(job.annotations))]
            self._counts[Kept.SETTLING] += len(condemned) - len(known)
            condemned = known
        self._counts.update(kept for _, kept in verdicts if kept is not None)
        return condemned


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
        log.debug("job.deleted", job=job.name, uid=job.uid)
    return "deleted"
