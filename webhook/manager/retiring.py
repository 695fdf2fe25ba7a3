"""Mark finished Jobs with the time from which they may go, and delete those whose time has come.

The time stands in the annotation that the ancestor wrote, so that its Jobs go by the same pass.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta

import structlog

from .. import marks
from ..errors import ClusterError, ClusterUnavailable, Conflict, NotFound
from ..job import Job
from ..ledger import Clerk, Ledger
from ..paging import pages
from ..ports import Jobs
from ..sweep import held

log = structlog.get_logger(__name__)

TRIES = 5
"""At a Job that others change meanwhile."""

DeleteCallback = Callable[[Job], Awaitable[None] | None]
"""What is called with a Job before it goes; may be async. Where it raises, the Job stays."""

_SECONDS = re.compile(r"-?[0-9]{1,12}")


async def mark(jobs: Jobs, job: Job, *, retention: timedelta, now: datetime) -> bool:
    """Write down from when on a Job may go; one that is marked stays as it is. Answer whether it was marked now.

    Raises:
        NotFound: no such Job, or it is another one by now.
        ClusterUnavailable: not now.
    """
    uid, until = job.uid, int((now + retention).timestamp())
    for _ in range(TRIES):
        if job.uid != uid:
            raise NotFound(f"the Job {job.name} is another one by now")
        if marks.ANCESTOR_DELETION_TIME in job.annotations:
            return False
        patch = {"metadata": {"annotations": {marks.ANCESTOR_DELETION_TIME: str(until)}}}
        try:
            await jobs.patch(job.name, patch, resource_version=job.resource_version)
        except Conflict:
            job = await jobs.read(job.name)
            continue
        log.info("job.marked", job=job.name, until=until)
        return True
    raise ClusterUnavailable(f"mark {job.name}: others change it all the time", sent=False)


async def mark_finished(jobs: Jobs, *, retention: timedelta, now: datetime) -> int:
    """Mark our Jobs that have ended, and answer how many; a Job that cannot be marked does not keep others from it.

    Jobs with our signature and without our marks are nobody's to mark but by name (`mark`).
    """
    marked = 0
    async with aclosing(pages(jobs)) as every:
        async for page in every:
            for job in page:
                if job.end is None or marks.KEY not in job.annotations:
                    continue
                try:
                    marked += await mark(jobs, job, retention=retention, now=now)
                except ClusterError as error:
                    log.warning("job.not_marked", job=job.name, reason=str(error))
    return marked


def due(job: Job, now: datetime) -> bool:
    """Whether the time that a Job is marked with has come, and nobody holds it; a mark that is no number never comes.

    >>> from datetime import UTC, datetime
    >>> job = Job(name="a", namespace="b", uid="c", resource_version="1", labels={},
    ...           annotations={"job_deletion_time_unix_sec": "1767322800"}, created=datetime(2026, 1, 2, tzinfo=UTC))
    >>> due(job, datetime(2026, 1, 2, 3, tzinfo=UTC)), due(job, datetime(2026, 1, 2, 2, tzinfo=UTC))
    (True, False)
    """
    text = job.annotations.get(marks.ANCESTOR_DELETION_TIME, "").strip()
    if not _SECONDS.fullmatch(text):
        return False
    return int(text) <= now.timestamp() and not held(job.annotations, now)


async def clean_up(
    jobs: Jobs,
    ledger: Ledger,
    *,
    owed: Callable[[Job], bool],
    callback: DeleteCallback | None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """Delete Jobs whose time has come, and answer how many are gone.

    One of ours goes after it has ended, its completion is not owed any more and its key is in the ledger (for
    `settle`); one without our marks goes by its time alone, as the ancestor had it.

    Raises:
        ClusterUnavailable: the Jobs cannot be listed, or keys cannot be written down.
    """
    gone = 0
    async with AsyncExitStack() as stack, aclosing(pages(jobs)) as every:
        clerk: Clerk | None = None
        async for page in every:
            may = [job for job in page if due(job, now()) and _may_go(job, owed)]
            ours = [job for job in may if marks.KEY in job.annotations]
            if ours and clerk is None:  # else the ledger is not asked, and needs no rights
                clerk = await stack.enter_async_context(ledger.writing())
            kept = await _unsettled(clerk, ours) if clerk is not None else frozenset()
            for job in may:
                if job.name not in kept:
                    gone += await _delete(jobs, job, callback)
    return gone


def _may_go(job: Job, owed: Callable[[Job], bool]) -> bool:
    return marks.KEY not in job.annotations or (job.end is not None and not owed(job))


async def _unsettled(clerk: Clerk, ours: Sequence[Job]) -> frozenset[str]:
    """Write the Jobs' keys down, and answer the names of those that have to stay for it."""
    keys = {job.name: marks.remembered_keys(job.annotations) for job in ours}
    every = [key for own in keys.values() for key in own]
    await clerk.enter(every)
    free = await clerk.release(every)
    return frozenset(name for name, own in keys.items() if not free.issuperset(own))


async def _delete(jobs: Jobs, job: Job, callback: DeleteCallback | None) -> bool:
    """Tell the callback, then delete the Job as it was read, or not at all."""
    try:
        if callback is not None and inspect.isawaitable(told := callback(job)):
            await told
    except Exception as error:  # whatever it is, the Job was not taken care of: it stays for the next time
        log.warning("job.callback_failed", job=job.name, error=f"{type(error).__name__}: {error}")
        return False
    try:
        await jobs.delete(job.name, uid=job.uid, resource_version=job.resource_version)
    except NotFound:
        return False  # somebody was faster
    except Conflict:
        return False  # it changed meanwhile: the next time
    except ClusterError as error:
        log.warning("job.not_deleted", job=job.name, reason=str(error))
        return False
    log.info("job.deleted", job=job.name, uid=job.uid)
    return True
