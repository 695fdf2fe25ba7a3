"""A Job as the Job API tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from .. import marks, times
from ..job import Job
from ..progress import Progress, progress_view
from .shapes import CauseView, JobView


def job_view(job: Job) -> JobView:
    """Tell of a Job in JSON: what it is, how far it is, what began it, and whether its completion was delivered."""
    cause = marks.Cause.load(job.annotations)
    return {
        "name": job.name,
        "namespace": job.namespace,
        "uid": job.uid,
        "definition": job.definition,
        "state": job.state.value,
        "reason": job.end.reason if job.end else None,
        "message": job.end.message if job.end else None,
        "created": times.show(job.created),
        "started": _moment(job.started),
        "finished": _moment(job.end.at if job.end else None),
        "pods": {"active": job.active, "ready": job.ready, "succeeded": job.succeeded, "failed": job.failed},
        "event": None if cause is None else _cause(cause),
        "completion": job.labels.get(marks.COMPLETION),
        "rerun_of": job.annotations.get(marks.RERUN_OF),
        "labels": {name: text for name, text in job.labels.items() if not name.startswith("batch.kubernetes.io/")},
    }


def status_view(job: Job) -> dict[str, object]:
    """Tell of a Job as its `status` in Kubernetes does; what there is nothing of is left out."""
    status: dict[str, object] = {"active": job.active, "ready": job.ready}
    status |= {"succeeded": job.succeeded, "failed": job.failed}
    if job.started is not None:
        status["startTime"] = times.show(job.started)
    conditions = []
    if (end := job.end) is not None:
        at = times.show(end.at)
        kind = "Complete" if end.succeeded else "Failed"
        conditions = [{"type": kind, "status": "True", "reason": end.reason, "message": end.message}]
        conditions[0]["lastTransitionTime"] = at
        if end.succeeded:
            status["completionTime"] = at
    elif job.suspended:
        conditions = [{"type": "Suspended", "status": "True"}]
    return status | {"conditions": conditions}


def delivery_view(delivery: Mapping[str, Progress]) -> dict[str, object]:
    """Tell how far a completion is, by sink: state, attempts, the next one's time, and what the last one came to."""
    return {sink: _progress(progress) for sink, progress in delivery.items()}


def _progress(progress: Progress) -> dict[str, object]:
    view: dict[str, object] = {"next": None, "answer": None, "code": None, "earlier": [], **progress_view(progress)}
    letter = view.pop("letter", None)
    # A sink's own words are for its dead letter.
    shown = {name: value for name, value in letter.items() if name != "data"} if isinstance(letter, dict) else None
    return view | {"dead_letter": shown}


def _cause(cause: marks.Cause) -> CauseView:
    view: CauseView = {"id": cause.id, "source": cause.source, "type": cause.type, "via": cause.via}
    if cause.subject is not None:
        view["subject"] = cause.subject
    if cause.time is not None:
        view["time"] = cause.time
    if cause.correlationid is not None:
        view["correlationid"] = cause.correlationid
    if cause.traceparent is not None:
        view["traceparent"] = cause.traceparent
    return view


def _moment(moment: datetime | None) -> str | None:
    return times.show(moment) if moment else None
