"""The books of a run: what was sent, what the store's history says, what the sinks took; and whether they balance."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

WANTED = {
    "all": lambda type_: True,
    "failures": lambda type_: type_ == "dev.jobhook.job.failed.v1",
    "again": lambda type_: True,
}
"""Which completions each sink asked for."""
TYPES = {
    "succeeds": "dev.jobhook.job.succeeded.v1",
    "fails": "dev.jobhook.job.failed.v1",
    "never-starts": "dev.jobhook.job.failed.v1",
}
"""What must be told of each fate."""


@dataclass(slots=True)
class Books:
    """Lines to be printed, and what does not balance.

    Attributes:
        faults: each in a sentence; empty where all balances.
    """

    lines: list[tuple[str, object]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def line(self, what, amount, wanted=None):
        """Enter a line; where it has to be some amount and is not, that is a fault."""
        self.lines.append((what, amount))
        if wanted is not None and amount != wanted:
            self.faults.append(f"{what}: {amount}, and should be {wanted}")

    def table(self):
        """As Markdown."""
        rows = [f"| {what} | {amount} |" for what, amount in self.lines]
        return "\n".join(["| | |", "|---|---|", *rows])


def of_launches(books, fates, senders, lives):
    """Enter that each event sent is one Job ever created."""
    births = Counter(life.event for life in lives)
    books.line("events", len(fates))
    books.line("requests of the senders", sum(senders.answers.values()))
    books.line("… answered 202", senders.answers[202])
    books.line("… answered 429 or 5xx, and sent again", sum(n for code, n in senders.answers.items() if code >= 429))
    books.line("… broken off or refused, and sent again", senders.answers[0])
    books.line("… that knew a Job as gone", senders.gone)
    books.line("Jobs ever created (etcd's history)", len(lives), len(fates))
    books.line("events without a Job", sum(not births[event] for event in fates), 0)
    books.line("events with two Jobs, or more", sum(births[event] > 1 for event in fates), 0)
    books.line("events told `created: true` twice", sum(count > 1 for count in senders.created.values()), 0)
    names = {life.event: life.name for life in lives}
    others = {event: told for event, told in senders.names.items() if told != {names.get(event)}}
    books.line("answers that name another Job", len(others), 0)
    books.faults += [f"{event}: told of {sorted(told)}, and it is {names.get(event)}" for event, told in others.items()]
    books.faults += senders.faults


def of_completions(books, fates, lives, sinks):
    """Enter that every Job was told of at every sink that wanted it, before it went, always in the same bytes."""
    digests = defaultdict(set)
    for sink in sinks:
        taken = sink.by_job()
        for one in sink.taken:
            digests[sink.name, one.id].add(one.digest)
        wanting = [life for life in lives if WANTED[sink.name](TYPES[fates[life.event]])]
        books.line(f"Jobs that sink `{sink.name}` wanted", len(wanting))
        books.line("… that it was told of", sum(bool(taken[life.name]) for life in wanting), len(wanting))
        books.line("… told of more than once", sum(len(taken[life.name]) > 1 for life in wanting))
        books.line("… under two ids", sum(len({one.id for one in taken[life.name]}) > 1 for life in wanting), 0)
        wrong = [life for life in wanting for one in taken[life.name] if one.type != TYPES[fates[life.event]]]
        books.line("… told of with the wrong outcome", len(wrong), 0)
        books.line("… deleted before it was told", sum(_untold(life, taken[life.name]) for life in wanting), 0)
        strangers = taken.keys() - {life.name for life in wanting}
        books.line("completions that it did not want", len(strangers), 0)
        books.faults += sink.faults
    books.line("ids with different bytes", sum(len(found) > 1 for found in digests.values()), 0)


def _untold(life, taken):
    """Whether a Job went before its first completion was taken."""
    return life.deleted is not None and not any(one.at < life.deleted for one in taken)


def of_ends(books, lives, strangers, left):
    """Enter that all of ours went, with nothing left on them, and that no stranger's Job was touched."""
    books.line("Jobs cleaned up", sum(life.deleted is not None for life in lives), len(lives))
    marks = Counter(life.completion for life in lives if life.deleted is not None)
    books.line("… whose completion was not marked as delivered", sum(marks.values()) - marks["delivered"], 0)
    books.line("… with a claim on it", sum(life.claimed for life in lives), 0)
    books.line("strangers' Jobs", len(strangers))
    touched = [name for name, version in strangers.items() if left.get(name) != version]
    books.line("… changed or gone", len(touched), 0)


def of_processes(books, replicas, sinks):
    """Enter that every process ended as ordered, complained of nothing, and left no connection."""
    ends = [end for replica in replicas for end in replica.ends]
    books.line("orders to stop (SIGTERM)", len(ends))
    books.line("… with another end than exit code 0", sum(code != 0 for code, _ in ends), 0)
    books.line("… the slowest end", f"{max((seconds for _, seconds in ends), default=0):.1f} s")
    books.line("ends that nobody ordered", sum(len(replica.deaths) for replica in replicas), 0)
    complaints = [line for replica in replicas for line in replica.complaints()]
    books.line("errors in the receivers' logs", len(complaints), 0)
    books.faults += complaints[:10]
    books.line("connections left at the sinks", sum(sink.connections for sink in sinks), 0)
