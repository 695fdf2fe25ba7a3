"""Remove a finished Job at once, before its retention is over."""

from __future__ import annotations

import structlog

from . import marks
from .errors import ClusterUnavailable, Conflict, NotFinished
from .ports import Jobs

log = structlog.get_logger(__name__)

TRIES = 5
"""At a Job that others change meanwhile."""


async def purge(jobs: Jobs, name: str, *, by: str) -> None:
    """Delete a Job that has ended and whose completion is no longer owed; its pods and logs go with it.

    What the ledger does not know yet is forgotten with it: its event would launch it once more.

    Raises:
        NotFound: no such Job.
        NotFinished: it has not ended, or its completion was not delivered.
        ClusterUnavailable: not now.
    """
    for _ in range(TRIES):
        job = await jobs.read(name)
        if job.end is None:
            raise NotFinished(f"the Job {name} has not ended; cancel it first")
        if job.labels.get(marks.COMPLETION) == marks.PENDING:
            raise NotFinished(f"the completion of the Job {name} was not delivered yet")
        try:
            await jobs.delete(name, uid=job.uid, resource_version=job.resource_version)
        except Conflict:
            continue
        log.info("job.purged", job=name, by=by)
        return
    raise ClusterUnavailable(f"delete {name}: others change it all the time", sent=False)
