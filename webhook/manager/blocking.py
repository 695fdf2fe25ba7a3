"""The same for scripts that are not async: a manager on an event loop of its own, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from ..job import Job, State
from ..joblogs import Line
from .manager import JobManager
from .retiring import DeleteCallback

T = TypeVar("T")


class BlockingJobs:
    """`JobManager` without `await`; see there for each call. Made by `JobManagerFactory.blocking`, entered by `with`.

    Callbacks run on the manager's thread, and must not call it.
    """

    def __init__(self, manager: JobManager) -> None:
        self._manager, self._stack = manager, AsyncExitStack()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="jobhook", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._do(self._stack.enter_async_context(self._manager))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._do(self._stack.aclose())
        finally:
            self._end()

    def _do(self, call: Coroutine[Any, Any, T], *, timeout: float | None = None) -> T:
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result(timeout)
        finally:
            future.cancel()  # of what is done already: nothing; of a wait that timed out, or was interrupted: its end

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def create_job(
        self,
        job_definition_name: str,
        template_args: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        *,
        labels: Mapping[str, str] | None = None,
    ) -> str:
        """Create a Job and answer its name."""
        return self._do(self._manager.create_job(job_definition_name, template_args, idempotency_key, labels=labels))

    def list_jobs(self, job_definition_name: str | None = None) -> list[Job]:
        """List our Jobs, or one definition's."""
        return self._do(self._manager.list_jobs(job_definition_name))

    def read_job(self, name: str) -> Job:
        """Read one Job."""
        return self._do(self._manager.read_job(name))

    def job_status(self, job: Job | str) -> State:
        """Tell its state."""
        return self._do(self._manager.job_status(job))

    def job_is_finished(self, job: Job | str) -> bool:
        """Tell whether it has ended."""
        return self._do(self._manager.job_is_finished(job))

    def wait_job(self, job: Job | str, timeout: float | None = None) -> Job:
        """Wait for its end; raises TimeoutError after so many seconds."""
        return self._do(self._manager.wait_job(job), timeout=timeout)

    def job_logs(
        self, job: Job | str, limit: int | None = 200, *, container: str | None = None, since: datetime | None = None
    ) -> str:
        """Answer the last lines of every pod."""
        return self._do(self._manager.job_logs(job, limit, container=container, since=since))

    def follow_logs(self, job: Job | str, limit: int | None = 200, *, container: str | None = None) -> Iterator[Line]:
        """Iterate over lines as they come, until the Job has ended."""
        lines = self._manager.job_logs(job, limit, container=container, follow=True)

        async def following() -> Line | None:
            return await anext(lines, None)

        async def close() -> None:
            await lines.aclose()

        try:
            while (line := self._do(following())) is not None:
                yield line
        finally:
            self._do(close())

    def cancel_job(self, job: Job | str, reason: str = "") -> Job:
        """Order its end."""
        return self._do(self._manager.cancel_job(job, reason))

    def rerun_job(self, job: Job | str, idempotency_key: str | None = None) -> str:
        """Create it once more, and answer the new one's name."""
        return self._do(self._manager.rerun_job(job, idempotency_key))

    def delete_job(self, job: Job | str) -> None:
        """Delete it at once."""
        self._do(self._manager.delete_job(job))

    def mark_and_delete_old_jobs(
        self, *, retention_period_sec: float, delete_callback: DeleteCallback | None = None
    ) -> int:
        """Mark and clean up."""
        return self._do(
            self._manager.mark_and_delete_old_jobs(
                retention_period_sec=retention_period_sec, delete_callback=delete_callback
            )
        )
