"""Pods as the Job controller counts them: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..reading import INDEX, moment

LOST = "DisruptionTarget"
"""The condition of a pod that its cluster ended, not its own doing: here, the receiver stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One pod, as far as it decides what becomes of its Job.

    Attributes:
        name: empty while it waits for its turn.
        finished: when its last container ended, or None while it is active.
        succeeded: of a finished one, whether all containers exited with 0.
        exits: (container, exit code) of those that did not exit with 0.
        conditions: the types of its conditions that are True.
        restarts: of all its containers.
    """

    name: str = ""
    index: int | None = None
    finished: datetime | None = None
    succeeded: bool = False
    ready: bool = False
    exits: tuple[tuple[str, int], ...] = ()
    conditions: frozenset[str] = frozenset()
    restarts: int = 0

    @property
    def failed(self) -> bool:
        """Whether it is over, and not well."""
        return self.finished is not None and not self.succeeded


def read_try(pod: Mapping[str, Any]) -> Try:
    """Read a pod's document."""
    metadata, status = pod["metadata"], pod["status"]
    statuses = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    ended = [(s["name"], s["state"]["terminated"]) for s in statuses if "terminated" in s["state"]]
    over = status["phase"] in {"Succeeded", "Failed"}
    index = metadata["annotations"].get(INDEX)
    running = ["running" in s["state"] for s in status.get("containerStatuses", ())]
    return Try(
        name=metadata["name"],
        index=None if index is None else int(index),
        finished=_finished(pod, ended) if over else None,
        succeeded=status["phase"] == "Succeeded",
        ready=status["phase"] == "Running" and all(running),
        exits=tuple((name, end["exitCode"]) for name, end in ended if end["exitCode"]),
        conditions=frozenset(c["type"] for c in status.get("conditions", ()) if c["status"] == "True"),
        restarts=sum(s["restartCount"] for s in statuses),
    )


def _finished(pod: Mapping[str, Any], ended: list[tuple[str, Any]]) -> datetime:
    times = [at for _, end in ended if (at := moment(end["finishedAt"]))]
    at = max(times, default=None) or moment(pod["metadata"]["creationTimestamp"])
    assert at is not None
    return at
