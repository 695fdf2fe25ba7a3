"""The manager's reading side: list, read, wait, log."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from datetime import datetime
from typing import Any, Literal, overload

from .. import marks
from ..job import Job, State
from ..joblogs import Line
from ..paging import pages
from . import ending, output
from .session import Session, name_of

_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


class Looking(Session):
    """Calls that change nothing."""

    async def fetch_jobs(self, job_definition_name: str | None = None) -> AsyncGenerator[Job, None]:
        """Iterate over our Jobs, or over one definition's, with a page of 500 in memory at a time.

        Jobs that the ancestor made are among them. A list that takes so long that the cluster forgets where it was
        begins anew: a Job may then come twice.
        """
        if job_definition_name is None:
            wanted: tuple[dict[str, str], ...] = ({},)
        elif _LABEL_VALUE.fullmatch(job_definition_name):
            wanted = tuple({label: job_definition_name} for label in (marks.DEFINITION, marks.ANCESTOR_DEFINITION))
        else:
            wanted = ()  # no label can hold it: there is no such Job
        for labels in wanted:
            async with aclosing(pages(self._parts.jobs, labels)) as every:
                async for page in every:
                    for job in page:
                        # One that has both labels was in the first list already.
                        if marks.ANCESTOR_DEFINITION not in labels or marks.DEFINITION not in job.labels:
                            yield job

    async def list_jobs(self, job_definition_name: str | None = None) -> list[Job]:
        """All Jobs of `fetch_jobs`, in memory at once."""
        return [job async for job in self.fetch_jobs(job_definition_name)]

    async def read_job(self, name: str) -> Job:
        """Read one Job: its state, times, labels, annotations and counts of pods. Raises NotFound."""
        return await self._parts.jobs.read(name)

    async def job_status(self, job: Job | str) -> State:
        """Its state: queued, pending, running, succeeded, failed or cancelled; of a name as of now. Raises NotFound."""
        return (await self.read_job(job) if isinstance(job, str) else job).state

    async def job_is_finished(self, job: Job | str) -> bool:
        """Whether it has ended, well or not; of a name as of now. Raises NotFound."""
        return (await self.read_job(job) if isinstance(job, str) else job).end is not None

    async def wait_job(self, job: Job | str) -> Job:
        """Wait for a Job's end, and answer it as it then is; bound it by `asyncio.timeout`.

        Raises:
            NotFound: there is no such Job (any more).
        """
        return await ending.wait(self._parts.jobs, name_of(job))

    @overload
    def job_logs(
        self,
        job: Job | str,
        limit: int | None = 200,
        *,
        container: str | None = None,
        since: datetime | None = None,
        follow: Literal[False] = False,
    ) -> Coroutine[Any, Any, str]: ...

    @overload
    def job_logs(
        self,
        job: Job | str,
        limit: int | None = 200,
        *,
        container: str | None = None,
        since: datetime | None = None,
        follow: Literal[True],
    ) -> AsyncGenerator[Line, None]: ...

    def job_logs(
        self,
        job: Job | str,
        limit: int | None = 200,
        *,
        container: str | None = None,
        since: datetime | None = None,
        follow: bool = False,
    ) -> Coroutine[Any, Any, str] | AsyncIterator[Line]:
        r"""The last lines of every pod of a Job: awaited as one text, or iterated over as they come.

        The text has a header and a footer for each pod (and container, where a pod has several)::

            Pod: greet-7n2kq
            hello you
            =======

        With `follow=True` it is an async iterator of lines (`.pod`, `.container`, `.at`, `.text` in bytes), which
        begins before the first container has started, goes on over retries and ends with the Job.

        Args:
            job: it, or its name.
            limit: lines of each container; None for all that there are.
            container: only of that one.
            since: only what was written from then on; aware.
            follow: wait for more until the Job has ended.

        Raises:
            NotFound: no such Job, or no such container. A container that has not started yet just has no lines, and
                one whose log breaks off says so in its place.
        """
        wanted = output.wanted(limit=limit, container=container, since=since, follow=follow)
        if follow:
            return output.follow(self._parts.jobs, name_of(job), wanted)
        return output.text(self._parts.jobs, name_of(job), wanted)
