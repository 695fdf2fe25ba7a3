"""Every Job, page after page, with the one selector on each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

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


async def ahead(every: AsyncGenerator[Sequence[Job], None]) -> AsyncGenerator[Sequence[Job], None]:
    """Hand out pages, and ask for the next one while one is worked on: two in memory, and no wait between them.

    What fails is raised when its page would be due. `every` is closed at the end.
    """

    async def following() -> Sequence[Job] | None:
        return await anext(every, None)

    async with aclosing(every):
        coming = asyncio.create_task(following())
        try:
            while (page := await coming) is not None:
                coming = asyncio.create_task(following())
                yield page
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
