"""A sink and how patient we are with it; and from one try's outcome to its progress."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .. import marks
from ..errors import SinkRefused, SinkUnavailable
from ..events import Event, Extension
from ..ports import Sink
from ..progress import Letter, Progress

ANSWER_LENGTH = 200
"""Characters kept of what a try came to."""
NO_ANSWER = 500
"""`knativeerrorcode` where a sink did not answer, as Knative's dispatcher says it."""
DATA_LENGTH = 1024
"""Characters of `knativeerrordata`, as in Knative."""


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
class DeadLetter:
    """Where the events go that a sink does not take.

    Attributes:
        destination: the sink's URL, as a letter names it.
    """

    sink: Sink
    destination: str

    async def send(self, event: Event, letter: Letter) -> None:
        """Send the original event with Knative's three extensions. Raises as a sink does."""
        why: dict[str, Extension] = {
            "knativeerrordest": self.destination,
            "knativeerrorcode": letter.code,
            "knativeerrordata": letter.data,
        }
        await self.sink.send(event.extended(why))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A sink with its patience.

    Attributes:
        sink: None where it is not declared any more, and only its dead letter is known.
        timeout: of one try; the claim outlives the longest of them.
        dead_letter: None where what the sink does not take is kept on the Job.
    """

    sink: Sink | None
    retry: Retry = Retry()
    timeout: timedelta = timedelta(seconds=10)
    dead_letter: DeadLetter | None = None


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
    target: Target,
    now: datetime,
    random: Callable[[], float],
) -> Progress:
    """Take down one try: delivered, over, or the time of the next.

    Args:
        progress: before the try.
        error: what was said there, None where the event was taken.
        target: with its patience, which holds for its dead letter, too.
        now: the end of the try.
        random: 0 ≤ random() < 1.
    """
    tried = _counted(progress, error)
    if error is None:
        return replace(tried, state=marks.DEAD if tried.letter else marks.DELIVERED)
    end = tried.began + target.retry.horizon
    if isinstance(error, SinkRefused) or now >= end:
        return give_up(tried, target, now=now, body=error.body)
    pause = ceiling(tried.tries, target.retry) * random()
    wait = max(pause, error.retry_after or timedelta(0))
    return replace(tried, next=min(now + wait, end))


def give_up(
    progress: Progress, target: Target | None, *, now: datetime, body: bytes = b"", reason: str = ""
) -> Progress:
    """Try no more where it is tried at present: then the dead letter is due, or, where there is none, it has failed.

    Args:
        progress: as it is.
        target: None for a sink of which nothing is known.
        now: for the letter's patience.
        body: of the sink's last answer.
        reason: why, where no answer is.
    """
    over = replace(progress, next=None, answer=_short(reason) or progress.answer)
    if progress.letter or target is None or target.dead_letter is None:
        return replace(over, state=marks.FAILED)
    data = body or (over.answer or "never tried").encode()
    return replace(over, letter=Letter(since=now, code=over.code or NO_ANSWER, data=_in_base64(data)))


def _counted(progress: Progress, error: SinkRefused | SinkUnavailable | None) -> Progress:
    answer, code = ("taken", None) if error is None else (_short(str(error)), error.status)
    if progress.letter is None:
        return replace(progress, attempts=progress.attempts + 1, next=None, answer=answer, code=code)
    letter = replace(progress.letter, attempts=progress.letter.attempts + 1)
    return replace(progress, letter=letter, next=None, answer=f"dead letter: {answer}", code=code)


def _short(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:ANSWER_LENGTH]


def _in_base64(data: bytes) -> str:
    """Whole groups of four, so that what was cut can still be decoded."""
    return base64.b64encode(data[: DATA_LENGTH // 4 * 3]).decode("ascii")
