"""Remove a finished Job at once, before its retention is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from . import marks
from .errors import ClusterUnavailable, Conflict, NotFinished
from .ports import Jobs

Remember = Callable[[Sequence[str]], Awaitable[None]]
"""Write keys down that outlive their Job."""

log = structlog.get_logger(__name__)

TRIES = 5
"""At a Job that others change meanwhile."""


async def purge(jobs: Jobs, name: str, *, by: str, remember: Remember | None = None) -> None:
    """Delete a Job that has ended and whose completion is no longer owed; its pods and logs go with it.

    Args:
        jobs: where it is.
        name: the Job's.
        by: who wants that.
        remember: writes the Job's keys down before it goes; without it its event, sent again, launches once more.

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
        if remember is not None and (keys := marks.remembered_keys(job.annotations)):
            await remember(keys)
        try:
            await jobs.delete(name, uid=job.uid, resource_version=job.resource_version)
        except Conflict:
            continue
        log.info("job.purged", job=name, by=by)
        return
    raise ClusterUnavailable(f"delete {name}: others change it all the time", sent=False)
