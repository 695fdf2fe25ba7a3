"""Which container decided a Job's outcome, and what it said: facts that go with its pods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from .. import json
from ..job import Container, Pod

_PLAIN_REASONS = frozenset({"", "Completed", "Error"})
_LAST = datetime.max.replace(tzinfo=UTC)


def telling(reason: str) -> bool:
    """Whether a container's reason says more than that it ended (`OOMKilled`, `ImagePullBackOff`)."""
    return reason not in _PLAIN_REASONS


def deciding(pods: Sequence[Pod], *, succeeded: bool) -> tuple[Pod, Container | None] | None:
    """Find the pod and the container that decided the outcome; None without pods.

    A Job that succeeded is decided by its lowest index' last pod, but a container with a telling reason comes first:
    one whose child was killed for memory may well have exited with 0. A Job that failed is decided by its last pod.
    """
    candidates = [pod for pod in pods if pod.phase == ("Succeeded" if succeeded else "Failed")] or list(pods)
    if not candidates:
        return None
    candidates.sort(key=_finished, reverse=True)
    if not succeeded:
        return candidates[0], _failing(candidates[0])
    for pod in candidates:
        for container in pod.containers:
            if container.state == "terminated" and not container.init and telling(container.reason):
                return pod, container
    pod = min(candidates, key=lambda pod: pod.index or 0)
    return pod, next((container for container in _ended(pod) if not container.init), None)


def said(pod: Pod, container: Container | None) -> str:
    """The termination message: the deciding container's, else the first of its pod that has one."""
    if container is not None and container.state == "terminated" and container.message:
        return container.message
    return next((other.message for other in _ended(pod) if not other.init and other.message), "")


def result(text: str, *, limit: int) -> json.Value:
    """Read a termination message: the value where it is JSON of at most `limit` bytes, else text, cut to that."""
    if not text.strip():
        return None
    try:
        value = json.load(text)
        if len(json.dump(value)) <= limit:
            return value
    except json.NotJson:
        pass
    return cut(text, limit)


def cut(text: str, limit: int) -> str:
    r"""Keep as much of a text's start as JSON can hold in `limit` bytes; control characters take six each.

    >>> cut("héllo", 3), cut("a\x01b", 7)
    ('hé', 'a\x01')
    """
    text = text.encode("utf-8", "replace").decode()
    if len(json.dump(text)) - 2 <= limit:
        return text
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(json.dump(text[:middle])) - 2 <= limit else (low, middle - 1)
    return text[:low]


def _failing(pod: Pod) -> Container | None:
    """The first to fail is the cause: the others were often ended because of it. Else what it still waits for."""
    ended = sorted(
        (container for container in _ended(pod) if container.exit_code),
        key=lambda container: container.finished or _LAST,
    )
    waiting = [container for container in pod.containers if container.state == "waiting" and container.reason]
    return next(iter([*ended, *waiting]), None)


def _ended(pod: Pod) -> list[Container]:
    return [container for container in pod.containers if container.state == "terminated"]


def _finished(pod: Pod) -> tuple[datetime, str]:
    return max([container.finished for container in pod.containers if container.finished] or [pod.created]), pod.name
