"""What a Job's annotations hold of its completion's way: who has claimed it, and how far it is at each sink."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from . import json, marks, times


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A replica's word that it is delivering a Job's completion.

    Attributes:
        replica: its `host:port`.
        until: when others may take over, whatever became of it.
    """

    replica: str
    until: datetime

    def dump(self) -> str:
        """As the annotation holds it."""
        return json.dump({"replica": self.replica, "until": times.show(self.until)}).decode()

    @classmethod
    def load(cls, annotations: Mapping[str, str]) -> Claim | None:
        """Read it from a Job's annotations; None where there is none, or none that can be read."""
        try:
            held = json.load(annotations[marks.CLAIM])
            return cls(replica=str(held["replica"]), until=times.parse(held["until"]))
        except (KeyError, TypeError, ValueError, json.NotJson):
            return None

    def bars(self, replica: str, now: datetime) -> bool:
        """Tell whether it keeps `replica` out: it is another's, and live. One's own is left from before a crash."""
        return self.replica != replica and now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a completion is at one sink.

    Attributes:
        since: the first claim, from which the time to retry counts.
        state: `marks.PENDING`, `DELIVERED`, `DEAD` or `FAILED`.
        attempts: tries made.
        next: when the next try is due; None where it is due at once, or all is over.
    """

    since: datetime
    state: str = marks.PENDING
    attempts: int = 0
    next: datetime | None = None

    @property
    def pending(self) -> bool:
        """Whether there is something left to do."""
        return self.state == marks.PENDING

    def due(self, now: datetime) -> bool:
        """Whether a try may be made now."""
        return self.pending and (self.next is None or self.next <= now)


def dump_delivery(delivery: Mapping[str, Progress]) -> str:
    """The progress at every sink, by the sink's name, as the annotation holds it."""
    return json.dump(
        {
            sink: {
                "state": progress.state,
                "attempts": progress.attempts,
                "next": progress.next and times.show(progress.next),
                "since": times.show(progress.since),
            }
            for sink, progress in delivery.items()
        }
    ).decode()


def load_delivery(annotations: Mapping[str, str]) -> dict[str, Progress] | None:
    """Read the progress at every sink; None before the first claim, and where it cannot be read."""
    try:
        held = json.load(annotations[marks.DELIVERY])
        return {
            sink: Progress(
                since=times.parse(one["since"]),
                state=str(one["state"]),
                attempts=int(one["attempts"]),
                next=times.parse(one["next"]) if one["next"] else None,
            )
            for sink, one in held.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError, json.NotJson):
        return None
