"""What is to be done for a Job, given its tries: the Job controller's rules, pure.

https://kubernetes.io/docs/concepts/workloads/controllers/job/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile

from .manifest import JobSpec
from .tally import Tally, Verdict, count
from .tries import Try
from .validation import MAX_INT32

DEFAULT_BACKOFF_LIMIT = 6


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a failure is waited out: `base`, doubled by each further one, up to `longest`."""

    base: timedelta = timedelta(seconds=10)
    longest: timedelta = timedelta(minutes=6)

    def delay(self, failures: int) -> timedelta:
        """The time to wait after so many failures in a row.

        >>> [Backoff().delay(number).total_seconds() for number in (0, 1, 2, 3, 99)]
        [0.0, 10.0, 20.0, 40.0, 360.0]
        """
        return min(self.longest, self.base * 2 ** min(failures - 1, 32)) if failures else timedelta(0)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done now.

    Attributes:
        verdict: the Job is decided: end what runs, then the Job.
        start: an index a try to start (None for a Job without indexes).
        surplus: how many active tries are too many.
        again: when to decide again at the latest, or None.
    """

    verdict: Verdict | None = None
    start: tuple[int | None, ...] = ()
    surplus: int = 0
    again: datetime | None = None


def decide(
    spec: JobSpec, tries: Sequence[Try], *, started: datetime, now: datetime, backoff: Backoff, room: int
) -> Decision:
    """Decide for a Job that is not suspended; at most `room` tries are started at once.

    The order of the verdicts is the Job controller's, but for a Job whose work is done: that is complete, whatever
    time it is.
    """
    tally = count(spec, tries)
    if _complete(spec, tally):
        return Decision(Verdict(True, "CompletionsReached", "Reached expected number of succeeded pods"))
    deadline = None
    if spec.active_deadline_seconds is not None:
        deadline = started + timedelta(seconds=spec.active_deadline_seconds)
    if verdict := _failure(spec, tries, tally, overdue=deadline is not None and now >= deadline):
        return Decision(verdict)
    wanted = _wanted(spec, tally)
    if tally.active >= wanted:
        return Decision(surplus=tally.active - wanted, again=deadline)
    room = min(room, wanted - tally.active)
    start, again = _start(spec, tries, tally, room=room, now=now, backoff=backoff)
    return Decision(start=start, again=min(filter(None, (deadline, again)), default=None))


def _complete(spec: JobSpec, tally: Tally) -> bool:
    if tally.active:
        return False
    return tally.succeeded >= (1 if spec.completions is None else spec.completions)


def _failure(spec: JobSpec, tries: Sequence[Try], tally: Tally, *, overdue: bool) -> Verdict | None:
    per_index = spec.backoff_limit_per_index is not None
    default = MAX_INT32 if per_index else DEFAULT_BACKOFF_LIMIT
    limit = default if spec.backoff_limit is None else spec.backoff_limit
    restarts = sum(attempt.restarts for attempt in tries if attempt.finished is None) if spec.on_failure else 0
    if tally.fatal:
        return tally.fatal
    if tally.failed > limit or (restarts and restarts >= limit):
        return Verdict(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    if overdue:
        return Verdict(False, "DeadlineExceeded", "Job was active longer than specified deadline")
    if spec.max_failed_indexes is not None and len(tally.lost) > spec.max_failed_indexes:
        message = "Job has exceeded the specified maximal number of failed indexes"
        return Verdict(False, "MaxFailedIndexesExceeded", message)
    if tally.lost and len(tally.lost) + tally.succeeded >= (spec.completions or 0):
        return Verdict(False, "FailedIndexes", "Job has failed indexes")
    return None


def _wanted(spec: JobSpec, tally: Tally) -> int:
    parallel = 1 if spec.parallelism is None else spec.parallelism
    if spec.completions is None:
        # A work queue: once one has succeeded, the others end as they like, and no new one starts.
        return min(tally.active, parallel) if tally.succeeded else parallel
    return max(0, min(parallel, spec.completions - tally.succeeded - len(tally.lost)))


def _start(
    spec: JobSpec, tries: Sequence[Try], tally: Tally, *, room: int, now: datetime, backoff: Backoff
) -> tuple[tuple[int | None, ...], datetime | None]:
    """Which tries to start now, and when the first of those may start that back off."""
    if not spec.indexed or spec.backoff_limit_per_index is None:
        ready = _ready(tries, backoff)
        if ready is not None and ready > now:
            return (), ready
        return (tuple(islice(_open_indexes(spec, tally), room)) if spec.indexed else (None,) * room), None
    start: list[int] = []
    again: datetime | None = None
    for index in _open_indexes(spec, tally):
        if len(start) == room:
            break
        ready = _ready([t for t in tries if t.index == index], backoff) if index in tally.failures else None
        if ready is None or ready <= now:
            start.append(index)
        else:
            again = min(again, ready) if again else ready
    return tuple(start), again


def _open_indexes(spec: JobSpec, tally: Tally) -> Iterable[int]:
    closed = tally.done | tally.lost | tally.busy
    return (index for index in range(spec.completions or 0) if index not in closed)


def _ready(tries: Iterable[Try], backoff: Backoff) -> datetime | None:
    """When the next try may start after the failures since the last success; None where there are none."""
    finished = sorted((attempt.finished, attempt.succeeded) for attempt in tries if attempt.finished)
    failures = list(takewhile(lambda end: not end[1], reversed(finished)))
    return failures[0][0] + backoff.delay(len(failures)) if failures else None
