"""Cancel a Job: the Job controller ends it, the Job stays, and its completion says by whom and why."""

from __future__ import annotations

from datetime import datetime

import structlog

from . import marks, times
from .errors import ClusterUnavailable, Conflict
from .job import Job
from .ports import Jobs

log = structlog.get_logger(__name__)

TRIES = 10
"""At a Job that others change meanwhile."""


async def cancel(jobs: Jobs, name: str, *, by: str, reason: str = "", now: datetime) -> Job:
    """Order a Job's end, whether it is queued, pending, running or hanging; one that has ended stays as it is.

    The order is one patch: an active deadline of zero ends a running Job, and with `suspend: false` a queued one, too,
    before any pod starts (docs/reliability.md, "Cancel"). A Job whose pods have all succeeded may still end so.

    Args:
        jobs: where it is.
        name: the Job's.
        by: who wants that.
        reason: for people, and for the completion.
        now: the moment that is written down.

    Raises:
        NotFound: no such Job.
        ClusterUnavailable: not now; safe to order again.
    """
    order = marks.Cancelled(by=by, reason=reason, at=times.show(now)).dump()
    patch = {
        "metadata": {"annotations": {marks.CANCELLED: order}},
        "spec": {"activeDeadlineSeconds": 0, "suspend": False},
    }
    for _ in range(TRIES):
        job = await jobs.read(name)
        if job.end is not None or marks.CANCELLED in job.annotations:
            return job
        try:
            job = await jobs.patch(name, patch, resource_version=job.resource_version)
        except Conflict:
            continue
        log.info("job.cancelled", job=name, by=by, reason=reason)
        return job
    raise ClusterUnavailable(f"cancel {name}: others change it all the time", sent=False)
