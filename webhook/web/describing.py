"""A Job as `GET /jobs/{name}` tells of it: everything that a person asks at three in the morning."""

from __future__ import annotations

from datetime import datetime

from .. import json, marks, times
from ..describing import Description
from ..job import Container, Job, Pod, WarningEvent
from ..progress import load_delivery
from .shapes import ContainerView, JobDetail, JobLink, PodView, WarningView
from .views import delivery_view, job_view


def description_view(found: Description) -> JobDetail:
    """Tell of a Job in JSON; what is in `problems` could not be asked for."""
    job, why = found.job, found.why
    order = marks.Cancelled.load(job.annotations)
    detail: JobDetail = {
        **job_view(job),
        "reason": why.reason or None,
        "message": why.message or None,
        "exit_code": why.exit_code,
        "pod": why.pod,
        "container": why.container,
        "result": found.frozen.result if found.frozen else None,
        "tries": [_pod(pod) for pod in found.pods],
        "warnings": [_warning(warning) for warning in found.warnings],
        "cancelled": None if order is None else {"by": order.by, "reason": order.reason, "at": order.at},
        "received": job.annotations.get(marks.RECEIVED_AT),
        "hops": _number(job.annotations.get(marks.HOPS)),
        "submitted_by": job.annotations.get(marks.SUBMITTED_BY),
        "params": _params(job),
        "definition_digest": job.annotations.get(marks.DIGEST),
        "reruns": [_link(one) for one in found.reruns],
        "caused": [_link(one) for one in found.caused],
        "delivery": delivery_view(load_delivery(job.annotations) or {}),
        "logs": f"/jobs/{job.name}/logs",
        "problems": list(found.missing),
    }
    return detail


def _params(job: Job) -> json.Value:
    try:
        return json.load(job.annotations[marks.PARAMS])
    except (KeyError, json.NotJson):
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _link(job: Job) -> JobLink:
    return {"name": job.name, "definition": job.definition, "state": job.state.value}


def _pod(pod: Pod) -> PodView:
    return {
        "name": pod.name,
        "phase": pod.phase,
        "index": pod.index,
        "created": times.show(pod.created),
        "reason": pod.reason or None,
        "message": pod.message or None,
        "containers": [_container(part) for part in pod.containers],
    }


def _container(part: Container) -> ContainerView:
    return {
        "name": part.name,
        "init": part.init,
        "state": part.state,
        "reason": part.reason or None,
        "message": part.message or None,
        "exit_code": part.exit_code,
        "restarts": part.restarts,
        "started": _moment(part.started),
        "finished": _moment(part.finished),
    }


def _warning(warning: WarningEvent) -> WarningView:
    return {
        "about": warning.about,
        "reason": warning.reason,
        "message": warning.message,
        "at": _moment(warning.at),
        "count": warning.count,
    }


def _moment(moment: datetime | None) -> str | None:
    return times.show(moment) if moment else None
