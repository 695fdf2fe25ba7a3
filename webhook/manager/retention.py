"""The manager's clean-up, in the ancestor's two steps: mark, then delete what is due."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

from ..job import Job
from . import periods, retiring
from .retiring import DeleteCallback
from .session import Session


class Retention(Session):
    """Calls by which old Jobs go."""

    async def mark_deletion_time(self, job: Job, retention_period_sec: float) -> bool:
        """Write down that `cleanup_jobs` may delete a Job in so many seconds; False where it was marked before.

        Raises:
            NotFound: no such Job, or it is another one by now.
        """
        retention = timedelta(seconds=retention_period_sec)
        return await retiring.mark(self._parts.jobs, job, retention=retention, now=datetime.now(UTC))

    async def mark_jobs_for_deletion(self, retention_period_sec: float = 3600) -> int:
        """Mark every Job of ours that has ended; answer how many were marked now.

        A Job that we did not make is left alone, also with our signature: mark such by `mark_deletion_time`.
        """
        retention = timedelta(seconds=retention_period_sec)
        return await retiring.mark_finished(self._parts.jobs, retention=retention, now=datetime.now(UTC))

    async def cleanup_jobs(self, *, delete_callback: DeleteCallback | None = None) -> int:
        """Delete the Jobs whose marked time has come, and answer how many are gone.

        A Job of ours stays while it runs, while its completion is owed to a sink or to a next step, while it is held
        (annotation `jobhook.dev/hold`), and until its key has been in the ledger for `settle`: the next call takes it.

        Args:
            delete_callback: called with each Job before it goes, at least once; may be async. While it raises, the
                Job stays.
        """
        parts = self._parts
        return await retiring.clean_up(parts.jobs, parts.ledger, owed=parts.owed, callback=delete_callback)

    async def mark_and_delete_old_jobs(
        self, *, retention_period_sec: float, delete_callback: DeleteCallback | None = None
    ) -> int:
        """Both in one: `mark_jobs_for_deletion`, then `cleanup_jobs`; answers how many Jobs are gone."""
        await self.mark_jobs_for_deletion(retention_period_sec)
        return await self.cleanup_jobs(delete_callback=delete_callback)

    def run_background_cleanup(
        self,
        interval_sec: float = 60,
        *,
        retention_period_sec: float = 3600,
        delete_callback: DeleteCallback | None = None,
    ) -> AbstractAsyncContextManager[None]:
        """Clean up every `interval_sec` seconds for as long as the block is open.

        A pass that fails is logged, and the next one tries again. For production prefer the CronJob in `manifests/`,
        which a crash of this process does not end.
        """

        async def clean() -> None:
            await self.mark_and_delete_old_jobs(
                retention_period_sec=retention_period_sec, delete_callback=delete_callback
            )

        return periods.every(interval_sec, clean)
