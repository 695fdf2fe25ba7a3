"""Rates: at most so many requests in so much time, on this replica, with no memory beyond one number."""

from __future__ import annotations

from datetime import timedelta

from ..errors import TooManyRequests


class Gate:
    """Let in at most `requests` in each `per`, evenly, with a burst of as many (generic cell rate algorithm)."""

    __slots__ = ("_burst", "_due", "_step")

    def __init__(self, requests: int, per: timedelta) -> None:
        self._step = per.total_seconds() / requests
        self._burst = per.total_seconds()
        self._due = float("-inf")

    def enter(self, now: float) -> None:
        """Let one request in, by a clock in seconds. Raises TooManyRequests, which says when to come again."""
        due = max(self._due, now) + self._step
        wait = due - self._burst - now
        if wait > 1e-9:  # a rounding error is no wait
            raise TooManyRequests("over the rate of this door", retry_after=timedelta(seconds=wait))
        self._due = due


def per_minute(requests: int, per: timedelta) -> int:
    """A rate as the webhook handshake says it: whole requests a minute, never more than are let in."""
    return int(requests * 60 / per.total_seconds())
