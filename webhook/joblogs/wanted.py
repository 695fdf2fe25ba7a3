"""Which output of a Job is wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ..job import Container, Pod

Source = tuple[str, str]
"""A pod's and a container's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of a Job's output is wanted.

    Attributes:
        pod, container: only of those; None: of all.
        tail: so many lines of each container; None: all.
        since: only what was written from then on.
        previous: of each container's run before the present one.
        follow: go on until the Job has ended.
    """

    pod: str | None = None
    container: str | None = None
    tail: int | None = None
    since: datetime | None = None
    previous: bool = False
    follow: bool = False

    def of(self, pods: Iterable[Pod]) -> list[tuple[Pod, Container]]:
        """The containers that are wanted of these pods, in the pods' order, init containers first."""
        return [
            (pod, part)
            for pod in pods
            for part in pod.containers
            if self.pod in {None, pod.name} and self.container in {None, part.name}
        ]
