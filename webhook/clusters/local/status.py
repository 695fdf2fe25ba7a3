"""A Job's status, spelled as Kubernetes spells it. Where nothing is answered, the status given is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from ... import times
from .manifest import OUR_CONTROLLER, JobSpec
from .tally import Verdict, count
from .tries import Try

Status = dict[str, Any]


def initial(spec: JobSpec, now: datetime) -> Status:
    """The status of a new Job, as the controller would write it at once: so it saves a commit."""
    status: Status = {}
    if spec.suspend:
        suspend(status, now)
    else:
        resume(status, now)
    return counted(status, spec, [])


def counted(status: Status, spec: JobSpec, tries: Sequence[Try]) -> Status:
    """The status with the numbers of these tries; those that wait for their turn are no pods yet."""
    pods = [attempt for attempt in tries if attempt.name]
    tally = count(spec, pods)
    indexed = {"completedIndexes": ranges(tally.done)} if spec.indexed else {}
    if spec.backoff_limit_per_index is not None:
        indexed["failedIndexes"] = ranges(tally.lost)
    numbers = {"active": tally.active, "succeeded": tally.succeeded, "failed": tally.failed}
    kept = {name: value for name, value in status.items() if name not in numbers}
    return (
        kept
        | {name: number for name, number in numbers.items() if number}
        | indexed
        | {"ready": sum(attempt.ready for attempt in pods)}
    )


def set_condition(status: Status, kind: str, *, on: bool, reason: str, message: str, now: datetime) -> None:
    """Set a condition, unless it is set already."""
    value, old = "True" if on else "False", _condition(status, kind)
    if old and old["status"] == value:
        return
    others = [condition for condition in status.get("conditions", ()) if condition["type"] != kind]
    at = {"lastProbeTime": times.show(now), "lastTransitionTime": times.show(now)}
    status["conditions"] = [*others, {"type": kind, "status": value, "reason": reason, "message": message} | at]


def target(status: Status, verdict: Verdict, now: datetime) -> None:
    """Say that a Job will fail once its pods have ended."""
    set_condition(status, "FailureTarget", on=True, reason=verdict.reason, message=verdict.message, now=now)


def end(status: Status, verdict: Verdict, now: datetime) -> None:
    """End a Job: the interim condition, and the terminal one."""
    interim, final = ("SuccessCriteriaMet", "Complete") if verdict.succeeded else ("FailureTarget", "Failed")
    for kind in (interim, final):
        set_condition(status, kind, on=True, reason=verdict.reason, message=verdict.message, now=now)
    if verdict.succeeded:
        status["completionTime"] = times.show(now)


def targeted(status: Mapping[str, Any]) -> Verdict | None:
    """The verdict that was written down before the Job's pods had ended, or None."""
    condition = _condition(status, "FailureTarget")
    return Verdict(False, condition["reason"], condition["message"]) if condition else None


def suspend(status: Status, now: datetime) -> None:
    """Say that a Job is suspended: it has not started."""
    status.pop("startTime", None)
    set_condition(status, "Suspended", on=True, reason="JobSuspended", message="Job suspended", now=now)


def resume(status: Status, now: datetime) -> None:
    """Say that a Job starts, for the first time or again."""
    status["startTime"] = times.show(now)
    if _condition(status, "Suspended"):
        set_condition(status, "Suspended", on=False, reason="JobResumed", message="Job resumed", now=now)


def terminal(status: Mapping[str, Any]) -> str | None:
    """When the Job ended, as text, or None."""
    for condition in status.get("conditions", ()):
        if condition["type"] in {"Complete", "Failed"} and condition["status"] == "True":
            return str(condition["lastTransitionTime"])
    return None


def is_open(job: Mapping[str, Any]) -> bool:
    """Whether the controller has yet to do with a Job: it has not ended, or goes by itself some time after."""
    spec = job["spec"]
    if spec.get("managedBy") not in {None, OUR_CONTROLLER}:
        return False
    return terminal(job["status"]) is None or spec.get("ttlSecondsAfterFinished") is not None


def ranges(indexes: Iterable[int]) -> str:
    """Indexes as Kubernetes writes them.

    >>> ranges({7, 1, 3, 4, 5})
    '1,3-5,7'
    """
    ordered = sorted(indexes)
    if not ordered:
        return ""
    breaks = [place for place, (one, next_) in enumerate(pairwise(ordered), 1) if next_ != one + 1]
    runs = [ordered[start:stop] for start, stop in pairwise([0, *breaks, len(ordered)])]
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    return next((condition for condition in status.get("conditions", ()) if condition["type"] == kind), None)
