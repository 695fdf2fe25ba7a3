"""A sink and how patient we are with it; and from one try's outcome to its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .. import marks
from ..errors import SinkRefused, SinkUnavailable
from ..ports import Sink
from ..progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How a sink that does not take an event is asked again.

    Attributes:
        horizon: how long, from the first claim; one last try is made at its end.
        first, longest: of the pause, which doubles from try to try; the pause taken is random between zero and it.
    """

    horizon: timedelta = timedelta(hours=24)
    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A sink with its patience.

    Attributes:
        timeout: of one try; the claim outlives the longest of them.
    """

    sink: Sink
    retry: Retry = Retry()
    timeout: timedelta = timedelta(seconds=10)


def ceiling(attempts: int, retry: Retry) -> timedelta:
    """The longest pause after so many tries: `first·2^(attempts-1)`, up to `longest`.

    >>> [ceiling(n, Retry()).total_seconds() for n in (1, 2, 3, 9, 10, 5000)]
    [1.0, 2.0, 4.0, 256.0, 300.0, 300.0]
    """
    try:
        return min(retry.longest, retry.first * (1 << max(0, attempts - 1)))
    except OverflowError:
        return retry.longest


def advance(
    progress: Progress,
    error: SinkRefused | SinkUnavailable | None,
    *,
    retry: Retry,
    now: datetime,
    random: Callable[[], float],
) -> Progress:
    """Take down one try: delivered, over, or the time of the next.

    Args:
        progress: before the try.
        error: what the sink said, None where it took the event.
        retry: its patience.
        now: the end of the try.
        random: 0 ≤ random() < 1.
    """
    tried = replace(progress, attempts=progress.attempts + 1, next=None)
    if error is None:
        return replace(tried, state=marks.DELIVERED)
    end = progress.since + retry.horizon
    if isinstance(error, SinkRefused) or now >= end:
        return replace(tried, state=marks.FAILED)
    pause = ceiling(tried.attempts, retry) * random()
    wait = max(pause, error.retry_after or timedelta(0))
    return replace(tried, next=min(now + wait, end))
