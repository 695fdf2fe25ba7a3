"""What Kubernetes would tell as warning Events, read from a Job and its pods: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...job import Job, Pod, WarningEvent
from .reasons import BACK_OFF, START_ERROR


def warnings_about(job: Job, pods: Iterable[Pod]) -> list[WarningEvent]:
    """Warnings about a Job and its pods, oldest first."""
    found = [warning for pod in pods for warning in _about_pod(pod)]
    if job.end and not job.end.succeeded:
        text = job.end.message
        found.append(WarningEvent(about=f"Job/{job.name}", reason=job.end.reason, message=text, at=job.end.at))
    return sorted(found, key=lambda warning: warning.at or job.created)


def _about_pod(pod: Pod) -> Iterator[WarningEvent]:
    about = f"Pod/{pod.name}"
    if pod.phase == "Failed" and pod.reason:
        ended = max((c.finished for c in pod.containers if c.finished), default=pod.created)
        yield WarningEvent(about=about, reason=pod.reason, message=pod.message, at=ended)
    for container in pod.containers:
        if container.reason == START_ERROR:
            yield WarningEvent(
                about=about, reason="Failed", message=f"Error: {container.message}", at=container.finished
            )
        elif container.reason == BACK_OFF:
            text = container.message
            yield WarningEvent(about=about, reason="BackOff", message=text, at=pod.created, count=container.restarts)
