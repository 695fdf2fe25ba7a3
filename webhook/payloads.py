"""Events that are too large for an annotation: a record beside each such Job, made before it and owned by it after.

The order is what keeps a Job from waiting for a record that never comes: the record is there before the Job is sent,
and only a record that no launch can still be about to use is ever deleted (docs/reliability.md, "Large events").
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from . import marks
from .errors import ClusterError, Conflict, KeyClash, NotFound
from .job import Job
from .ports import Jobs, Record, Records
from .rendering import EVENT_FILE

log = structlog.get_logger(__name__)

ORPHANED = timedelta(hours=1)
"""So old, and without an owner: what made it has died before its Job was there, or before it could own it."""
STALE = timedelta(minutes=30)
"""A launch does not build on a record so old: a sweep whose clock is off may be about to delete it."""
TRIES = 5
"""At a record that others make and delete at the same time."""

LABELS = {marks.PAYLOAD: "event"}


def record(job: str, event: bytes) -> Record:
    """The record for a Job's event."""
    return Record(name=f"{job}-event", data={EVENT_FILE: event}, labels=LABELS, immutable=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payloads:
    """The records of one namespace, and the Jobs that mount them."""

    records: Records
    jobs: Jobs
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def prepare(self, wanted: Record, job: str) -> None:
        """Make sure that the record is there, and stays while its Job is being sent.

        Raises:
            ManifestRefused: the store will never take it.
            KeyClash: something of that name is not ours.
        """
        for _ in range(TRIES):
            try:
                await self.records.create(wanted)
                return
            except Conflict:
                pass
            with suppress(NotFound, Conflict):
                # One that is not ours is never found: others may not have our names.
                found = await self.records.read(wanted.name)
                if await self._lasts(found, job):
                    return
                await self.records.delete(found.name, version=found.version)
        raise KeyClash(f"another's record has the name {wanted.name}")

    async def _lasts(self, found: Record, job: str) -> bool:
        """Whether a record of an earlier try may be built on: it is its Job's, or too young for any sweep."""
        if found.owner is None and found.created is not None and self.now() - found.created < STALE:
            return True
        try:
            await self.jobs.read(job)
        except NotFound:
            return False  # an orphan; or its owner is gone, and the store is about to collect it
        return True

    async def own(self, wanted: Record, job: Job) -> None:
        """Let the record go with its Job; made again where it went in between."""
        owner = (job.name, job.uid)
        try:
            await self.records.own(wanted.name, owner)
        except NotFound:
            with suppress(Conflict):  # another's launch of the same Job was faster
                await self.records.create(replace(wanted, owner=owner))

    async def sweep(self, *, over: Callable[[], bool], dry_run: bool = False) -> int:
        """Delete records whose Job never came, and give those whose Job did come to it.

        Args:
            over: whether the time for it is up.
            dry_run: only count what would be deleted.
        """
        deleted = 0
        for found in await self.records.list(LABELS, data=False):
            if over():
                break
            if found.owner is None and found.created is not None and self.now() - found.created >= ORPHANED:
                try:
                    deleted += await self._settle(found, dry_run=dry_run)
                except (NotFound, Conflict):
                    continue  # it changed meanwhile: somebody's, or the next sweep's
                except ClusterError as error:
                    log.warning("payload.not_swept", record=found.name, error=str(error))
        return deleted

    async def _settle(self, orphan: Record, *, dry_run: bool) -> bool:
        """Give a record to its Job, or delete it where there is none; answer whether it was (or would be) deleted."""
        try:
            job = await self.jobs.read(orphan.name.removesuffix("-event"))
        except NotFound:
            if not dry_run:
                await self.records.delete(orphan.name, version=orphan.version)
                log.info("payload.deleted", record=orphan.name)
            return True
        if not dry_run:
            await self.records.own(orphan.name, (job.name, job.uid))
        return False
