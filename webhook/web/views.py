"""A Job as the Job API tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from .. import marks, times
from ..job import Job
from ..progress import Progress, progress_view


def job_view(job: Job) -> dict[str, object]:
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
        "event": cause and {name: text for name in cause.__slots__ if (text := getattr(cause, name)) is not None},
        "completion": job.labels.get(marks.COMPLETION),
        "labels": {name: text for name, text in job.labels.items() if not name.startswith("batch.kubernetes.io/")},
    }


def delivery_view(delivery: Mapping[str, Progress]) -> dict[str, object]:
    """Tell how far a completion is, by sink: state, attempts, the next one's time, and what the last one came to."""
    return {sink: _progress(progress) for sink, progress in delivery.items()}


def _progress(progress: Progress) -> dict[str, object]:
    view: dict[str, object] = {"next": None, "answer": None, "code": None, "earlier": [], **progress_view(progress)}
    letter = view.pop("letter", None)
    # A sink's own words are for its dead letter.
    shown = {name: value for name, value in letter.items() if name != "data"} if isinstance(letter, dict) else None
    return view | {"dead_letter": shown}


def _moment(moment: datetime | None) -> str | None:
    return times.show(moment) if moment else None
