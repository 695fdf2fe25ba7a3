"""What is sent and what breaks, each decided by a seed alone, so that a run can be played again."""

import itertools
import random
from dataclasses import dataclass

REPEATED = 0.2
"""Of the events: sent twice, beside what senders repeat because they heard nothing."""
SINKS = ("all", "failures", "again")
REPLICAS = ("one", "two")
FATES = {"succeeds": 6, "fails": 3, "never-starts": 1}
"""What becomes of a Job, and how often."""
AILMENTS = ("503", "429", "reset", "hang")


@dataclass(frozen=True, slots=True)
class Sending:
    """One event on its way, the first time or again.

    Attributes:
        id: the event's.
        fate: of its Job; the event's type ends with it.
        repeat: whether an earlier sending of the same event was planned.
    """

    id: str
    fate: str
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks.

    Attributes:
        pause: seconds after the end of the fault before.
        kind: `kill`, `terminate`, `apiserver`, `etcd` or `sink`.
        whom: the replica, or the sink.
        seconds: how long it lasts.
        how: what a sink does then.
        clock: seconds by which a replica's clock is off after its restart.
    """

    pause: float
    kind: str
    whom: str = ""
    seconds: float = 0.0
    how: str = ""
    clock: int = 0

    def __str__(self):
        facts = [self.kind, self.whom, self.how, f"{self.seconds:.1f} s"]
        return (
            f"+{self.pause:.1f} s " + " ".join(filter(None, facts)) + (f", clock {self.clock:+} s" * bool(self.clock))
        )


def sendings(seed, count):
    """Plan what is sent, in order: each event, and of a fifth of them a repeat, at once or at any time later."""
    dice = random.Random(f"{seed} sendings")
    fates, weights = list(FATES), list(FATES.values())
    order = []
    for number in range(count):
        one = Sending(f"event-{number}", dice.choices(fates, weights)[0])
        order.append((number, one))
        if dice.random() < REPEATED:
            later = number if dice.random() < 0.5 else dice.uniform(number, count)
            order.append((later, Sending(one.id, one.fate, repeat=True)))
    return [sending for _, sending in sorted(order, key=lambda entry: entry[0])]


def faults(seed):
    """Go on for ever with what breaks next.

    Each round of twelve holds every kind, in an order of its own: six ends of replicas, four sinks, etcd, the API server.
    """
    dice = random.Random(f"{seed} faults")
    rounds = ["kill"] * 4 + ["terminate"] * 2 + ["sink"] * 4 + ["etcd", "apiserver"]
    ailments = itertools.cycle(AILMENTS)
    while True:
        dice.shuffle(rounds)
        for kind in rounds:
            yield _fault(dice, kind, ailments)


def _fault(dice, kind, ailments):
    pause = dice.uniform(0.5, 3)
    if kind in {"kill", "terminate"}:
        whom = dice.choice(REPLICAS)
        clock = dice.choice([-20, 20]) if whom == "two" else 0
        return Fault(pause, kind, whom, seconds=dice.uniform(0, 1.5), clock=clock)
    if kind == "sink":
        return Fault(pause, kind, dice.choice(SINKS), seconds=dice.uniform(2, 6), how=next(ailments))
    return Fault(pause, kind, seconds=5.0 if kind == "etcd" else dice.uniform(0, 2))
