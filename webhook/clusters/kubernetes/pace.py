"""When the next request of a watch may go out: never many, whatever the server does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

LONGEST_ASKED = 300.0
"""Seconds of a Retry-After that a watch obeys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How patient a watch is; all in seconds.

    Attributes:
        page: objects in a page of a list.
        shortest, longest: a watch asks the server to end it after a random time between them, so that those of many
            replicas do not begin together.
        silence: without a line for so long the connection counts as dead; bookmarks come about every 60 s.
        first, limit: the wait after a failure is random up to first·2^n, at most `limit`.
        failures: after so many in a row the resourceVersion is not trusted any more.
        rate, burst: requests a second, and at once.
    """

    page: int = 500
    shortest: int = 240
    longest: int = 480
    silence: float = 75.0
    first: float = 0.5
    limit: float = 30.0
    failures: int = 6
    rate: float = 3.0
    burst: float = 4.0


def wait_after(
    failures: int, *, asked: timedelta | None, timing: Timing, draw: Callable[[float, float], float]
) -> float:
    """Say for how many seconds to wait after that many failures in a row; `draw` picks between two numbers."""
    least = min(asked.total_seconds(), LONGEST_ASKED) if asked else 0.0
    return max(least, draw(0.0, min(timing.limit, timing.first * 2.0 ** min(failures - 1, 16))))


class Pace:
    """A bucket of permissions: `rate` a second come in, at most `burst` are kept."""

    def __init__(self, timing: Timing, now: float) -> None:
        self._timing, self._kept, self._at = timing, timing.burst, now

    def take(self, now: float) -> float:
        """Take one, and say how many seconds from now it counts."""
        self._kept = min(self._timing.burst, self._kept + (now - self._at) * self._timing.rate) - 1
        self._at = now
        return max(0.0, -self._kept / self._timing.rate)
