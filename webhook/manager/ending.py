"""Wait for a Job's end, or bring it about for good."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from .. import marks
from ..errors import Conflict, NotFound
from ..job import Job
from ..ledger import Ledger
from ..ports import Change, Jobs, Seen


async def wait(jobs: Jobs, name: str) -> Job:
    """Follow a Job until it has ended. Raises NotFound where there is none (any more)."""
    job = await jobs.read(name)
    if job.end is not None:
        return job
    # Its event's label keeps others' changes away; a Job without marks shares the stream with all.
    own = {marks.EVENT: job.labels[marks.EVENT]} if marks.EVENT in job.labels else {}
    # A cluster's `follow` is an async generator; the port promises no more than that it can be closed.
    changes = cast("AsyncGenerator[Change, None]", jobs.follow(own))
    async with aclosing(changes):
        present = False
        async for change in changes:
            seen = change.job if change.job is not None and change.job.uid == job.uid else None
            if change.seen is Seen.LISTING:
                present = False
            elif change.seen is Seen.PRESENT and seen is not None:
                present = True
                if seen.end is not None:
                    return seen
            elif (change.seen is Seen.SYNCED and not present) or (change.seen is Seen.GONE and seen is not None):
                break
    raise NotFound(f"the Job {name} is gone")


async def delete(jobs: Jobs, ledger: Ledger, job: Job | str) -> None:
    """Delete a Job as it is now, its keys written down before. Raises NotFound, also where it is another one by now."""
    if isinstance(job, str):
        job = await jobs.read(job)
    if keys := marks.remembered_keys(job.annotations):
        async with ledger.writing() as clerk:
            await clerk.release(keys)
    try:
        await jobs.delete(job.name, uid=job.uid)
    except Conflict as error:
        raise NotFound(f"the Job {job.name} is another one by now") from error
