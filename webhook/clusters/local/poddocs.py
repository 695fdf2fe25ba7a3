"""Pods as Kubernetes-shaped documents: made, and changed as their containers go on. No process is touched here."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ... import times
from ..reading import INDEX
from . import reasons
from .manifest import Container, JobSpec
from .process import LOST
from .tries import LOST as DISRUPTED

Document = dict[str, Any]

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' own for the ends of names: no vowels, so that no words come of it."""


def new_pod(job: Mapping[str, Any], spec: JobSpec, *, index: int | None, now: datetime) -> Document:
    """Make the pod of one try, Pending."""
    metadata = job["metadata"]
    template, pod = spec.template.metadata, spec.template.spec
    owner = {"job-name": metadata["name"], "controller-uid": metadata["uid"]}
    labels = {**owner, **{f"batch.kubernetes.io/{name}": value for name, value in owner.items()}}
    indexed = {} if index is None else {INDEX: str(index)}
    suffix = "".join(secrets.choice(_ALPHABET) for _ in range(5))
    middle = "" if index is None else f"-{index}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{metadata['name'][: 57 - len(middle)]}{middle}-{suffix}",
            "namespace": metadata["namespace"],
            "uid": str(uuid.uuid4()),
            "creationTimestamp": times.show(now),
            "labels": {**((template and template.labels) or {}), **labels, **indexed},
            "annotations": {**((template and template.annotations) or {}), **indexed},
        },
        "spec": {
            "restartPolicy": pod.restart_policy,
            "initContainers": [{"name": container.name} for container in pod.init_containers or ()],
            "containers": [{"name": container.name} for container in pod.containers or ()],
        },
        "status": {
            "phase": "Pending",
            "initContainerStatuses": [_waiting(container) for container in pod.init_containers or ()],
            "containerStatuses": [_waiting(container) for container in pod.containers or ()],
        },
    }


def status_of(pod: Document, container: str) -> Document:
    """The status of one container, to be changed in place."""
    status = pod["status"]
    found: Document = next(
        one for one in (*status["initContainerStatuses"], *status["containerStatuses"]) if one["name"] == container
    )
    return found


def over(pod: Document) -> bool:
    """Whether the pod has ended."""
    return pod["status"]["phase"] in {"Succeeded", "Failed"}


def runs(pod: Document) -> bool:
    """Whether one of its containers runs."""
    status = pod["status"]
    return any("running" in one["state"] for one in (*status["initContainerStatuses"], *status["containerStatuses"]))


def wait(status: Document, reason: str, message: str) -> None:
    """Let a container wait; what ended before is kept as its last state."""
    if "terminated" in status["state"]:
        status["lastState"] = status["state"]
    status["state"] = {"waiting": {"reason": reason, "message": message}}


def run(pod: Document, status: Document, *, run: int, now: datetime) -> None:
    """Let a container run, for the first time or (`run` > 0) again."""
    pod["status"] |= {"phase": "Running"}
    pod["status"].setdefault("startTime", times.show(now))
    status["restartCount"] = run
    status["state"] = {"running": {"startedAt": times.show(now)}}


def terminate(status: Document, *, code: int, message: str, now: datetime, reason: str = "") -> None:
    """End a container."""
    running = status["state"].get("running") or {}
    ended = {
        "exitCode": code,
        "reason": reason or (reasons.ERROR if code else reasons.COMPLETED),
        "startedAt": running.get("startedAt", times.show(now)),
        "finishedAt": times.show(now),
    }
    status["state"] = {"terminated": ended | ({"message": message} if message else {})}


def finish(pod: Document, *, succeeded: bool, reason: str = "", message: str = "") -> None:
    """End the pod."""
    pod["status"]["phase"] = "Succeeded" if succeeded else "Failed"
    if reason:
        pod["status"] |= {"reason": reason, "message": message}


def lose(pod: Document, now: datetime) -> None:
    """End a pod whose processes were cut off by the end of their receiver."""
    message = "The receiver stopped while this pod ran."
    for status in (*pod["status"]["initContainerStatuses"], *pod["status"]["containerStatuses"]):
        if "running" in status["state"]:
            terminate(status, code=LOST, message=message, now=now, reason=reasons.UNKNOWN)
    pod["status"]["conditions"] = [
        {"type": DISRUPTED, "status": "True", "reason": "Lost", "lastTransitionTime": times.show(now)}
    ]
    finish(pod, succeeded=False, reason="Lost", message=message)


def _waiting(container: Container) -> Document:
    state = {"waiting": {"reason": reasons.CREATING}}
    return {"name": container.name, "restartCount": 0, "ready": False, "state": state}
