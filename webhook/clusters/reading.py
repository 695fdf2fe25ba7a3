"""Kubernetes' objects read as the values of `job`: pure, and the same for both clusters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from .. import times
from ..job import Container, End, Job, Pod, WarningEvent
from .objects import ContainerStatus, EventObject, JobObject, JobStatus, Named, PodObject, Waiting

INDEX = "batch.kubernetes.io/job-completion-index"
"""Annotation, and since 1.28 also label, of an Indexed Job's pods."""

EPOCH = datetime.fromtimestamp(0, UTC)
"""Stands for a time that the store did not give."""


def read_job(wire: JobObject) -> Job:
    """Read a Job."""
    meta, status = wire.metadata, wire.status
    created = moment(meta.creation_timestamp) or EPOCH
    return Job(
        name=meta.name,
        namespace=meta.namespace,
        uid=meta.uid,
        resource_version=meta.resource_version,
        labels=meta.labels or {},
        annotations=meta.annotations or {},
        created=created,
        started=moment(status.start_time),
        end=_end(status, created),
        suspended=bool(wire.spec.suspend),
        deleting=meta.deletion_timestamp is not None,
        active=status.active or 0,
        ready=status.ready or 0,
        succeeded=status.succeeded or 0,
        failed=status.failed or 0,
    )


def read_pod(wire: PodObject) -> Pod:
    """Read a pod; a container that has no status yet is waiting."""
    meta, status = wire.metadata, wire.status
    unscheduled = next((c for c in status.conditions or () if c.type == "PodScheduled" and c.status == "False"), None)
    index = (meta.annotations or {}).get(INDEX) or (meta.labels or {}).get(INDEX) or ""
    return Pod(
        name=meta.name,
        phase=status.phase,
        created=moment(meta.creation_timestamp) or EPOCH,
        index=int(index) if index.isascii() and index.isdigit() else None,
        reason=status.reason or (unscheduled.reason or "" if unscheduled else ""),
        message=status.message or (unscheduled.message or "" if unscheduled else ""),
        containers=(
            *_containers(wire.spec.init_containers, status.init_container_statuses, init=True),
            *_containers(wire.spec.containers, status.container_statuses, init=False),
        ),
    )


def read_warning(wire: EventObject) -> WarningEvent:
    """Read an Event of type Warning; which those are is for the caller's field selector."""
    series = wire.series
    seen = (series and series.last_observed_time) or wire.last_timestamp or wire.event_time or wire.first_timestamp
    return WarningEvent(
        about=f"{wire.involved_object.kind}/{wire.involved_object.name}",
        reason=wire.reason or "",
        message=wire.message or "",
        at=moment(seen or wire.metadata.creation_timestamp),
        count=max(1, series.count if series else wire.count or 1),
    )


# Under load hundreds of Jobs have the same second, and each change tells it anew.
@lru_cache
def moment(text: str | None) -> datetime | None:
    """Read a time; None where there is none, or none that can be read."""
    if not text:
        return None
    try:
        return times.parse(text)
    except ValueError:
        return None


def _end(status: JobStatus, created: datetime) -> End | None:
    for condition in status.conditions or ():
        # Nothing else is terminal: SuccessCriteriaMet and FailureTarget come while pods still run.
        if condition.status == "True" and condition.type in {"Complete", "Failed"}:
            return End(
                succeeded=condition.type == "Complete",
                reason=condition.reason or "",
                message=condition.message or "",
                at=moment(condition.last_transition_time) or moment(status.completion_time) or created,
            )
    return None


def _containers(
    specified: Iterable[Named] | None, statuses: Iterable[ContainerStatus] | None, *, init: bool
) -> Iterable[Container]:
    known = {status.name: status for status in statuses or ()}
    names = dict.fromkeys([container.name for container in specified or ()] + list(known))
    return [_container(known.get(name, ContainerStatus(name=name)), init=init) for name in names]


def _container(status: ContainerStatus, *, init: bool) -> Container:
    state = status.state
    if ended := state.terminated:
        return Container(
            name=status.name,
            init=init,
            state="terminated",
            reason=ended.reason or "",
            message=ended.message or "",
            exit_code=ended.exit_code,
            restarts=status.restart_count,
            started=moment(ended.started_at),
            finished=moment(ended.finished_at),
        )
    if running := state.running:
        started = moment(running.started_at)
        return Container(name=status.name, init=init, state="running", restarts=status.restart_count, started=started)
    waiting = state.waiting or Waiting()
    return Container(
        name=status.name,
        init=init,
        reason=waiting.reason or "",
        message=waiting.message or "",
        restarts=status.restart_count,
    )
