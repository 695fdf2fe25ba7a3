"""Kubernetes' objects as they travel; `reading` makes the values of `job` of them.

The Structs hold only what is read, so that a list of thousands decodes in milliseconds; whatever else the JSON holds is
skipped. Every field has a default: one odd object must not hide a whole page. Times stay text until they are read.
"""

from __future__ import annotations

from ..json import Struct


class Owner(Struct, rename="camel", frozen=True):
    """OwnerReference."""

    kind: str = ""
    name: str = ""
    uid: str = ""


class Meta(Struct, rename="camel", frozen=True):
    """ObjectMeta."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    owner_references: tuple[Owner, ...] | None = None


class ListMeta(Struct, rename={"resource_version": "resourceVersion", "after": "continue"}, frozen=True):
    """ListMeta; `after` is its `continue`, empty on the last page."""

    resource_version: str = ""
    after: str = ""


class Condition(Struct, rename="camel", frozen=True):
    """A condition of a Job or a pod."""

    type: str = ""
    status: str = ""
    reason: str | None = None
    message: str | None = None
    last_transition_time: str | None = None


class JobSpec(Struct, rename="camel", frozen=True):
    """The part of a Job's spec that decides its state."""

    suspend: bool | None = None


class JobStatus(Struct, rename="camel", frozen=True):
    """JobStatus; counts that are zero are absent."""

    conditions: tuple[Condition, ...] | None = None
    start_time: str | None = None
    completion_time: str | None = None
    active: int | None = None
    ready: int | None = None
    succeeded: int | None = None
    failed: int | None = None


class JobObject(Struct, rename="camel", frozen=True):
    """A Job of batch/v1."""

    metadata: Meta = Meta()
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class JobList(Struct, rename="camel", frozen=True):
    """A page of Jobs."""

    metadata: ListMeta = ListMeta()
    items: tuple[JobObject, ...] | None = None


class Waiting(Struct, rename="camel", frozen=True):
    """ContainerStateWaiting."""

    reason: str | None = None
    message: str | None = None


class Running(Struct, rename="camel", frozen=True):
    """ContainerStateRunning."""

    started_at: str | None = None


class Terminated(Struct, rename="camel", frozen=True):
    """ContainerStateTerminated; `message` is the termination message."""

    exit_code: int = 0
    signal: int | None = None
    reason: str | None = None
    message: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


class ContainerState(Struct, rename="camel", frozen=True):
    """One of the three; none of them counts as waiting."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Struct, rename="camel", frozen=True):
    """ContainerStatus."""

    name: str = ""
    restart_count: int = 0
    state: ContainerState = ContainerState()


class Named(Struct, frozen=True):
    """A container of a pod's spec, of which only the name is read."""

    name: str = ""


class PodSpec(Struct, rename="camel", frozen=True):
    """The containers that a pod will have."""

    containers: tuple[Named, ...] | None = None
    init_containers: tuple[Named, ...] | None = None


class PodStatus(Struct, rename="camel", frozen=True):
    """PodStatus."""

    phase: str = "Unknown"
    reason: str | None = None
    message: str | None = None
    conditions: tuple[Condition, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None


class PodObject(Struct, rename="camel", frozen=True):
    """A Pod of core/v1."""

    metadata: Meta = Meta()
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class PodList(Struct, rename="camel", frozen=True):
    """A page of pods."""

    metadata: ListMeta = ListMeta()
    items: tuple[PodObject, ...] | None = None


class Reference(Struct, rename="camel", frozen=True):
    """What an Event is about."""

    kind: str = ""
    name: str = ""
    uid: str = ""


class Series(Struct, rename="camel", frozen=True):
    """How often an Event of the newer style was seen."""

    count: int = 1
    last_observed_time: str | None = None


class EventObject(Struct, rename="camel", frozen=True):
    """An Event of core/v1: one of the older style counts by `count`, one of the newer by `series`."""

    metadata: Meta = Meta()
    involved_object: Reference = Reference()
    type: str = ""
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    series: Series | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None


class EventList(Struct, rename="camel", frozen=True):
    """A page of Events."""

    metadata: ListMeta = ListMeta()
    items: tuple[EventObject, ...] | None = None
