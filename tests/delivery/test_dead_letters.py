"""From a sink that is given up to its dead letter: on a store with resourceVersions."""

import asyncio
import base64
import random
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook import marks
from webhook.completion import completion_event
from webhook.delivery import Courier, DeadLetter, Result, Retry, Target, deliver_outstanding, redeliver
from webhook.delivery.removed import Remembered
from webhook.delivery.target import advance, give_up
from webhook.errors import (
    ClusterUnavailable,
    Conflict,
    NotFinished,
    NotFound,
    SinkGone,
    SinkRefused,
    SinkUnavailable,
    ValueRefused,
)
from webhook.metrics import Metrics
from webhook.ports import Record
from webhook.progress import Claim, Letter, Progress, dump_delivery, load_delivery

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
RETRY = Retry(first=timedelta(seconds=10), longest=timedelta(seconds=60), horizon=HOUR)


class ListSink:
    """A sink in memory: raise what `plan` holds, then take all."""

    def __init__(self, name="bus", plan=()):
        self.name, self.plan, self.taken = name, list(plan), []

    def wants(self, event):
        return True

    async def send(self, event):
        if self.plan and (error := self.plan.pop(0)):
            raise error
        self.taken.append(event)


class World:
    """A courier with one sink, its dead letter, and a clock that stands until it is set."""

    def __init__(self, store, *, plan=(), letters=(), dead_letter=True, removed=None, declared=True):
        self.store, self.now, self.metrics = store, NOW, Metrics()
        self.sink, self.letters = ListSink(plan=plan), ListSink("letters", letters)
        dead = DeadLetter(sink=self.letters, destination="http://bus/") if dead_letter else None
        self.target = Target(sink=self.sink, retry=RETRY, timeout=timedelta(seconds=5), dead_letter=dead)
        self.courier = Courier(
            store,
            [self.target] if declared else [],
            compose=partial(completion_event, cluster_name="prod", signature="jobhook"),
            replica="a:1",
            metrics=self.metrics,
            random=lambda: 0.5,
            now=lambda: self.now,
            removed=removed,
        )

    def deliver(self, name="j"):
        return asyncio.run(self.courier.deliver(self.store.held[name]))

    def run(self, name="j"):
        """Deliver, time after time, until it is over; answer the verdict."""
        for _ in range(1000):
            verdict = self.deliver(name)
            if verdict.result is not Result.LATER:
                return verdict
            self.now = max(self.now, verdict.at)
        raise AssertionError("it never ends")

    @property
    def progress(self):
        return load_delivery(self.store.held["j"].annotations)["bus"]

    @property
    def label(self):
        return self.store.held["j"].labels[marks.COMPLETION]


@pytest.mark.parametrize(
    ("error", "code", "data"),
    [
        (SinkRefused("answered 400", status=400, body=b"\xffno"), 400, b"\xffno"),
        (SinkRefused("answered 400", status=400), 400, b"answered 400"),
        (SinkGone("answered 410", status=410, body=b"gone"), 410, b"gone"),
        (SinkRefused("the event cannot be put into a request"), 500, b"the event cannot be put into a request"),
        (SinkRefused("answered 413", status=413, body=b"x" * 1024), 413, b"x" * 768),
    ],
)
def test_what_is_refused_for_good_goes_to_the_dead_letter(store, make, error, code, data):
    """The original event, and Knative's three extensions; the answer in at most 1024 characters of base64."""
    job = store.put(make.finished("j"))
    world = World(store, plan=[error])
    twin = completion_event(job, make_frozen(job), cluster_name="prod", signature="jobhook")
    assert world.run().result is Result.DELIVERED
    [letter] = world.letters.taken
    why = {name: letter.extensions[name] for name in letter.extensions if name.startswith("knative")}
    assert why == {
        "knativeerrordest": "http://bus/",
        "knativeerrorcode": code,
        "knativeerrordata": base64.b64encode(data).decode(),
    }
    assert len(why["knativeerrordata"]) <= 1024
    assert letter.attributes() == twin.attributes() | why
    assert letter.data == twin.data
    assert (world.label, world.progress.state, world.progress.attempts) == (marks.DEAD, marks.DEAD, 1)
    text = world.metrics.text().decode()
    assert 'jobhook_deliveries_total{outcome="dead",sink="bus"} 1.0' in text
    assert 'jobhook_dead_letter_attempts_total{result="taken",sink="bus"} 1.0' in text


def make_frozen(job):
    from webhook.completion import freeze

    return freeze(job, ())


def test_past_its_horizon_it_goes_to_the_dead_letter(store, make):
    """With the last answer as the reason; and the sink was tried until then."""
    store.put(make.finished("j"))
    world = World(store, plan=[SinkUnavailable("answered 503", status=503, body=b"busy", retry_after=2 * HOUR)] * 2)
    assert world.run().result is Result.DELIVERED
    assert world.now == NOW + HOUR
    [letter] = world.letters.taken
    assert letter.extensions["knativeerrorcode"] == 503
    assert base64.b64decode(letter.extensions["knativeerrordata"]) == b"busy"
    assert (world.sink.taken, world.progress.attempts) == ([], 2)


def test_blocked_by_its_breaker_until_the_horizon_it_goes_to_the_dead_letter(store, make):
    """A sink that nobody reaches is not tried once more, and its last answer is told."""
    before = Progress(since=NOW - HOUR, attempts=9, next=NOW, answer="no answer: ConnectionRefusedError")
    store.put(make.finished("j", annotations={marks.DELIVERY: dump_delivery({"bus": before})}))
    world = World(store)
    for _ in range(20):
        world.courier.breakers["bus"].failed(NOW)
    assert world.run().result is Result.DELIVERED
    [letter] = world.letters.taken
    assert letter.extensions["knativeerrorcode"] == 500
    assert base64.b64decode(letter.extensions["knativeerrordata"]) == b"no answer: ConnectionRefusedError"
    assert (world.sink.taken, world.progress.attempts) == ([], 9)


def test_a_dead_letter_that_fails_has_the_same_patience_and_then_has_failed(store, make):
    """Tried as often and as long as the sink would be, with the same words each time; then it is kept as failed."""
    store.put(make.finished("j"))
    away = SinkUnavailable("answered 503", status=503)
    world = World(store, plan=[SinkRefused("answered 400", status=400)], letters=[away] * 1000)
    waits = []
    while (verdict := world.deliver()).result is Result.LATER:
        waits.append((verdict.at - world.now).total_seconds())
        assert world.label == marks.PENDING
        world.now = max(world.now, verdict.at)
    assert waits[:6] == [0.0, 5.0, 10.0, 20.0, 30.0, 30.0]
    assert verdict.result is Result.FAILED
    assert world.now == NOW + HOUR
    assert (world.label, world.progress.state) == (marks.FAILED, marks.FAILED)
    assert world.progress.letter.code == 400
    assert world.progress.letter.attempts > 100
    assert (world.progress.attempts, world.sink.taken) == (1, [])


def test_a_dead_letter_that_refuses_has_failed_at_once(store, make):
    """There is nowhere else to go."""
    store.put(make.finished("j"))
    refused = SinkRefused("answered 400", status=400)
    world = World(store, plan=[refused], letters=[refused])
    assert world.run().result is Result.FAILED
    assert world.progress.answer == "dead letter: answered 400"


def test_a_dead_letter_has_a_breaker_of_its_own(store, make):
    """A sink that refuses and answers stays closed, while its dead letter that does not is only probed."""
    for number in range(20):
        store.put(make.finished(f"j{number:02}"))
    refused, away = SinkRefused("answered 400", status=400), SinkUnavailable("no answer")
    world = World(store, plan=[refused] * 20, letters=[away] * 100)
    for _ in range(2):
        for name in sorted(store.held):
            verdict = world.deliver(name)
    assert world.courier.breakers["bus"].closed
    assert not world.courier.breakers["bus (dead letter)"].closed
    assert verdict.parked == "bus (dead letter)"
    assert 100 - len(world.letters.plan) == 8
    text = world.metrics.text().decode()
    assert 'jobhook_breaker_open{sink="bus"} 0.0' in text
    assert 'jobhook_breaker_open{sink="bus (dead letter)"} 1.0' in text


def test_no_dead_letter_is_failed(store, make):
    """What was refused is kept on the Job, with the answer."""
    store.put(make.finished("j"))
    world = World(store, plan=[SinkRefused("answered 400", status=400)], dead_letter=False)
    assert world.run().result is Result.FAILED
    assert (world.label, world.progress.answer, world.progress.code) == (marks.FAILED, "answered 400", 400)


def test_killed_after_giving_up_the_next_says_the_same(store, make):
    """What the sink answered stands on the Job before the letter goes out."""
    store.put(make.finished("j"))
    world = World(store, plan=[SinkRefused("answered 400", status=400, body=b"why")])
    assert world.deliver().result is Result.LATER
    assert world.letters.taken == []
    other = World(store)
    assert other.run().result is Result.DELIVERED
    assert base64.b64decode(other.letters.taken[0].extensions["knativeerrordata"]) == b"why"


errors = st.sampled_from(
    [None, SinkUnavailable("u", status=503), SinkUnavailable("n"), SinkRefused("r", status=400), SinkGone("g")]
)


@given(outcomes=st.lists(errors, min_size=1, max_size=30), dead_letter=st.booleans(), step=st.integers(0, 4000))
def test_every_way_ends_and_says_how(outcomes, dead_letter, step):
    """Whatever is answered: pending until taken, dead or failed; dead only with a letter; nothing moves after its end."""
    letters = DeadLetter(sink=ListSink(), destination="http://bus/") if dead_letter else None
    target = Target(sink=ListSink(), retry=RETRY, dead_letter=letters)
    progress, now = Progress(since=NOW), NOW
    for error in outcomes:
        if not progress.pending:
            break
        assert progress.letter is None or dead_letter
        before = progress
        progress = advance(progress, error, target=target, now=now, random=random.random)
        assert load_delivery({marks.DELIVERY: dump_delivery({"bus": progress})}) == {"bus": progress}
        assert progress.attempts + (progress.letter.attempts if progress.letter else 0) == before.attempts + 1 + (
            before.letter.attempts if before.letter else 0
        )
        if error is None:
            assert progress.state == (marks.DEAD if before.letter else marks.DELIVERED)
        if progress.next:
            assert now <= progress.next <= progress.began + HOUR
        now += timedelta(seconds=step)
    assert (progress.state == marks.DEAD) <= dead_letter


@given(body=st.binary(max_size=3000))
def test_the_words_of_a_sink_can_always_be_decoded(body):
    """At most 1024 characters, cut between groups, so that base64 reads them."""
    target = Target(sink=ListSink(), dead_letter=DeadLetter(sink=ListSink(), destination="d"))
    letter = give_up(Progress(since=NOW, answer="x"), target, now=NOW, body=body).letter
    assert len(letter.data) <= 1024
    assert base64.b64decode(letter.data, validate=True) == (body or b"x")[:768]


class MemoryRecords:
    """Records by name, with versions and faults."""

    def __init__(self):
        self.held, self.down, self.versions, self.calls = {}, False, 0, []

    async def read(self, name):
        self._call("read")
        if name not in self.held:
            raise NotFound(name)
        return self.held[name]

    async def create(self, record):
        self._call("create")
        if record.name in self.held:
            raise Conflict(record.name)
        self._put(record)

    async def replace(self, record):
        self._call("replace")
        if self.held[record.name].version != record.version:
            raise Conflict(record.name)
        self._put(record)

    def _put(self, record):
        self.versions += 1
        self.held[record.name] = Record(name=record.name, data=record.data, version=str(self.versions))

    def _call(self, what):
        self.calls.append(what)
        if self.down:
            raise ClusterUnavailable("down")


def remembered(records, declared, *, at, letters=None):
    """The memory of a replica that was started at a time with these sinks."""

    async def restore(name, memento):
        if not memento.get("dead_letter"):
            return None
        return Target(sink=None, dead_letter=DeadLetter(sink=letters or ListSink(), destination=memento["destination"]))

    return Remembered(records, declared, signature="jobhook", restore=restore, now=lambda: at)


MEMENTO = {"destination": "http://bus/", "dead_letter": "http://dead/"}


def test_a_removed_sink_has_its_dead_letter_from_the_record(store, make):
    """A replica that was never told of the sink sends what it owes where another was told to."""
    records, letters = MemoryRecords(), ListSink("letters")
    asyncio.run(remembered(records, {"bus": MEMENTO}, at=NOW - HOUR).look())
    memory = remembered(records, {}, at=NOW, letters=letters)
    asyncio.run(memory.look())
    store.put(make.finished("j", annotations={marks.DELIVERY: dump_delivery({"bus": Progress(since=NOW)})}))
    world = World(store, removed=memory, declared=False)
    assert world.run().result is Result.DELIVERED
    assert (world.label, letters.taken[0].extensions["knativeerrordest"]) == (marks.DEAD, "http://bus/")
    assert base64.b64decode(letters.taken[0].extensions["knativeerrordata"]) == b"the sink was removed"


def test_a_removed_sink_without_a_dead_letter_has_failed(store, make):
    """Nothing is known of where its events should go."""
    records = MemoryRecords()
    asyncio.run(remembered(records, {"bus": {}}, at=NOW - HOUR).look())
    memory = remembered(records, {}, at=NOW)
    asyncio.run(memory.look())
    store.put(make.finished("j", annotations={marks.DELIVERY: dump_delivery({"bus": Progress(since=NOW)})}))
    assert World(store, removed=memory, declared=False).run().result is Result.FAILED


def test_a_dead_letter_that_was_removed_has_failed(store, make):
    """A letter under way whose address was taken out of the configuration is kept as failed."""
    letter = Letter(since=NOW, code=400, data="eA==")
    store.put(
        make.finished("j", annotations={marks.DELIVERY: dump_delivery({"bus": Progress(since=NOW, letter=letter)})})
    )
    world = World(store, dead_letter=False)
    assert world.run().result is Result.FAILED
    assert (world.progress.answer, world.sink.taken) == ("the dead letter was removed", [])


def test_during_a_rollout_a_new_sink_is_not_given_up_by_an_old_replica():
    """What a replica that started later declares is its matter; what one that started earlier did was removed."""
    records = MemoryRecords()
    old = remembered(records, {"a": MEMENTO}, at=NOW)
    asyncio.run(old.look())
    asyncio.run(remembered(records, {"b": MEMENTO}, at=NOW + timedelta(minutes=1)).look())
    new = remembered(records, {"b": MEMENTO}, at=NOW + timedelta(minutes=2))
    asyncio.run(new.look())
    moment = NOW + timedelta(minutes=3)
    # Before it looks again, the old one has never heard of b, and waits for the grace to be over.
    assert not old.decided("b", since=moment, now=moment)
    assert old.decided("b", since=moment, now=moment + timedelta(minutes=5))
    asyncio.run(old.look())
    assert not old.decided("b", since=moment, now=moment + timedelta(days=1))
    assert new.decided("a", since=moment, now=moment)


def test_a_record_that_cannot_be_read_decides_nothing_for_a_day(store, make):
    """Not known is not removed: the Job is looked at again."""
    records = MemoryRecords()
    records.down = True
    memory = remembered(records, {}, at=NOW)
    with pytest.raises(ClusterUnavailable):
        asyncio.run(memory.look())
    store.put(make.finished("j", annotations={marks.DELIVERY: dump_delivery({"bus": Progress(since=NOW)})}))
    world = World(store, removed=memory, declared=False)
    verdict = world.deliver()
    assert (verdict.result, verdict.parked, store.calls) == (Result.LATER, None, [])
    assert verdict.at - NOW >= timedelta(seconds=30)
    world.now += timedelta(days=1)
    assert world.run().result is Result.FAILED


def test_two_replicas_that_start_at_once_lose_none_of_each_others_sinks():
    """The record is compared and swapped: the second reads what the first wrote, and a spoiled one is written anew."""
    records = MemoryRecords()

    async def main():
        one, two = (remembered(records, {name: MEMENTO}, at=NOW) for name in "ab")
        await asyncio.gather(one.look(), two.look())
        third = remembered(records, {}, at=NOW + HOUR)
        await third.look()
        return third

    third = asyncio.run(main())
    assert third.target("a") is not None
    assert third.target("b") is not None
    [name] = records.held
    records.held[name] = Record(name=name, data={"sinks.json": b"spoiled"}, version=records.held[name].version)
    asyncio.run(remembered(records, {"c": MEMENTO}, at=NOW).look())
    assert b'"c"' in records.held[name].data["sinks.json"]


def test_nothing_is_written_where_nothing_changed():
    """Looking again costs one read."""
    records = MemoryRecords()
    memory = remembered(records, {"a": MEMENTO}, at=NOW)
    asyncio.run(memory.look())
    asyncio.run(memory.look())
    assert records.calls == ["read", "create", "read"]


def again(store, *sinks, name="j", declared=("bus",)):
    return asyncio.run(redeliver(store, name, sinks, declared=declared, now=NOW, metrics=Metrics()))


def closed(make, **delivery):
    state = marks.FAILED if any(one.state == marks.FAILED for one in delivery.values()) else marks.DELIVERED
    return make.finished(
        "j", labels={marks.COMPLETION: state}, annotations={marks.DELIVERY: dump_delivery(delivery), marks.CLAIM: "x"}
    )


def test_redelivery_sets_back_what_did_not_arrive(store, make):
    """Failed and dead are pending again with their attempts kept; delivered stays; the claim goes, the label is pending."""
    store.put(
        closed(
            make,
            a=Progress(since=NOW - HOUR, state=marks.FAILED, attempts=7, answer="answered 400", code=400),
            b=Progress(since=NOW - HOUR, state=marks.DEAD, attempts=2, letter=Letter(since=NOW, code=1, data="")),
            c=Progress(since=NOW - HOUR, state=marks.DELIVERED, attempts=1, answer="taken"),
        )
    )
    delivery = again(store)
    job = store.held["j"]
    assert job.labels[marks.COMPLETION] == marks.PENDING
    assert marks.CLAIM not in job.annotations
    assert load_delivery(job.annotations) == delivery
    assert {name: one.state for name, one in delivery.items()} == {"a": "pending", "b": "pending", "c": "delivered"}
    assert (delivery["a"].attempts, delivery["a"].since, delivery["b"].letter) == (0, NOW, None)
    assert [(one.state, one.attempts, one.answer) for one in delivery["a"].earlier] == [("failed", 7, "answered 400")]


def test_redelivery_of_what_arrived_everywhere_or_nowhere(store, make):
    """Delivered everywhere, all get it again; a Job that no sink wanted has its sinks chosen anew."""
    store.put(closed(make, bus=Progress(since=NOW, state=marks.DELIVERED, attempts=1)))
    assert again(store)["bus"].pending
    store.put(make.finished("none", labels={marks.COMPLETION: marks.DELIVERED}))
    assert again(store, name="none") == {}
    assert marks.DELIVERY not in store.held["none"].annotations
    world = World(store)
    assert world.run("none").result is Result.DELIVERED
    assert len(world.sink.taken) == 1


def test_redelivery_to_one_sink(store, make):
    """Only there, also to one that was declared later; a name that nobody knows is refused."""
    store.put(closed(make, a=Progress(since=NOW, state=marks.FAILED), b=Progress(since=NOW, state=marks.FAILED)))
    assert {name: one.state for name, one in again(store, "a").items()} == {"a": "pending", "b": "failed"}
    assert again(store, "bus")["bus"] == Progress(since=NOW)
    with pytest.raises(ValueRefused, match="nobody"):
        again(store, "nobody")


def test_redelivery_keeps_the_last_five_rounds(store, make):
    """The history is bounded, and the newest is in it."""
    store.put(closed(make, bus=Progress(since=NOW, state=marks.FAILED, attempts=1, answer="0")))
    for number in range(1, 9):
        delivery = again(store)
        store.put(
            closed(
                make,
                bus=Progress(
                    since=NOW, state=marks.FAILED, attempts=1, answer=str(number), earlier=delivery["bus"].earlier
                ),
            )
        )
    assert [one.answer for one in delivery["bus"].earlier] == ["3", "4", "5", "6", "7"]


def test_redelivery_refuses_what_has_no_completion(store, make):
    """A Job that runs, one that bears no mark of ours, and none at all."""
    from changed import replace

    store.put(replace(make.finished("runs"), end=None))
    foreign = make.finished("foreign")
    store.put(replace(foreign, labels={marks.MANAGED_BY: "jobhook"}, annotations={}))
    with pytest.raises(NotFinished):
        again(store, name="runs")
    for name in ("foreign", "nobody"):
        with pytest.raises(NotFound):
            again(store, name=name)
    assert not [call for call in store.calls if call[0] == "patch"]


def test_redelivery_during_a_delivery_is_not_marked_over(store, make):
    """A try under way whose claim was taken away decides anew: the order stands, and the sink may get it twice."""
    delivery = {"bus": Progress(since=NOW), "old": Progress(since=NOW, state=marks.FAILED)}
    store.put(make.finished("j", annotations={marks.DELIVERY: dump_delivery(delivery)}))
    world = World(store)
    ordered = []

    class Ordering(ListSink):
        async def send(self, event):
            if not ordered:
                ordered.append(await redeliver(store, "j", ["old"], declared=["bus"], now=NOW, metrics=Metrics()))
            await super().send(event)

    world.courier.targets["bus"] = Target(sink=(sink := Ordering()), retry=RETRY)
    world.courier.targets["old"] = Target(sink=(old := ListSink("old")), retry=RETRY)
    world.courier._trial._breaker("old")
    assert world.run().result is Result.DELIVERED
    assert len(old.taken) == 1
    assert len(sink.taken) == 2
    assert {one.state for one in load_delivery(store.held["j"].annotations).values()} == {marks.DELIVERED}


def test_a_sweep_sends_dead_letters_too(store, make):
    """Where the cleanup is the only thing that runs, two of its passes are enough."""
    store.put(make.finished("j"))
    world = World(store, plan=[SinkRefused("answered 400", status=400)])
    for _ in range(2):
        asyncio.run(deliver_outstanding(store, world.courier, budget=timedelta(seconds=30)))
    assert (world.label, len(world.letters.taken)) == (marks.DEAD, 1)


def test_an_older_annotation_is_read(store, make):
    """Progress that was written before there were letters goes on as it is."""
    text = '{"bus":{"state":"pending","attempts":3,"next":null,"since":"2026-01-02T00:00:00Z"}}'
    assert load_delivery({marks.DELIVERY: text}) == {"bus": Progress(since=NOW, attempts=3)}
    assert Claim.load({marks.CLAIM: "spoiled"}) is None
