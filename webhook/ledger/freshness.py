"""Whether a copy may be believed: decided from when it was confirmed, and from our own pauses."""

from __future__ import annotations

import time
from datetime import timedelta

LONGEST_PAUSE = 15.0
"""Seconds that this process may have stood still; after a longer pause what it reads next may be old."""


class Freshness:
    """What is known of a copy's age, by a clock in seconds that every method is told.

    Attributes:
        confirmed: when the store last said that the copy was whole, or None.
    """

    def __init__(self, silence: timedelta) -> None:
        self._silence = silence.total_seconds()
        self.confirmed: float | None = None
        self._listed = self._doubted = float("-inf")
        self._ticked: float | None = None

    def good(self, now: float) -> bool:
        """Whether the copy may be believed."""
        self._look(now)
        return self.confirmed is not None and now - self.confirmed <= self._silence and self._listed >= self._doubted

    def listed(self, began: float) -> None:
        """Note a list that is whole: it holds all that was there when it began."""
        self._listed = max(self._listed, began)
        self.confirmed = began if self.confirmed is None else max(self.confirmed, began)

    def alive(self, now: float) -> None:
        """Note that the watch has said that nothing is missing.

        It was sent before it was read: after a pause of ours perhaps long before. It counts again only after a list.
        """
        self._look(now)
        if self._listed >= self._doubted:
            self.confirmed = now

    def tick(self, now: float) -> None:
        """Note that this process runs; called every few seconds."""
        self._look(now)
        self._ticked = now

    def _look(self, now: float) -> None:
        if self._ticked is not None and now - self._ticked > LONGEST_PAUSE:
            self._doubted = self._ticked = now


def uptime() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine sleeps, where there is one."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)
