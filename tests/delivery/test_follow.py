"""One watch → an index and word of each change."""

import asyncio
import tracemalloc
from datetime import timedelta

import pytest
from changed import replace
from structlog.testing import capture_logs

from webhook import marks
from webhook.errors import ClusterUnavailable
from webhook.follow import Follower
from webhook.job import State
from webhook.metrics import Metrics
from webhook.ports import Change, Seen


class Scripted:
    """A watch that plays one script after the other, then stands still; a script may end in an exception."""

    def __init__(self, *scripts):
        self.scripts, self.begun = list(scripts), 0

    async def follow(self, labels=None):
        self.begun += 1
        for step in self.scripts.pop(0) if self.scripts else ():
            if isinstance(step, Exception):
                raise step
            yield step
        if not self.scripts:
            await asyncio.Event().wait()


def following(jobs, until, condition, **more):
    """Run a follower until a condition holds of it; give back what a listener was told, too."""
    told = []

    async def main():
        follower = Follower(jobs, metrics=Metrics(), **more)
        follower.subscribe(lambda name, job: told.append((name, job is not None)))
        task = asyncio.create_task(follower.run())
        try:
            await until(lambda: condition(follower))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return follower

    return asyncio.run(main()), told


def present(job):
    return Change(Seen.PRESENT, job)


LISTING, SYNCED, ALIVE = Change(Seen.LISTING), Change(Seen.SYNCED), Change(Seen.ALIVE)


def test_indexes_what_there_is(make, until):
    """The list and later changes are in the index, and the listener is told of each."""
    a, b = make.finished("a", labels={marks.EVENT: "e", marks.GROUP: "g"}), make.finished("b")
    running = replace(a, end=None, suspended=True)
    script = [LISTING, present(running), present(b), SYNCED, present(a), Change(Seen.GONE, b), ALIVE]
    follower, told = following(Scripted(script), until, lambda f: "b" not in f.index and f.synced)
    entry = follower.index["a"]
    assert (entry.state, entry.event, entry.group, entry.definition) == (State.SUCCEEDED, "e", "g", "build")
    assert (entry.completion, entry.ended) == (marks.PENDING, a.end.at)
    assert told == [("a", True), ("b", True), ("a", True), ("b", False)]


def test_tells_how_long_a_list_took(make, until):
    """Each list that is whole is in the log, with the Jobs there are and the seconds since it began."""
    jobs = Scripted([LISTING, present(make.finished("a")), SYNCED, LISTING, SYNCED])
    times = iter(range(100))
    with capture_logs() as logs:
        following(jobs, until, lambda f: f.synced and not f.index, clock=lambda: float(next(times)))
    told = [(line["jobs"], line["seconds"]) for line in logs if line["event"] == "watch.synced"]
    assert [count for count, _ in told] == [1, 0]
    assert told[0][1] > told[1][1] > 0


def test_what_a_new_list_does_not_hold_is_gone(make, until):
    """After a break the list is begun anew; until it is whole the old index stands, then what it lacks goes."""
    a, b, c = (make.finished(name) for name in "abc")
    jobs = Scripted([LISTING, present(a), present(b), SYNCED, LISTING, present(a), present(c), SYNCED])
    follower, told = following(jobs, until, lambda f: "b" not in f.index and f.synced)
    assert set(follower.index) == {"a", "c"}
    assert ("b", False) in told


@pytest.mark.parametrize("end", [ClusterUnavailable("away"), RuntimeError("bug"), None])
def test_a_watch_that_breaks_is_begun_anew(make, until, end):
    """An error, a bug or a plain end of the watch is waited out and followed by a new one."""
    scripts = [[LISTING, *([end] if end else [])] for _ in range(3)]
    jobs = Scripted(*scripts, [LISTING, present(make.finished("a")), SYNCED])
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    follower, _ = following(jobs, until, lambda f: f.synced, sleep=sleep, uniform=lambda low, high: high)
    assert set(follower.index) == {"a"}
    assert jobs.begun == 4
    assert len(waits) == 3


def test_failures_in_a_row_wait_longer(until):
    """The pause doubles while nothing is heard, up to half a minute."""
    waits = []

    async def sleep(seconds):
        waits.append(seconds)
        if len(waits) > 8:
            await asyncio.Event().wait()

    broken = Scripted(*[[ClusterUnavailable("away")]] * 20)
    following(broken, until, lambda f: len(waits) > 8, sleep=sleep, uniform=lambda low, high: high)
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_a_listener_that_fails_does_not_end_the_watch(make, until):
    """One Job that a listener cannot take is logged; the next is told."""
    told = []

    def picky(name, job):
        if name == "a":
            raise KeyError(name)
        told.append(name)

    jobs = Scripted([LISTING, present(make.finished("a")), present(make.finished("b")), SYNCED])

    async def main():
        follower = Follower(jobs, metrics=Metrics())
        follower.subscribe(picky)
        task = asyncio.create_task(follower.run())
        await asyncio.wait_for(follower.wait_synced(), 10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    assert told == ["b"]
    assert jobs.begun == 1


def test_knows_how_old_its_news_are(until):
    """Any sign of life counts, by the clock given; before the first there is no age, and the metric counts from the start."""
    time = [100.0]
    metrics = Metrics()
    follower = Follower(Scripted(), metrics=metrics, clock=lambda: time[0])
    time[0] = 130.0
    assert follower.age() is None
    assert "jobhook_watch_age_seconds 30.0" in metrics.text().decode()

    follower, _ = following(Scripted([LISTING, ALIVE]), until, lambda f: f.age() is not None, clock=lambda: time[0])
    time[0] = 175.0
    assert follower.age() == timedelta(seconds=45)
    assert not follower.synced


def test_to_begin_a_list_is_no_sign_of_life(until):
    """Nobody has answered then: during an outage lists are begun again and again, and the age has to grow."""
    jobs = Scripted([LISTING, LISTING, ClusterUnavailable("away")], [])
    follower, _ = following(jobs, until, lambda f: jobs.begun == 2, uniform=lambda low, high: 0)
    assert follower.age() is None


def test_knows_under_which_types_an_event_was_launched(make, until):
    """By the causes of its Jobs as they are now: those that are gone, or are another event's by now, count no more."""

    def job(name, event, type_=None, **own):
        cause = {marks.CAUSE: marks.Cause(id="1", source="/s", type=type_, via="hook").dump()} if type_ else {}
        return make.finished(name, labels={marks.EVENT: event} if event else {}, annotations=cause | own)

    loose = {marks.TYPED_KEY: "1" * 64}
    jobs = [job("a", "e", "t.one"), job("b", "e", "t.one"), job("c", "e", "t.two", **loose), job("d", "f", "t.one")]
    odd = [job("unreadable", "g"), job("unlabelled", None, "t.one")]
    later = [present(jobs[0]), Change(Seen.GONE, jobs[1]), present(job("d", "h", "t.one")), present(job("gone", "e"))]
    script = [LISTING, *map(present, jobs + odd), SYNCED, *later, Change(Seen.GONE, job("gone", "e")), ALIVE]
    follower, _ = following(
        Scripted(script), until, lambda f: f.synced and "b" not in f.index and "gone" not in f.index
    )
    assert follower.types_of("e") == {("t.one", False), ("t.two", True)}
    assert (follower.types_of("f"), follower.types_of("h")) == (set(), {("t.one", False)})
    assert follower.types_of("g") == {(None, False)}
    assert follower.types_of("unheard of") == set()

    again = [LISTING, present(jobs[2]), SYNCED]
    follower, _ = following(Scripted([*script, *again]), until, lambda f: set(f.index) == {"c"})
    assert follower.types_of("e") == {("t.two", True)}
    assert follower._of_event.keys() == {"e"}


def test_twenty_thousand_jobs_take_little(make, until):
    """The index of 20,000 Jobs stays below 15 MiB, whatever else the Jobs hold and however often they change."""
    count = 20_000

    class Many:
        async def follow(self, labels=None):
            yield LISTING
            for number in (*range(count), *range(count)):
                cause = marks.Cause(id=f"{number}", source="/s", type=f"com.example.{number % 50}", via="hook")
                job = make.finished(
                    f"a-definition-of-some-length-{number:024d}",
                    labels={marks.EVENT: f"{number:032d}", marks.GROUP: f"group-{number % 50}"},
                    annotations={marks.PARAMS: "x" * 1000, marks.CAUSE: cause.dump()},
                )
                uid = f"{number:08d}-0000-4000-8000-000000000000"
                yield present(replace(job, uid=uid, created=job.created + timedelta(seconds=number)))
            yield SYNCED
            await asyncio.Event().wait()

    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        follower, told = following(Many(), until, lambda f: f.synced)
        told.clear()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(follower.index) == count
    assert after - before < 15 * 1024 * 1024
