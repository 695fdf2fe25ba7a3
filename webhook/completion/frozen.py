"""What is frozen of a finished Job at the first claim, so that every attempt and every replica sends the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import json, marks, times
from ..job import Container, End, Job, Pod, State, WarningEvent
from .deciding import cut, deciding, result, said, telling

RESULT_BYTES = 4096
MESSAGE_BYTES = 2048
LABELS_BYTES = 6144
REASON_BYTES = 128
LIMIT = 16_384
"""Of the whole, in bytes of JSON; the parts' limits leave room for the rest."""

OUTCOMES = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})

_VAGUE = frozenset({"", "BackoffLimitExceeded", "FailedIndexes", "MaxFailedIndexesExceeded"})
"""Reasons of a failed Job that say less than its container's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """A Job's pods."""

    active: int
    succeeded: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """The container that decided the outcome; `name` is None where it was the pod as a whole (`Evicted`)."""

    pod: str
    name: str | None
    index: int | None
    exit_code: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """All of a completion's data that may change, or go, after the first claim; times are RFC 3339 text.

    Attributes:
        outcome: `succeeded`, `failed` or `cancelled`.
        cancelled: who ordered the end, and why; only of a Job that was cancelled.
        result: the termination message, parsed where it is JSON; written by the container, so not to be trusted.
    """

    outcome: str
    reason: str
    message: str
    exit_code: int | None
    container: Decider | None
    pods: Counts
    started: str | None
    finished: str
    duration_seconds: float | None
    labels: Mapping[str, str]
    cancelled: marks.Cancelled | None = None
    result: json.Value = None

    def dump(self) -> str:
        """As the annotation holds it: at most 16 KiB."""
        return json.dump(self).decode()

    @classmethod
    def load(cls, annotations: Mapping[str, str]) -> Frozen | None:
        """Read it from a Job's annotations; None before the first claim, and where it cannot be read."""
        try:
            frozen = json.as_type(annotations[marks.COMPLETION_DATA], cls)
        except (KeyError, json.NotJson):
            return None
        return frozen if frozen.outcome in OUTCOMES else None


def freeze(job: Job, pods: Sequence[Pod], warnings: Sequence[WarningEvent] = ()) -> Frozen:
    """Take down what a finished Job is and what its pods say.

    Raises:
        ValueError: the Job has not finished.
    """
    if job.end is None:
        raise ValueError(f"{job.name} has not finished")
    found = deciding(pods, succeeded=job.end.succeeded)
    pod, container = found or (None, None)
    reason, message = _why(job, job.end, pod, container_reason=container.reason if container else "")
    if container is not None and container.state == "waiting":
        message = container.message or message
    if pod is None and warnings and job.state is State.FAILED:
        message = f"{message}; {warnings[-1].reason}: {warnings[-1].message}".removeprefix("; ")
    return Frozen(
        outcome=str(job.state),
        reason=cut(reason, REASON_BYTES),
        message=cut(message, MESSAGE_BYTES),
        exit_code=container.exit_code if container else None,
        container=_decider(pod, container) if pod else None,
        pods=Counts(active=job.active, succeeded=job.succeeded, failed=job.failed),
        started=times.show(job.started) if job.started else None,
        finished=times.show(job.end.at),
        duration_seconds=max(0.0, (job.end.at - job.started).total_seconds()) if job.started else None,
        labels=_labels(job),
        cancelled=_order(job),
        result=result(said(pod, container), limit=RESULT_BYTES) if pod else None,
    )


def _decider(pod: Pod, container: Container | None) -> Decider:
    return Decider(
        pod=pod.name,
        name=container.name if container else None,
        index=pod.index,
        exit_code=container.exit_code if container else None,
        reason=cut(container.reason if container else pod.reason, REASON_BYTES),
    )


def _why(job: Job, end: End, pod: Pod | None, *, container_reason: str) -> tuple[str, str]:
    """The reason and the message: of whoever says most."""
    if job.state is State.CANCELLED:
        return _cancelled(job, end)
    if end.succeeded:
        return (container_reason if telling(container_reason) else end.reason), end.message
    if end.reason in _VAGUE:
        if telling(container_reason):
            return container_reason, end.message
        if pod is not None and pod.reason:
            return pod.reason, pod.message or end.message
    return end.reason, end.message


def _cancelled(job: Job, end: End) -> tuple[str, str]:
    order = marks.Cancelled.load(job.annotations)
    return ("Cancelled", end.message) if order is None else (order.word, order.told)


def _order(job: Job) -> marks.Cancelled | None:
    order = marks.Cancelled.load(job.annotations) if job.state is State.CANCELLED else None
    if order is None:
        return None
    by, reason, message = (cut(text, REASON_BYTES) for text in (order.by, order.reason, order.message))
    return marks.Cancelled(by=by, reason=reason, message=message, at=order.at and cut(order.at, REASON_BYTES))


def _labels(job: Job) -> dict[str, str]:
    """The labels without the one that our own marking changes; as many, by name, as their share of bytes holds."""
    kept, room = {}, LABELS_BYTES
    for name, value in sorted(job.labels.items()):
        room -= len(json.dump(name)) + len(json.dump(value)) + 2
        if name != marks.COMPLETION and room >= 0:
            kept[name] = value
    return kept
