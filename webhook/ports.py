"""What use cases ask of the world: the clusters' four Protocols, and the sinks'.

Every method raises only exceptions of `errors`; each may raise `ClusterUnavailable`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, Self

from .events import Arrival, Event
from .job import Job, Pod, WarningEvent
from .json import Struct

Manifest = dict[str, Any]
"""A Kubernetes object as JSON has it."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    Attributes:
        next: opaque; the token of the next page, or None on the last.
    """

    jobs: Sequence[Job]
    next: str | None = None


class Seen(StrEnum):
    """What a change tells."""

    LISTING = "listing"
    """A list begins: what is not `PRESENT` before the next `SYNCED` is gone."""
    PRESENT = "present"
    GONE = "gone"
    """Deleted, or no longer selected."""
    SYNCED = "synced"
    """The list is whole; from here on changes come as they happen."""
    ALIVE = "alive"
    """Nothing changed, and the store has said so."""


class Change(Struct, frozen=True):
    """One step of a `follow`.

    Attributes:
        job: the Job as it is now (`PRESENT`) or was last (`GONE`), else None.
    """

    seen: Seen
    job: Job | None = None


class Jobs(Protocol):
    """The Jobs of one namespace that bear our signature (`marks.MANAGED_BY`), and no other.

    Another's Job is as good as absent: `read`, `patch`, `delete`, `pods` and `log` raise `NotFound` for it.
    """

    @property
    def namespace(self) -> str:
        """Where the Jobs are."""
        ...

    async def create(self, manifest: Manifest) -> Job:
        """Create a Job that has its name and our label; durable when this returns.

        Raises:
            JobExists: an object of that name is there, ours or not, also one that is being deleted.
            ManifestRefused: the store will never take it.
        """
        ...

    async def read(self, name: str) -> Job:
        """Read one Job. Raises NotFound."""
        ...

    async def manifest(self, name: str) -> Manifest:
        """Read one Job whole, as the store holds it, for people to look at. Raises NotFound."""
        ...

    async def list(
        self, labels: Mapping[str, str] | None = None, *, limit: int = 500, after: str | None = None
    ) -> Page:
        """List a page of our Jobs that bear all of `labels` (equality), from the token `after` on.

        Raises:
            Expired: the token is too old, or not one of ours.
        """
        ...

    def follow(self, labels: Mapping[str, str] | None = None) -> AsyncIterator[Change]:
        """Follow our Jobs that bear `labels`, without end: LISTING, PRESENT…, SYNCED, then changes.

        Faults are waited out inside. A Job that stops bearing `labels` is GONE. Close the iterator (`aclose`) to stop.
        """
        ...

    async def patch(self, name: str, patch: Mapping[str, Any], *, resource_version: str | None) -> Job:
        """Change a Job by a JSON merge patch (RFC 7386) and answer it as it then is.

        Raises:
            NotFound: no such Job of ours.
            Conflict: `resource_version` is given, and is not the Job's any more.
            ManifestRefused: a field that may not change.
        """
        ...

    async def delete(self, name: str, *, uid: str, resource_version: str | None = None) -> None:
        """Delete a Job and, in the background, its pods.

        Raises:
            NotFound: no such Job of ours.
            Conflict: it is another Job by now (`uid`), or has changed (`resource_version`).
        """
        ...

    async def pods(self, name: str) -> Sequence[Pod]:
        """The pods of one Job that still are there, oldest first. Raises NotFound for an unknown Job."""
        ...

    def log(
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
        """The output of one container as it comes, in chunks of any size; `tail` counts lines.

        Raises:
            NotFound: no such pod of ours, or no log of it (any more, or yet).
        """
        ...

    async def warnings(self, name: str) -> Sequence[WarningEvent]:
        """Warning Events about a Job and its pods, oldest first. Raises NotFound for an unknown Job."""
        ...

    async def ping(self) -> None:
        """Ask the store for a sign of life, cheaply."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A small named record (a ConfigMap on Kubernetes).

    Attributes:
        name: a DNS subdomain.
        data: by key; at most about 1 MiB altogether.
        immutable: it can be deleted, and never changed.
        owner: (name, uid) of the Job with which it goes, or None.
        version: of the stored record, for compare-and-swap; empty where it was not stored yet.
        created: by the store's clock; None where it was not stored yet.
    """

    name: str
    data: Mapping[str, bytes]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    immutable: bool = False
    owner: tuple[str, str] | None = None
    version: str = ""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One step of a `Records.follow`, as `Change`."""

    seen: Seen
    record: Record | None = None


class Records(Protocol):
    """Small named records of one namespace that bear our signature, with compare-and-swap; and templates by name."""

    async def create(self, record: Record) -> Record:
        """Store a new record. Raises Conflict where the name is taken, ManifestRefused where it is too large."""
        ...

    async def read(self, name: str) -> Record:
        """Read one. Raises NotFound."""
        ...

    async def replace(self, record: Record) -> Record:
        """Store a record in the place of the one of that name and `version`.

        Raises:
            NotFound: no such record of ours.
            Conflict: it has another version by now, or is immutable.
        """
        ...

    async def own(self, name: str, owner: tuple[str, str]) -> None:
        """Make a Job (name, uid) the owner, so that the record goes with it. Raises NotFound."""
        ...

    async def list(self, labels: Mapping[str, str] | None = None, *, data: bool = True) -> Sequence[Record]:
        """All our records that bear `labels` (equality); `data=False` leaves out what may be large, their data."""
        ...

    def follow(self, labels: Mapping[str, str] | None = None) -> AsyncIterator[RecordChange]:
        """Follow our records, as `Jobs.follow`."""
        ...

    async def delete(self, name: str, *, version: str | None = None) -> None:
        """Delete one. Raises NotFound, Conflict."""
        ...

    async def template(self, namespace: str, name: str, key: str) -> str:
        """Read one key of a record that need not be ours, a definition's template. Raises NotFound."""
        ...

    def follow_template(self, namespace: str, name: str, key: str) -> AsyncIterator[str | None]:
        """Follow such a key, without end: its text as it is, then each that it becomes.

        None says that there is no such record, or no text under the key. Faults are waited out inside: meanwhile the
        last text stands. Close the iterator (`aclose`) to stop.
        """
        ...


class Remembers(Protocol):
    """What outlives the Jobs: which of them there were."""

    async def remembers(self, key: str, *, deadline: float) -> bool:
        """Whether a Job of that key (`identity.job_key`) was there once; it may be gone by now, or not.

        Args:
            key: the Job's, in hex.
            deadline: by the running loop's clock, in seconds.

        Raises:
            ClusterUnavailable: that cannot be known by `deadline`; a launch might be the second one.
        """
        ...


class Names(Protocol):
    """Under which types events were launched, of which only a header that is not signed tells the type."""

    def note(self, arrival: Arrival) -> None:
        """Keep in mind that this event is launched under its type, until the Jobs themselves are known to tell it."""
        ...

    async def doubted(self, arrival: Arrival, *, deadline: float) -> bool:
        """Whether an event that is not loose has to take its turn all the same: it may have launched as one that was.

        Where it is false, `note` it at once, before anything else is awaited. Raises ClusterUnavailable as `turn`.
        """
        ...

    def turn(self, arrival: Arrival, *, deadline: float) -> AbstractAsyncContextManager[bool]:
        """Let the same event's other launches wait; entered, tell whether it was launched, and as another type only.

        Args:
            arrival: one that is loose, or doubted.
            deadline: by the running loop's clock, in seconds.

        Raises:
            ClusterUnavailable: that cannot be known by `deadline`.
        """
        ...


class Identities(Protocol):
    """Who a bearer token belongs to."""

    async def who(self, token: str, audience: str) -> str | None:
        """The user's name (`system:serviceaccount:NAMESPACE:NAME`), or None where `audience` is not the token's."""
        ...


class Cluster(Protocol):
    """A cluster as the composition sees it: entering it starts what it needs, leaving ends all of that."""

    @property
    def jobs(self) -> Jobs:
        """The Jobs, in JOB_NAMESPACE."""
        ...

    @property
    def records(self) -> Records:
        """Our own records (the ledger), in JOBHOOK_NAMESPACE."""
        ...

    @property
    def payloads(self) -> Records:
        """Records beside the Jobs (events that are too large for an annotation), in JOB_NAMESPACE."""
        ...

    @property
    def identities(self) -> Identities | None:
        """None where the cluster knows no tokens."""
        ...

    @property
    def problems(self) -> Sequence[str]:
        """What keeps the cluster from being heard at the moment, for people."""
        ...

    def age(self) -> timedelta | None:
        """Since the store last answered, whatever was asked; None where it never did."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


class Sink(Protocol):
    """Where completions go."""

    @property
    def name(self) -> str:
        """Stable: progress is kept under it."""
        ...

    def wants(self, event: Event) -> bool:
        """Whether it asked for events of that type."""
        ...

    async def send(self, event: Event) -> None:
        """Send one event; returns when it was taken. Raises SinkUnavailable, SinkRefused, SinkGone."""
        ...
