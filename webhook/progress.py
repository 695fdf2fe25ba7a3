"""What a Job's annotations hold of its completion's way: who has claimed it, and how far it is at each sink."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
class Letter:
    """A dead letter on its way: why its sink was given up, kept so that every try says the same.

    Attributes:
        since: when the sink was given up, from which the letter's own time to retry counts.
        code: the status of the sink's last answer; 500 where there was none, as Knative has it.
        data: the beginning of that answer, or why there was none, in base64; at most 1024 characters.
        attempts: tries made at the dead letter's URL.
    """

    since: datetime
    code: int
    data: str
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What became of a completion at a sink before it was asked to be sent there again.

    Attributes:
        until: when it was asked for.
    """

    state: str
    attempts: int
    answer: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a completion is at one sink.

    Attributes:
        since: the first claim, from which the time to retry counts.
        state: `marks.PENDING`, `DELIVERED`, `DEAD` or `FAILED`.
        attempts: tries made at the sink.
        next: when the next try is due; None where it is due at once, or all is over.
        answer: what the last try came to, for people; empty before the first.
        code: the status of the last answer, or None.
        letter: where the sink was given up and has a dead letter.
        earlier: what became of it before it was sent again by order, the oldest first.
    """

    since: datetime
    state: str = marks.PENDING
    attempts: int = 0
    next: datetime | None = None
    answer: str = ""
    code: int | None = None
    letter: Letter | None = None
    earlier: tuple[Earlier, ...] = ()

    @property
    def pending(self) -> bool:
        """Whether there is something left to do."""
        return self.state == marks.PENDING

    @property
    def began(self) -> datetime:
        """From when on the present patience counts: the sink's, or its dead letter's."""
        return self.letter.since if self.letter else self.since

    @property
    def tries(self) -> int:
        """Tries made where it is tried at present: at the sink, or at its dead letter."""
        return self.letter.attempts if self.letter else self.attempts

    def due(self, now: datetime) -> bool:
        """Whether a try may be made now."""
        return self.pending and (self.next is None or self.next <= now)


def dump_delivery(delivery: Mapping[str, Progress]) -> str:
    """The progress at every sink, by the sink's name, as the annotation holds it."""
    return json.dump({sink: progress_view(progress) for sink, progress in delivery.items()}).decode()


def progress_view(progress: Progress) -> dict[str, json.Value]:
    """The progress at one sink as JSON has it; what there is nothing of is left out."""
    letter = progress.letter
    view: dict[str, json.Value] = {
        "state": progress.state,
        "attempts": progress.attempts,
        "next": progress.next and times.show(progress.next),
        "since": times.show(progress.since),
        "answer": progress.answer,
        "code": progress.code,
        "letter": letter
        and {
            "since": times.show(letter.since),
            "code": letter.code,
            "data": letter.data,
            "attempts": letter.attempts,
        },
        "earlier": [
            {"state": one.state, "attempts": one.attempts, "answer": one.answer, "until": times.show(one.until)}
            for one in progress.earlier
        ],
    }
    return {name: value for name, value in view.items() if value not in (None, "", [])}


def load_delivery(annotations: Mapping[str, str]) -> dict[str, Progress] | None:
    """Read the progress at every sink; None before the first claim, and where it cannot be read."""
    try:
        held = json.load(annotations[marks.DELIVERY])
        return {sink: _progress(one) for sink, one in held.items()}
    except (AttributeError, KeyError, TypeError, ValueError, json.NotJson):
        return None


def _progress(held: Mapping[str, Any]) -> Progress:
    letter = held.get("letter")
    return Progress(
        since=times.parse(held["since"]),
        state=str(held["state"]),
        attempts=int(held["attempts"]),
        next=times.parse(held["next"]) if held.get("next") else None,
        answer=str(held.get("answer", "")),
        code=int(held["code"]) if held.get("code") else None,
        letter=letter
        and Letter(
            since=times.parse(letter["since"]),
            code=int(letter["code"]),
            data=str(letter["data"]),
            attempts=int(letter["attempts"]),
        ),
        earlier=tuple(
            Earlier(
                state=str(one["state"]),
                attempts=int(one["attempts"]),
                answer=str(one["answer"]),
                until=times.parse(one["until"]),
            )
            for one in held.get("earlier", ())
        ),
    )
