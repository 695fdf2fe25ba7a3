"""All that there is to know of a Job: its pods, what they say, why it is as it is, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from . import identity, marks
from .completion import Frozen, freeze
from .completion.deciding import deciding
from .errors import ClusterError, NotFound
from .events import JOBS_DOOR
from .job import Container, Job, Pod, State, WarningEvent
from .ports import Jobs, Page

MANY = 50
"""Jobs that are named at most, of those that came of one."""
_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
"""What a container waits for that will come by itself."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a Job is in its state.

    Attributes:
        reason: one word, as Kubernetes has it; may be empty.
        message: the same for people.
        pod, container: who said so, or None.
        exit_code: of that container.
    """

    reason: str = ""
    message: str = ""
    pod: str | None = None
    container: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A Job, looked at closely.

    Attributes:
        frozen: of a finished Job what its completion says, or would say.
        caused: Jobs that its completion began.
        reruns: Jobs that repeat it.
        missing: what could not be asked for, and why.
    """

    job: Job
    pods: Sequence[Pod]
    warnings: Sequence[WarningEvent]
    why: Why
    frozen: Frozen | None
    caused: Sequence[Job]
    reruns: Sequence[Job]
    missing: Sequence[str]


async def describe(jobs: Jobs, name: str, *, source: str) -> Description:
    """Look at a Job closely; what the cluster does not tell beside the Job itself is only missing.

    Args:
        jobs: where it is.
        name: the Job's.
        source: of our completions (`completion.source`).

    Raises:
        NotFound: no such Job.
        ClusterUnavailable: not now.
    """
    job = await jobs.read(name)
    missing: list[str] = []
    key = identity.event_key(JOBS_DOOR, source, f"{job.uid}-finished")
    nothing = Page(())
    pods, warnings, caused, reruns = await asyncio.gather(
        _ask("pods", jobs.pods(name), (), missing),
        _ask("warnings", jobs.warnings(name), (), missing),
        _ask("caused", jobs.list({marks.EVENT: identity.event_label(key)}, limit=MANY), nothing, missing),
        _ask("reruns", jobs.list({marks.RERUN_OF: name}, limit=MANY), nothing, missing),
    )
    frozen = Frozen.load(job.annotations) or (freeze(job, pods, warnings) if job.end else None)
    return Description(
        job=job,
        pods=pods,
        warnings=warnings,
        why=why(job, pods, warnings, frozen),
        frozen=frozen,
        caused=sorted(caused.jobs, key=lambda one: one.created),
        reruns=sorted(reruns.jobs, key=lambda one: one.created),
        missing=missing,
    )


async def _ask(what: str, answer: Awaitable[T], instead: T, missing: list[str]) -> T:
    try:
        return await answer
    except NotFound:
        raise
    except ClusterError as error:
        missing.append(f"{what}: {error}")
        return instead


def why(job: Job, pods: Sequence[Pod], warnings: Sequence[WarningEvent], frozen: Frozen | None) -> Why:
    """Tell why a Job is in its state, in the words of whoever says most."""
    if frozen is not None:
        said = frozen.container
        return Why(
            reason=frozen.reason,
            message=frozen.message,
            pod=said.pod if said else None,
            container=said.name if said else None,
            exit_code=frozen.exit_code,
        )
    if (order := marks.Cancelled.load(job.annotations)) is not None:
        return Why(reason=order.word, message=order.told)
    if job.state is State.QUEUED:
        return Why(reason="Suspended", message="the Job is suspended")
    return _hindered(pods) or _warned(pods, warnings) or _retried(pods) or Why()


def _hindered(pods: Sequence[Pod]) -> Why | None:
    """What keeps a pod from running: a container's waiting, or the scheduler's word."""
    for pod in reversed(pods):
        if pod.phase not in {"Pending", "Running", "Unknown"}:
            continue
        for part in pod.containers:
            if part.state == "waiting" and part.reason not in _STARTING:
                return Why(reason=part.reason, message=part.message, pod=pod.name, container=part.name)
        if pod.reason:
            return Why(reason=pod.reason, message=pod.message, pod=pod.name)
    return None


def _warned(pods: Sequence[Pod], warnings: Sequence[WarningEvent]) -> Why | None:
    """Why there is no pod, or none that has started (`FailedCreate`, `FailedMount`)."""
    started = any(part.state != "waiting" for pod in pods for part in pod.containers)
    if started or not warnings:
        return None
    return Why(reason=warnings[-1].reason, message=warnings[-1].message)


def _retried(pods: Sequence[Pod]) -> Why | None:
    """How the last try ended, of a Job that tries again."""
    failed = [pod for pod in pods if pod.phase == "Failed"]
    found = deciding(failed, succeeded=False)
    if found is None:
        return None
    pod, part = found
    said: Container | None = part
    return Why(
        reason=(said.reason if said else "") or pod.reason,
        message=(said.message if said else "") or pod.message,
        pod=pod.name,
        container=said.name if said else None,
        exit_code=said.exit_code if said else None,
    )
