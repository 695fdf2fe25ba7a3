"""The fault suite with a small count, and that its books can fail to balance."""

import dataclasses
import itertools
import os
from collections import Counter, defaultdict

import pytest
from chaos import books as bookkeeping
from chaos import plan
from chaos.recorder import Life
from chaos.run import run
from chaos.sinks import Taken

COUNT = int(os.environ.get("COUNT", "150"))
SEED = os.environ.get("SEED", "1")


@pytest.mark.timeout(420)
def test_the_books_balance_after_everything_broke(private_cluster, tmp_path):
    """Each event is one Job, each Job is told of where it was wanted before it goes, and nothing is left or touched."""
    books = run(private_cluster, tmp_path, count=COUNT, seed=SEED)
    print(books.table())
    assert not books.faults, "\n".join(books.faults)


def test_a_seed_is_a_plan():
    """The same seed breaks and sends the same, another one something else; every kind comes in each round of twelve."""
    first = list(itertools.islice(plan.faults("7"), 24))
    assert first == list(itertools.islice(plan.faults("7"), 24))
    assert first != list(itertools.islice(plan.faults("8"), 24))
    assert plan.sendings("7", 100) == plan.sendings("7", 100)
    for half in (first[:12], first[12:]):
        assert Counter(fault.kind for fault in half) == {
            "kill": 4,
            "terminate": 2,
            "sink": 4,
            "etcd": 1,
            "apiserver": 1,
        }


def test_a_fifth_is_sent_twice_and_never_before_it_was_sent_once():
    """Of 2,000 events about 400 come again; each event comes first as itself."""
    sendings = plan.sendings("1", 2000)
    assert 340 < sum(sending.repeat for sending in sendings) < 460
    seen = set()
    for sending in sendings:
        assert sending.repeat == (sending.id in seen)
        seen.add(sending.id)
    assert len(seen) == 2000


class Books:
    """The records of a run of one event in which all went well, to be spoilt."""

    def __init__(self):
        self.fates = {"event-0": "fails"}
        self.life = Life("uid", "fails-1", "event-0", created=1.0, deleted=5.0, completion="delivered")
        self.lives = [self.life]
        self.sinks = [Told(name, [Taken(3.0, "uid-finished", "fails-1", FAILED, "d")]) for name in plan.SINKS]
        self.answers = Counter({202: 1})
        self.names = {"event-0": {"fails-1"}}
        self.created = Counter({"event-0": 1})
        self.gone, self.left = 0, {"theirs": 1}

    def faults(self):
        """Balance them."""
        books = bookkeeping.Books()
        senders = Answered(self.answers, self.names, self.created)
        bookkeeping.of_launches(books, self.fates, senders, self.lives)
        bookkeeping.of_completions(books, self.fates, self.lives, self.sinks)
        bookkeeping.of_ends(books, self.lives, {"theirs": 1}, self.left)
        return books.faults


FAILED = "dev.jobhook.job.failed.v1"


@dataclasses.dataclass
class Answered:
    """What `Senders` has heard."""

    answers: Counter
    names: dict
    created: Counter
    gone: int = 0
    faults: tuple = ()


@dataclasses.dataclass
class Told:
    """What a `Sink` has taken."""

    name: str
    taken: list
    faults: tuple = ()

    def by_job(self):
        """By the Job's name."""
        return defaultdict(list, {"fails-1": self.taken} if self.taken else {})


def _twice(books):
    books.lives.append(dataclasses.replace(books.life, uid="other"))


def _never(books):
    books.lives.clear()


def _untold(books):
    books.sinks[1].taken.clear()


def _late(books):
    books.life.deleted = 2.0


def _other_bytes(books):
    books.sinks[0].taken.append(dataclasses.replace(books.sinks[0].taken[0], digest="e"))


def _wrong_outcome(books):
    books.sinks[0].taken[0] = dataclasses.replace(books.sinks[0].taken[0], type="dev.jobhook.job.succeeded.v1")


def _kept(books):
    books.life.deleted = None


def _claimed(books):
    books.life.claimed = True


def _unmarked(books):
    books.life.completion = "pending"


def _stranger(books):
    books.left = {"theirs": 2}


def _created_twice(books):
    books.created["event-0"] = 2


def test_books_of_a_run_in_which_all_went_well_balance():
    """No fault is found where there is none."""
    assert Books().faults() == []


@pytest.mark.parametrize(
    "spoil",
    [
        _twice,
        _never,
        _untold,
        _late,
        _other_bytes,
        _wrong_outcome,
        _kept,
        _claimed,
        _unmarked,
        _stranger,
        _created_twice,
    ],
)
def test_books_with_a_fault_do_not_balance(spoil):
    """Every promise that is broken once is found."""
    books = Books()
    spoil(books)
    assert books.faults()
