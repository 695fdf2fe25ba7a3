"""Every Job, page after page, with the one selector on each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

from .errors import Expired
from .job import Job
from .ports import Jobs

PAGE = 500
RESTARTS = 3


async def pages(jobs: Jobs, labels: Mapping[str, str] | None = None) -> AsyncGenerator[Sequence[Job], None]:
    """List all our Jobs that bear `labels`, a page in memory at a time.

    A token that expires under way begins the list anew: a Job may then come twice.

    Raises:
        ClusterUnavailable: the store does not answer.
        Expired: again and again.
    """
    after, restarts = None, 0
    while True:
        try:
            page = await jobs.list(labels, limit=PAGE, after=after)
        except Expired:
            restarts += 1
            if after is None or restarts > RESTARTS:
                raise
            after = None
            continue
        yield page.jobs
        after = page.next
        if after is None:
            return
