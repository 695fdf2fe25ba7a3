"""How the watches are, for readiness, metrics and the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from ...errors import ClusterError, Expired, NotPermitted
from ...metrics import Metrics

log = structlog.get_logger(__name__)


class Pulse:
    """What became of one resource's lists and watches.

    Attributes:
        problem: why nothing is heard, in words; None while all is well.
    """

    def __init__(self, resource: str, metrics: Metrics) -> None:
        self._resource, self._metrics = resource, metrics
        self.problem: str | None = None

    def failed(self, error: ClusterError) -> None:
        """Count a failure, and log the first of a row; a missing right is shown again when it is a new one."""
        forbidden = isinstance(error, NotPermitted)
        reason = "forbidden" if forbidden else "expired" if isinstance(error, Expired) else "unavailable"
        self._metrics.watch_failures.labels(self._resource, reason).inc()
        if isinstance(error, Expired):
            return  # the ordinary end of a resourceVersion
        before, self.problem = self.problem, str(error)
        if forbidden and before != self.problem:
            log.error("watch.forbidden", resource=self._resource, problem=self.problem, remedy="grant the right")
        elif before is None:
            log.warning("watch.interrupted", resource=self._resource, problem=self.problem)

    def heard(self) -> None:
        """Note a sign of life."""
        if self.problem is not None:
            self.problem = None
            log.info("watch.resumed", resource=self._resource)

    def skipped(self, count: int = 1) -> None:
        """Count what could not be read."""
        self._metrics.watch_skipped.labels(self._resource).inc(count)
        log.warning("watch.skipped", resource=self._resource, count=count)


class Pulses:
    """The pulses of all watches that go on."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._all: list[Pulse] = []

    @contextmanager
    def of(self, resource: str) -> Iterator[Pulse]:
        """Keep a pulse while a watch goes on."""
        pulse = Pulse(resource, self._metrics)
        self._all.append(pulse)
        try:
            yield pulse
        finally:
            self._all.remove(pulse)

    @property
    def problems(self) -> Sequence[str]:
        """Why watches hear nothing, each once."""
        return tuple(dict.fromkeys(pulse.problem for pulse in self._all if pulse.problem))
