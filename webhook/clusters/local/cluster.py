"""The local cluster, put together."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from ...ports import Identities, Record
from .controller import Controller
from .decide import Backoff
from .feed import Feed
from .folder import held
from .jobs import LocalJobs
from .pod import Machine
from .records import LocalRecords
from .slots import Slots
from .store import Store
from .tables import JOBS, JobRow, Stored

RECORDS, PAYLOADS = "records", "payloads"


def _now() -> datetime:
    return datetime.now(UTC)


def _inherited() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": os.environ.get("LANG", "C.UTF-8")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How this machine treats Jobs.

    Attributes:
        pods: run at once; further ones wait for a turn.
        backoff: between a Job's tries, as on Kubernetes.
        leaving: how long processes have to stop when the receiver does.
        log: bytes of output that are kept of one run of a container.
        inherit: the variables that every container has; nothing else of the receiver's own environment.
    """

    pods: int = field(default_factory=lambda: 2 * (os.cpu_count() or 1))
    backoff: Backoff = field(default_factory=Backoff)
    leaving: timedelta = timedelta(seconds=3)
    log: int = 64 * 1024 * 1024
    inherit: Mapping[str, str] = field(default_factory=_inherited)


class LocalCluster:
    """This machine as a `ports.Cluster`.

    Jobs and records are in one SQLite file in `data`; containers are processes in folders below it. Images are not
    pulled; of a container `command`, `args`, `env`, `workingDir`, the volume kinds emptyDir, downwardAPI and configMap
    (of our payloads) and its termination log have their meaning, and what `manifest` lists is ignored. Made for one
    namespace and one process: entering raises ConfigurationError where another has the folder.

    At least once: a try that was cut off, by `kill -9` at the wrong moment even one that had just ended, counts as
    failed and is made again by the Job's `backoffLimit`.
    """

    def __init__(
        self,
        data: Path,
        *,
        namespace: str = "default",
        signature: str = "jobhook",
        limits: Limits | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._data = data.absolute()
        limits = limits or Limits()
        jobs, records, payloads = self._feeds = Feed[JobRow](), Feed[Record](), Feed[Record]()
        store = self._store = Store(self._data, self._announce)
        root = self._data / "jobs"
        self._jobs = LocalJobs(store=store, feed=jobs, namespace=namespace, signature=signature, root=root, now=now)
        self._records, self._payloads = (
            LocalRecords(store=store, feed=feed, space=space, namespace=namespace, signature=signature, now=now)
            for feed, space in ((records, RECORDS), (payloads, PAYLOADS))
        )
        machine = Machine(
            now=now,
            inherit=limits.inherit,
            log_limit=limits.log,
            leaving=limits.leaving,
            backoff=limits.backoff,
            maps=self._map,
        )
        self._controller = Controller(store, machine, slots=Slots(limits.pods), root=root)
        self._stack = contextlib.AsyncExitStack()

    @property
    def jobs(self) -> LocalJobs:
        """The Jobs."""
        return self._jobs

    @property
    def records(self) -> LocalRecords:
        """Our own records."""
        return self._records

    @property
    def problems(self) -> Sequence[str]:
        """None: what cannot be written is told by each call."""
        return ()

    def age(self) -> timedelta | None:
        """Since the file could last be read or written; None where it never could."""
        return self._store.age()

    @property
    def payloads(self) -> LocalRecords:
        """Records beside the Jobs: what a configMap volume can hold."""
        return self._payloads

    @property
    def identities(self) -> Identities | None:
        """None: this machine knows no tokens."""
        return None

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(held(self._data))
            await self._store.open()
            stack.push_async_callback(self._store.close)
            stack.push_async_callback(self._controller.close)
            for feed in self._feeds:
                stack.callback(feed.close)
            await self._controller.resume()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    def _announce(self, change: Stored[Any]) -> None:
        jobs, records, payloads = self._feeds
        if change.kind == JOBS:
            jobs.publish(change)
            self._controller.notice(change)
        else:
            (records if change.kind == RECORDS else payloads).publish(change)

    async def _map(self, name: str) -> Mapping[str, bytes]:
        return (await self._payloads.read(name)).data
