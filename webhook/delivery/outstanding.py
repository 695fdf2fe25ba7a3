"""One pass over everything outstanding, without the watch: what a sweep does first."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import structlog

from .. import marks
from ..job import Job
from ..paging import pages
from ..ports import Jobs
from .courier import Courier
from .plan import Result, outstanding

log = structlog.get_logger(__name__)

CONCURRENCY = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What a pass did.

    Attributes:
        delivered, failed: completions that it brought to their end.
        later: tried, claimed by another, or not due yet.
        errors: Jobs at which something broke; the log says what.
        more: the budget ended it.
    """

    delivered: int = 0
    failed: int = 0
    later: int = 0
    errors: int = 0
    more: bool = False


async def deliver_outstanding(
    jobs: Jobs,
    courier: Courier,
    *,
    budget: timedelta,
    clock: Callable[[], float] = time.monotonic,
    concurrency: int = CONCURRENCY,
) -> Pass:
    """Carry every outstanding completion once, and begin none after the budget.

    Raises:
        ClusterUnavailable: the Jobs cannot be listed.
    """
    end = clock() + budget.total_seconds()
    counts: Counter[str] = Counter()
    gate = asyncio.Semaphore(concurrency)
    tasks: set[asyncio.Task[None]] = set()
    more = False
    try:
        async with aclosing(_finished(jobs)) as found:
            async for job in found:
                await gate.acquire()
                if more := clock() >= end:
                    break
                task = asyncio.create_task(_carry(courier, job, counts))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                task.add_done_callback(lambda _: gate.release())
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        raise
    finally:
        await asyncio.gather(*tasks, return_exceptions=True)
    return Pass(
        delivered=counts[Result.DELIVERED],
        failed=counts[Result.FAILED],
        later=counts[Result.LATER],
        errors=counts["errors"],
        more=more,
    )


async def _finished(jobs: Jobs) -> AsyncGenerator[Job, None]:
    async with aclosing(pages(jobs, {marks.COMPLETION: marks.PENDING})) as every:
        async for page in every:
            for job in filter(outstanding, page):
                yield job


async def _carry(courier: Courier, job: Job, counts: Counter[str]) -> None:
    try:
        counts[(await courier.deliver(job)).result] += 1
    except Exception:
        # One Job that breaks must not keep the others from going out.
        log.exception("completion.fault", job=job.name)
        counts["errors"] += 1
