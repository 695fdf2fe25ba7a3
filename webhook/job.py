"""What we see of a Job and of its pods: values, the same from every cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from . import marks
from .json import Struct


class State(StrEnum):
    """Where a Job is in its life."""

    QUEUED = "queued"
    """Suspended: it waits for its group."""
    PENDING = "pending"
    """No pod has started."""
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class End(Struct, frozen=True, kw_only=True):
    """A terminal condition: `Complete` or `Failed` with status True.

    No other is terminal: SuccessCriteriaMet and FailureTarget are interim.

    Attributes:
        succeeded: True for `Complete`.
        at: the condition's lastTransitionTime; completionTime is set on success only.
    """

    succeeded: bool
    reason: str
    message: str
    at: datetime


class Job(Struct, frozen=True, kw_only=True):
    """One Job as it was when it was read.

    Attributes:
        started: when the Job controller began it, or None.
        end: its terminal condition, or None.
        active, ready, succeeded, failed: pods.
        deleting: it has a deletionTimestamp.
    """

    name: str
    namespace: str
    uid: str
    resource_version: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    created: datetime
    started: datetime | None = None
    end: End | None = None
    suspended: bool = False
    deleting: bool = False
    active: int = 0
    ready: int = 0
    succeeded: int = 0
    failed: int = 0

    @property
    def state(self) -> State:
        """Its state, in our words."""
        if self.end is not None:
            if self.end.succeeded:
                return State.SUCCEEDED
            return State.CANCELLED if marks.CANCELLED in self.annotations else State.FAILED
        if self.suspended:
            return State.QUEUED
        return State.RUNNING if self.ready or self.succeeded or self.failed else State.PENDING

    @property
    def definition(self) -> str | None:
        """The definition that made it, or None for a Job that bears no mark of it."""
        return self.labels.get(marks.DEFINITION) or self.labels.get(marks.ANCESTOR_DEFINITION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container's last known state within a pod.

    Attributes:
        init: an init container.
        state: `waiting`, `running` or `terminated`.
        reason, message: of that state; a terminated container's message is its termination message.
        exit_code: None unless terminated.
    """

    name: str
    init: bool = False
    state: str = "waiting"
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    restarts: int = 0
    started: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One try at (one index of) a Job.

    Attributes:
        phase: `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
        index: of an Indexed Job's pod, else None.
        reason, message: of the pod itself (`Evicted`, `Unschedulable`, …), else empty.
    """

    name: str
    phase: str
    created: datetime
    index: int | None = None
    reason: str = ""
    message: str = ""
    containers: tuple[Container, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningEvent:
    """A Kubernetes Event of type Warning about a Job or one of its pods.

    Attributes:
        count: how often it was seen.
    """

    about: str
    reason: str
    message: str
    at: datetime | None = None
    count: int = 1
