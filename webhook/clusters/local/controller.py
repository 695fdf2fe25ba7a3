"""The Job controller: one `JobRun` for every Job that has not ended."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path
from typing import Any

import structlog

from ...errors import ClusterUnavailable
from ...json import load
from . import tables
from .pod import Machine
from .run import JobRun
from .slots import Slots
from .status import is_open
from .store import Store
from .tables import JobRow, Stored

log = structlog.get_logger(__name__)

BROKEN_SECONDS = 5.0


class Controller:
    """Runs Jobs. `root` holds a folder a Job, named by its uid."""

    def __init__(self, store: Store, machine: Machine, *, slots: Slots, root: Path) -> None:
        self._store, self._machine, self._slots, self._root = store, machine, slots, root
        self._runs: dict[str, tuple[JobRun, asyncio.Task[None]]] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._closing = False

    async def resume(self) -> None:
        """Go on with the Jobs that had not ended, oldest first; and remove the folders of those that are gone."""
        unfinished, uids = await self._store.read(_unfinished)
        for job, pods in unfinished:
            self._begin(job, pods)
        await asyncio.to_thread(_remove_strays, self._root, uids)

    def notice(self, change: Stored[JobRow]) -> None:
        """Take in a committed change of a Job."""
        if self._closing:
            return
        job = change.value.document
        uid = job["metadata"]["uid"]
        run, _ = self._runs.get(uid, (None, None))
        if run is not None:
            run.update(None if change.gone else job)
        elif not change.gone and is_open(job):
            self._begin(job, [])
        if change.gone:
            self._chore(self._remove(uid))

    async def close(self) -> None:
        """End all processes, within the machine's `leaving`; they count as lost tries at the next start."""
        self._closing = True
        tasks = [*(task for _, task in self._runs.values()), *self._chores]
        for _, task in self._runs.values():
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, job: dict[str, Any], pods: list[dict[str, Any]]) -> None:
        uid = job["metadata"]["uid"]
        run = JobRun(job, pods, store=self._store, machine=self._machine, slots=self._slots, folder=self._root / uid)
        self._runs[uid] = run, asyncio.create_task(self._keep(job, run))

    async def _keep(self, job: dict[str, Any], run: JobRun) -> None:
        name, uid = job["metadata"]["name"], job["metadata"]["uid"]
        try:
            await run.run()
            self._runs.pop(uid, None)
        except Exception:
            # Whatever it was (a disk that is full even for logs): go on from what the store has, as after a restart.
            with contextlib.suppress(OSError):
                log.exception("job.broken", job=name)
            found = await self._find(name, uid)
            self._runs.pop(uid, None)
            if found:
                self._begin(*found)

    async def _find(self, name: str, uid: str) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
        while True:
            await asyncio.sleep(BROKEN_SECONDS)
            with contextlib.suppress(ClusterUnavailable):
                return await self._store.read(lambda connection: _left(connection, name, uid))

    async def _remove(self, uid: str) -> None:
        if run := self._runs.get(uid):
            await asyncio.wait([run[1]])
        await asyncio.to_thread(shutil.rmtree, self._root / uid, ignore_errors=True)

    def _chore(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)


def _unfinished(connection: Any) -> tuple[list[tuple[dict[str, Any], list[dict[str, Any]]]], set[str]]:
    jobs = tables.open_jobs(connection)
    uids = {uid for (uid,) in connection.execute("SELECT uid FROM jobs")}
    return [(job, [load(text) for text in tables.pods(connection, job["metadata"]["name"])]) for job in jobs], uids


def _left(connection: Any, name: str, uid: str) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    row = tables.get_job(connection, name)
    if row is None or row.job.uid != uid or not is_open(row.document):
        return None
    return row.document, [load(text) for text in tables.pods(connection, name)]


def _remove_strays(root: Path, uids: set[str]) -> None:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in root.iterdir():
        if folder.name not in uids:
            shutil.rmtree(folder, ignore_errors=True)
