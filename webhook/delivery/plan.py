"""What is to be done with a Job's completion now: decided from the Job as it was read, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .. import marks
from ..completion import Frozen, freeze
from ..events import Event
from ..job import Job
from ..progress import Claim, Progress, load_delivery
from .target import Target


class Result(StrEnum):
    """What became of a completion, for now."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up at one sink at least."""
    LATER = "later"
    """Something is left to do, from `Verdict.at` on."""
    LEFT = "left"
    """Nothing to do here: the Job is gone, has not finished, or its completion is no longer pending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a completion.

    Attributes:
        at: when to look again; None where it is over.
        parked: the lane whose breaker it waits for; then `at` is the end of its patience.
    """

    result: Result
    at: datetime | None = None
    parked: str | None = None


@dataclass(slots=True, kw_only=True)
class Turn:
    """The sinks at which something is to be done now.

    Attributes:
        due: lanes by sink, to be tried; their breakers were entered.
        lost: why, by sink: they will not be tried again where they are tried at present.
        blocked: the end of patience, by sink: due, and kept by their breaker.
        unsure: sinks that may have been removed, or are not known here yet.
    """

    due: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, datetime] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to claim and to send.

    Attributes:
        delivery: the progress at every sink that wants the event.
        frozen: None where this is the first claim.
    """

    delivery: Mapping[str, Progress]
    frozen: Frozen | None
    turn: Turn


def lane(sink: str, progress: Progress) -> str:
    """Where a completion is tried at present, as breakers know it: at the sink, or at its dead letter."""
    return f"{sink} (dead letter)" if progress.letter else sink


def outstanding(job: Job) -> bool:
    """Whether a Job has finished and its completion is pending."""
    return job.end is not None and job.labels.get(marks.COMPLETION) == marks.PENDING


def earliest(job: Job, *, replica: str, now: datetime) -> datetime:
    """When something may be done for an outstanding Job: after another's live claim, and when the next try is due."""
    claim = Claim.load(job.annotations)
    if claim is not None and claim.bars(replica, now):
        return claim.until
    nexts = [one.next or now for one in (load_delivery(job.annotations) or {}).values() if one.pending]
    return max(now, min(nexts, default=now))


def begin(
    job: Job, targets: Mapping[str, Target], *, compose: Callable[[Job, Frozen], Event], now: datetime
) -> tuple[Mapping[str, Progress], Frozen | None]:
    """The progress at every sink and what is frozen: from the Job, or for its first claim."""
    delivery, frozen = load_delivery(job.annotations), Frozen.load(job.annotations)
    if delivery is not None:
        return delivery, frozen
    # Sinks choose by type, which pods do not change; those that want it now are the ones that get it.
    provisional = compose(job, frozen or freeze(job, ()))
    wanted = [name for name, target in targets.items() if target.sink and target.sink.wants(provisional)]
    return {name: Progress(since=now) for name in wanted}, frozen


def look_again(delivery: Mapping[str, Progress], blocked: Mapping[str, datetime]) -> datetime:
    """When a Job whose due sinks are all blocked has something to do in any case: a next try, or no patience left."""
    others = [one.next for name, one in delivery.items() if one.pending and one.next and name not in blocked]
    return min([*blocked.values(), *others])
