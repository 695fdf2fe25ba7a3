"""The `Jobs` port over the store."""

from __future__ import annotations

import base64
import binascii
import contextlib
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ... import times
from ...errors import Conflict, Expired, JobExists, ManifestRefused, NotFound
from ...job import Job, Pod, WarningEvent
from ...json import as_type
from ...marks import MANAGED_BY
from ...ports import Change, Manifest, Page
from ..objects import PodObject
from ..reading import read_pod
from . import output, tables
from .feed import Feed, Source, follow
from .merge import merge_job
from .places import PodFolder
from .removal import remove_job
from .status import initial, is_open
from .store import Store
from .tables import JobRow, Stored, Transaction
from .validation import validate
from .warnings import warnings_about

PAGE = 500
_FORMAT = "v1:"
_SERVERS = ("uid", "creationTimestamp", "resourceVersion", "deletionTimestamp", "managedFields", "generation")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalJobs:
    """The Jobs of this machine that bear our signature. `root` holds their folders."""

    store: Store
    feed: Feed[JobRow]
    namespace: str
    signature: str
    root: Path
    now: Callable[[], datetime]

    async def create(self, manifest: Manifest) -> Job:
        """Create a Job; it is on disk when this returns, and begins as soon as a turn is free."""
        job, read = validate(manifest, namespace=self.namespace)
        if (read.metadata.labels or {}).get(MANAGED_BY) != self.signature:
            raise ManifestRefused(f"the Job lacks our label {MANAGED_BY}={self.signature}")
        now = self.now()
        given = {name: value for name, value in job["metadata"].items() if name not in _SERVERS}
        own = {"namespace": self.namespace, "uid": str(uuid.uuid4()), "creationTimestamp": times.show(now)}
        job |= {"metadata": given | own, "status": initial(read.spec, now)}

        def change(transaction: Transaction) -> Job:
            if tables.get_job(transaction.connection, given["name"]):
                raise JobExists(f'jobs.batch "{given["name"]}" already exists')
            return transaction.put_job(job, is_open=is_open(job))

        return await self.store.write(change)

    async def read(self, name: str) -> Job:
        """Read one Job."""
        return (await self.store.read(lambda connection: self._ours(connection, name))).job

    async def manifest(self, name: str) -> Manifest:
        """Read one Job whole."""
        return (await self.store.read(lambda connection: self._ours(connection, name))).document

    async def list(
        self, labels: Mapping[str, str] | None = None, *, limit: int = PAGE, after: str | None = None
    ) -> Page:
        """List by name: a Job that is there throughout is on exactly one page."""
        selected, name = self._select(labels), _name_of(after)

        def question(connection: sqlite3.Connection) -> Sequence[Job]:
            return tables.select_jobs(connection, selected, after=name, limit=limit + 1)

        found = await self.store.read(question)
        return Page(found[:limit], _token_of(found[limit - 1].name) if len(found) > limit else None)

    async def follow(self, labels: Mapping[str, str] | None = None) -> AsyncIterator[Change]:
        """Follow our Jobs that bear `labels`."""
        selected = self._select(labels)

        async def page(name: str) -> Sequence[Stored[JobRow]]:
            found = await self.store.read(lambda c: tables.select_jobs(c, selected, after=name, limit=PAGE))
            return [Stored(tables.JOBS, job.name, int(job.resource_version), JobRow(job, {})) for job in found]

        def bears(row: JobRow) -> bool:
            return selected.items() <= row.job.labels.items()

        source = Source(page=page, selected=bears, ping=self.ping)
        changes = follow(self.feed, source)
        async with contextlib.aclosing(changes) as steps:
            async for seen, row in steps:
                yield Change(seen, row.job if row else None)

    async def patch(self, name: str, patch: Mapping[str, Any], *, resource_version: str | None) -> Job:
        """Change a Job by a JSON merge patch; one that changes nothing makes no new version."""

        def change(transaction: Transaction) -> Job:
            row = self._ours(transaction.connection, name)
            self._expect(row, resource_version)
            patched, _ = validate(merge_job(row.document, patch), namespace=self.namespace)
            if patched == row.document:
                return row.job
            return transaction.put_job(patched, is_open=is_open(patched))

        return await self.store.write(change)

    async def delete(self, name: str, *, uid: str, resource_version: str | None = None) -> None:
        """Delete a Job at once, its processes and its folder in the background."""

        def change(transaction: Transaction) -> None:
            row = self._ours(transaction.connection, name)
            if row.job.uid != uid:
                raise Conflict(f'jobs.batch "{name}" has the uid {row.job.uid}, not {uid}')
            self._expect(row, resource_version)
            remove_job(transaction, row.document["metadata"])

        await self.store.write(change)

    async def pods(self, name: str) -> Sequence[Pod]:
        """The tries of one Job, oldest first."""

        def question(connection: sqlite3.Connection) -> Sequence[Pod]:
            self._ours(connection, name)
            return [read_pod(as_type(text, PodObject)) for text in tables.pods(connection, name)]

        return await self.store.read(question)

    async def log(
        self,
        pod: str,
        container: str,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        timestamps: bool = False,
        previous: bool = False,
        follow: bool = False,
    ) -> AsyncIterator[bytes]:
        """The output of one container; followed, it may be asked for before the container has begun."""
        root, run, _ = await self._run_of(pod, container)
        run -= previous
        if run < 0:
            raise NotFound(f'previous terminated container "{container}" in pod "{pod}" not found')

        async def ended() -> bool:
            try:
                _, current, over = await self._run_of(pod, container)
            except NotFound:
                return True
            return over or current > run

        view = output.View(tail=tail, since=since, timestamps=timestamps)
        path = PodFolder(root / pod).log(container, run)
        async with contextlib.aclosing(output.read(path, view, ended if follow else None)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def warnings(self, name: str) -> Sequence[WarningEvent]:
        """What an operator should know about a Job and its tries."""
        job, pods = await self.read(name), await self.pods(name)
        return warnings_about(job, pods)

    async def ping(self) -> None:
        """Read from the store."""
        await self.store.read(lambda connection: connection.execute("SELECT 1").fetchone())

    def _select(self, labels: Mapping[str, str] | None) -> dict[str, str]:
        return {**(labels or {}), MANAGED_BY: self.signature}

    def _ours(self, connection: sqlite3.Connection, name: str) -> JobRow:
        row = tables.get_job(connection, name)
        if row is None or row.job.labels.get(MANAGED_BY) != self.signature:
            raise NotFound(f'jobs.batch "{name}" not found')
        return row

    def _expect(self, row: JobRow, resource_version: str | None) -> None:
        if resource_version not in {None, row.job.resource_version}:
            raise Conflict(f'jobs.batch "{row.job.name}" has been modified; read it again')

    async def _run_of(self, pod: str, container: str) -> tuple[Path, int, bool]:
        """A container's Job folder, the number of its latest run, and whether that is over."""

        def question(connection: sqlite3.Connection) -> tuple[Path, int, bool]:
            found = tables.get_pod(connection, pod)
            if found is None:
                raise NotFound(f'pods "{pod}" not found')
            row = self._ours(connection, found[0])
            over = found[1]["status"]["phase"] in {"Succeeded", "Failed"}
            statuses = found[1]["status"]["initContainerStatuses"] + found[1]["status"]["containerStatuses"]
            for one in statuses:
                if one["name"] == container:
                    # Between two runs the count is already that of the next.
                    backing_off = "waiting" in one["state"] and one["restartCount"] > 0
                    run = one["restartCount"] - backing_off
                    return self.root / row.job.uid, run, over or backing_off or "terminated" in one["state"]
            raise NotFound(f'container {container} is not valid for pod "{pod}"')

        return await self.store.read(question)


def _token_of(name: str) -> str:
    return base64.urlsafe_b64encode((_FORMAT + name).encode()).decode()


def _name_of(token: str | None) -> str:
    if token is None:
        return ""
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError) as error:
        raise Expired("the continue token is none of ours") from error
    if not text.startswith(_FORMAT):
        raise Expired("the continue token is none of ours")
    return text.removeprefix(_FORMAT)
