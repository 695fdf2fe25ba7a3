"""A breaker per sink: where one does not answer, one probe at a time asks whether it does again."""

from __future__ import annotations

from datetime import datetime, timedelta

THRESHOLD = 8
"""Tries that failed in a row, of whichever Jobs."""
FIRST = timedelta(seconds=1)
LONGEST = timedelta(seconds=30)


class Breaker:
    """Closed while a sink answers; after `THRESHOLD` failures open, with one probe each time a pause is over.

    An answer that refuses an event is an answer: the sink is well.
    """

    def __init__(self, *, threshold: int = THRESHOLD, first: timedelta = FIRST, longest: timedelta = LONGEST) -> None:
        self._threshold, self._first, self._longest = threshold, first, longest
        self._failures = 0
        self._probing = False
        self.until: datetime | None = None
        """When the next probe may start; None while closed."""

    @property
    def closed(self) -> bool:
        """Whether tries are made freely."""
        return self.until is None

    def admits(self, now: datetime) -> bool:
        """Whether a try could be made now."""
        return self.until is None or (not self._probing and self.until <= now)

    def enter(self, now: datetime) -> bool:
        """Ask for a try; where it is granted, `leave` must follow, whatever happens."""
        if not self.admits(now):
            return False
        self._probing = self.until is not None
        return True

    def leave(self) -> None:
        """End a try, made or not."""
        self._probing = False

    def answered(self) -> None:
        """Take down that the sink answered."""
        self._failures, self.until = 0, None

    def failed(self, now: datetime, *, retry_after: timedelta | None = None) -> None:
        """Take down a try without a usable answer."""
        if self.until is not None and not self._probing:
            return  # begun before it opened: no news
        self._failures += 1
        if self._failures >= self._threshold:
            pause = min(self._longest, self._first * (1 << min(20, self._failures - self._threshold)))
            self.until = now + max(pause, retry_after or timedelta(0))
