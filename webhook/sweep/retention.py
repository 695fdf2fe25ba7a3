"""Whether a Job may go: decided from its marks, its end and the time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from .. import json, marks, times
from ..job import Job, State

Retention = Mapping[str, timedelta]
"""How long a finished Job is kept, by its outcome: `succeeded`, `failed`, `cancelled`."""

_CLOSED = frozenset({marks.DELIVERED, marks.FAILED, marks.DEAD})


class Kept(StrEnum):
    """Why a Job stays."""

    FOREIGN = "foreign"
    """It bears our signature and no key: the ancestor's, or made by hand."""
    RUNNING = "running"
    PENDING = "pending"
    """Its completion was neither delivered nor given up."""
    HELD = "held"
    RETENTION = "retention"
    SETTLING = "settling"
    """Its key is not in the ledger for long enough yet, so that every replica has it."""
    CHANGED = "changed"
    """It changed while it was looked at: the next sweep's."""


def why_kept(job: Job, *, retention: Retention, now: datetime) -> Kept | None:
    """Say why a Job stays, or None where it may go.

    Args:
        job: one that bears our signature.
        retention: the defaults; the Job's own annotation goes before them.
        now: aware; retention counts from the terminal condition.
    """
    if marks.KEY not in job.annotations:
        return Kept.FOREIGN
    if job.end is None:
        return Kept.RUNNING
    if job.labels.get(marks.COMPLETION) not in _CLOSED:
        return Kept.PENDING
    if held(job.annotations, now):
        return Kept.HELD
    try:
        over = now - job.end.at >= retention_of(job, retention)
    except OverflowError:
        over = False
    return None if over else Kept.RETENTION


def held(annotations: Mapping[str, str], now: datetime) -> bool:
    """Whether a person holds it: `true`, or an RFC 3339 time yet to come. What cannot be read holds, too."""
    text = annotations.get(marks.HOLD, "").strip()
    if text.lower() in {"", "false"}:
        return False
    try:
        return now < times.parse(text)
    except ValueError:
        return True


def retention_of(job: Job, defaults: Retention) -> timedelta:
    """How long a finished Job is kept after its end: by its annotation, in seconds by outcome, else by the defaults."""
    try:
        own = json.load(job.annotations[marks.RETENTION])[job.state]
        if isinstance(own, int | float) and not isinstance(own, bool) and own >= 0:
            return timedelta(seconds=own)
    except OverflowError:
        return timedelta.max
    except (KeyError, TypeError, IndexError, json.NotJson):
        pass
    return defaults[State(job.state)]
