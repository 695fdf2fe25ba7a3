"""Claims, tries and marks: on a store with resourceVersions and over real HTTP."""

import asyncio
import contextlib
import json
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from webhook import marks
from webhook.completion import completion_event
from webhook.delivery import Courier, Deliverer, Result, Retry, Target, deliver_outstanding
from webhook.errors import ClusterUnavailable, SinkGone, SinkRefused, SinkUnavailable
from webhook.follow import Follower
from webhook.metrics import Metrics
from webhook.progress import Claim, Progress, dump_delivery, load_delivery
from webhook.sinks import HttpSink, SinkConfig

COMPOSE = partial(completion_event, cluster_name="prod", signature="jobhook")
QUICK = Retry(first=timedelta(milliseconds=5), longest=timedelta(milliseconds=20), horizon=timedelta(hours=1))


class ListSink:
    """A sink in memory: raise what `plan` holds, then take all."""

    def __init__(self, name="bus", plan=(), *, types=()):
        self.name, self.plan, self.taken, self.types = name, list(plan), [], types

    def wants(self, event):
        return not self.types or event.type in self.types

    async def send(self, event):
        await asyncio.sleep(0)
        if self.plan and (error := self.plan.pop(0)):
            raise error
        self.taken.append(event)


class Clock:
    """A wall clock that stands until it is set."""

    def __init__(self):
        self.time = datetime(2026, 1, 2, tzinfo=UTC)

    def __call__(self):
        return self.time

    def pass_(self, **duration):
        self.time += timedelta(**duration)


def courier_for(
    jobs, *sinks, replica="a:1", retry=QUICK, now=None, metrics=None, timeout=timedelta(seconds=5), margin=None
):
    targets = [Target(sink=sink, retry=retry, timeout=timeout) for sink in sinks]
    more = ({"now": now} if now else {}) | ({"margin": margin} if margin else {})
    return Courier(
        jobs, targets, compose=COMPOSE, replica=replica, metrics=metrics or Metrics(), random=lambda: 0.5, **more
    )


@contextlib.asynccontextmanager
async def replica_on(jobs, *sinks, name="a:1", jitter=timedelta(milliseconds=5), **more):
    """A follower and a deliverer at work on a store."""
    metrics = Metrics()
    courier = courier_for(jobs, *sinks, replica=name, metrics=metrics, **more)
    deliverer = Deliverer(courier, jobs, metrics=metrics, random=random.random, jitter=jitter)
    follower = Follower(jobs, metrics=metrics)
    follower.subscribe(deliverer.heed)
    tasks = [asyncio.create_task(follower.run()), asyncio.create_task(deliverer.run())]
    try:
        yield deliverer
    finally:
        await deliverer.stop(timedelta(seconds=2))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def completion_of(store, name):
    return store.held[name].labels[marks.COMPLETION]


def test_delivers_and_marks(store, make):
    """One claim, one event, one mark: the claim is gone, the label says delivered, progress and data stay."""
    job = store.put(make.finished("j"))
    store.pods_of["j"] = [make.pod(containers=[make.ended(message="42")])]
    sink = ListSink()

    verdict = asyncio.run(courier_for(store, sink).deliver(job))

    assert verdict.result is Result.DELIVERED
    assert [event.id for event in sink.taken] == ["uid-j-finished"]
    assert sink.taken[0].data["result"] == 42
    after = store.held["j"]
    assert after.labels[marks.COMPLETION] == marks.DELIVERED
    assert marks.CLAIM not in after.annotations
    assert load_delivery(after.annotations)["bus"].state == marks.DELIVERED
    assert json.loads(after.annotations[marks.COMPLETION_DATA])["result"] == 42
    assert [call for call in store.calls if call[0] == "patch"] == [("patch", "j")] * 2


def test_the_claim_is_there_while_it_is_sent(store, make):
    """What is about to be sent stands in the store before the first byte goes out."""
    job = store.put(make.finished("j"))
    clock, seen = Clock(), []

    class Peeking(ListSink):
        async def send(self, event):
            seen.append(dict(store.held["j"].annotations))

    asyncio.run(courier_for(store, Peeking(), now=clock).deliver(job))

    claim = Claim.load(seen[0])
    assert claim == Claim(replica="a:1", until=clock() + timedelta(seconds=35))
    assert load_delivery(seen[0]) == {"bus": Progress(since=clock())}
    assert marks.COMPLETION_DATA in seen[0]


def test_no_sink_wants_it(store, make):
    """Without a sink that wants the event the Job is delivered by one patch and no claim."""
    job = store.put(make.finished("j"))
    sink = ListSink(types=["dev.jobhook.job.failed.v1"])
    assert asyncio.run(courier_for(store, sink).deliver(job)).result is Result.DELIVERED
    assert completion_of(store, "j") == marks.DELIVERED
    assert store.calls == [("patch", "j")]
    assert sink.taken == []


def test_a_job_that_is_not_outstanding_is_left(store, make):
    """Delivered, running and vanished Jobs cost no call that changes anything."""
    courier = courier_for(store, ListSink())
    done = store.put(make.finished("done", labels={marks.COMPLETION: marks.DELIVERED}))
    gone = make.finished("gone")
    assert asyncio.run(courier.deliver(done)).result is Result.LEFT
    assert asyncio.run(courier.deliver(gone)).result is Result.LEFT
    assert [call for call in store.calls if call[0] == "patch" and call[1] == "done"] == []


def test_another_replicas_live_claim_is_respected(store, make):
    """Until the claim's end nothing is done; after it the Job is taken over with the same bytes."""
    clock, sink = Clock(), ListSink()
    claim = Claim(replica="b:1", until=clock() + timedelta(seconds=10))
    job = store.put(make.finished("j", annotations={marks.CLAIM: claim.dump()}))
    courier = courier_for(store, sink, now=clock)

    verdict = asyncio.run(courier.deliver(job))
    assert (verdict.result, verdict.at) == (Result.LATER, claim.until)
    assert (sink.taken, store.calls) == ([], [])

    clock.pass_(seconds=10)
    assert asyncio.run(courier.deliver(job)).result is Result.DELIVERED


def test_a_replica_takes_its_own_old_claim_over_at_once(store, make):
    """What a replica claimed before it crashed does not keep it waiting after its start."""
    clock = Clock()
    claim = Claim(replica="a:1", until=clock() + timedelta(seconds=30))
    job = store.put(make.finished("j", annotations={marks.CLAIM: claim.dump()}))
    assert asyncio.run(courier_for(store, ListSink(), now=clock).deliver(job)).result is Result.DELIVERED


@pytest.mark.parametrize("spoiled", ["", "x", "[]", '{"replica": 1}', '{"until": "2026-01-01T00:00:00Z"}'])
def test_spoiled_annotations_lose_nothing(store, make, spoiled):
    """A claim or progress that cannot be read counts as none."""
    sink = ListSink()
    annotations = {marks.CLAIM: spoiled, marks.DELIVERY: spoiled, marks.COMPLETION_DATA: spoiled}
    job = store.put(make.finished("j", annotations=annotations))
    assert asyncio.run(courier_for(store, sink).deliver(job)).result is Result.DELIVERED
    assert len(sink.taken) == 1


def test_a_conflict_is_read_again_and_decided_anew(store, make):
    """A Job that changed since it was read is claimed as it is now; one that was delivered meanwhile is left."""
    sink = ListSink()
    stale = store.put(make.finished("j"))
    store.put(make.finished("j", labels={"touched": "yes"}))
    assert asyncio.run(courier_for(store, sink).deliver(stale)).result is Result.DELIVERED
    assert sink.taken[0].data["job"]["labels"]["touched"] == "yes"
    assert asyncio.run(courier_for(store, sink).deliver(stale)).result is Result.LEFT
    assert len(sink.taken) == 1


def test_a_change_while_it_is_sent_does_not_lose_the_mark(store, make):
    """A stranger's label between claim and mark is a conflict, not a second delivery."""
    job = store.put(make.finished("j"))

    class Meddling(ListSink):
        async def send(self, event):
            await store.patch("j", {"metadata": {"labels": {"touched": "yes"}}}, resource_version=None)
            await super().send(event)

    sink = Meddling()
    assert asyncio.run(courier_for(store, sink).deliver(job)).result is Result.DELIVERED
    assert store.held["j"].labels["touched"] == "yes"
    assert completion_of(store, "j") == marks.DELIVERED
    assert len(sink.taken) == 1


def test_waits_longer_from_try_to_try(store, make):
    """What a sink does not take is due again after first, 2·first, … with jitter, and Retry-After at least."""
    clock = Clock()
    plan = [SinkUnavailable("x"), SinkUnavailable("x"), SinkUnavailable("x", retry_after=timedelta(minutes=30))]
    sink = ListSink(plan=plan)
    retry = Retry(first=timedelta(seconds=10), longest=timedelta(seconds=60))
    courier = courier_for(store, sink, now=clock, retry=retry)
    store.put(make.finished("j"))
    waits = []
    for _ in plan:
        verdict = asyncio.run(courier.deliver(store.held["j"]))
        assert verdict.result is Result.LATER
        waits.append((verdict.at - clock()).total_seconds())
        early = asyncio.run(courier.deliver(store.held["j"]))
        assert early.at == verdict.at
        clock.time = verdict.at
    assert waits == [5.0, 10.0, 1800.0]
    assert load_delivery(store.held["j"].annotations)["bus"].attempts == 3
    assert asyncio.run(courier.deliver(store.held["j"])).result is Result.DELIVERED


def test_every_attempt_sends_the_same(store, make):
    """What changed after the first claim, the pods' end too, does not show in a later attempt."""
    sink = ListSink(plan=[None])
    broken = ListSink("broken", plan=[SinkUnavailable("x")])
    clock = Clock()
    store.put(make.finished("j"))
    store.pods_of["j"] = [make.pod(containers=[make.ended(message="first")])]
    courier = courier_for(store, sink, broken, now=clock)
    asyncio.run(courier.deliver(store.held["j"]))
    store.pods_of["j"] = []
    asyncio.run(store.patch("j", {"metadata": {"labels": {"new": "label"}}}, resource_version=None))
    clock.pass_(seconds=1)

    other = courier_for(store, ListSink(), broken, now=clock, replica="b:1")
    assert asyncio.run(other.deliver(store.held["j"])).result is Result.DELIVERED

    assert len(sink.taken) == 1
    assert broken.taken == sink.taken


def test_each_sink_has_progress_of_its_own(store, make):
    """A sink that took it is not asked again because another did not."""
    good, refusing = ListSink("good"), ListSink("refusing", plan=[SinkRefused("no", status=400)])
    slow = ListSink("slow", plan=[SinkUnavailable("x")])
    clock = Clock()
    store.put(make.finished("j"))
    courier = courier_for(store, good, refusing, slow, now=clock)
    assert asyncio.run(courier.deliver(store.held["j"])).result is Result.LATER
    assert completion_of(store, "j") == marks.PENDING
    clock.pass_(seconds=1)
    assert asyncio.run(courier.deliver(store.held["j"])).result is Result.FAILED
    assert completion_of(store, "j") == marks.FAILED
    assert (len(good.taken), len(slow.taken), len(refusing.taken)) == (1, 1, 0)
    states = {name: one.state for name, one in load_delivery(store.held["j"].annotations).items()}
    assert states == {"good": marks.DELIVERED, "slow": marks.DELIVERED, "refusing": marks.FAILED}


@pytest.mark.parametrize("error", [SinkRefused("no", status=400), SinkGone("gone", status=410)])
def test_what_is_refused_for_good_is_given_up(store, make, error):
    """A sink that will never take it is not asked twice."""
    job = store.put(make.finished("j"))
    assert asyncio.run(courier_for(store, ListSink(plan=[error])).deliver(job)).result is Result.FAILED
    assert completion_of(store, "j") == marks.FAILED


def test_past_the_horizon_it_is_given_up_after_one_last_try(store, make):
    """The time to retry counts from the first claim, and the last try is made at its very end."""
    clock = Clock()
    sink = ListSink(plan=[SinkUnavailable("x", retry_after=timedelta(hours=9))] * 2)
    courier = courier_for(store, sink, now=clock, retry=Retry(horizon=timedelta(hours=1)))
    store.put(make.finished("j"))
    begun = clock()
    verdict = asyncio.run(courier.deliver(store.held["j"]))
    assert verdict.at == begun + timedelta(hours=1)
    clock.time = verdict.at
    assert asyncio.run(courier.deliver(store.held["j"])).result is Result.FAILED
    assert sink.plan == []


def test_a_sink_that_was_removed_is_given_up(store, make):
    """Progress at a sink that is configured no more ends as failed; the others go on."""
    clock = Clock()
    delivery = {"old": Progress(since=clock()), "bus": Progress(since=clock())}
    sink = ListSink()
    job = store.put(make.finished("j", annotations={marks.DELIVERY: dump_delivery(delivery)}))
    assert asyncio.run(courier_for(store, sink, now=clock).deliver(job)).result is Result.FAILED
    assert len(sink.taken) == 1


def test_a_broken_sink_breaks_nothing_else(store, make):
    """An exception that no sink should raise counts as no answer."""
    good, bad = ListSink("good"), ListSink("bad", plan=[RuntimeError("bug")])
    job = store.put(make.finished("j"))
    assert asyncio.run(courier_for(store, bad, good).deliver(job)).result is Result.LATER
    assert load_delivery(store.held["j"].annotations)["bad"].attempts == 1
    assert len(good.taken) == 1


def test_a_sink_that_hangs_is_cut_off_before_the_claim_ends(store, make):
    """A sink that does not keep its own timeout is left a second after it."""

    class Hanging(ListSink):
        async def send(self, event):
            await asyncio.Event().wait()

    job = store.put(make.finished("j"))
    courier = courier_for(store, Hanging(), timeout=timedelta(seconds=-0.9))
    assert asyncio.run(courier.deliver(job)).result is Result.LATER


def test_a_store_that_is_away_is_waited_for(store, make):
    """Before the claim: later. Between claim and mark: until the claim ends, and the sink is not asked twice."""
    job = store.put(make.finished("j"))
    line = make.CutOff(store)
    sink = ListSink()

    class Cutting(ListSink):
        async def send(self, event):
            line.cut = True
            asyncio.get_running_loop().call_later(0.05, setattr, line, "cut", False)
            await sink.send(event)

    courier = courier_for(line, Cutting())
    line.cut = True
    assert asyncio.run(courier.deliver(job)).result is Result.LATER
    line.cut = False
    assert asyncio.run(courier.deliver(job)).result is Result.DELIVERED
    assert len(sink.taken) == 1


def test_a_mark_whose_answer_was_lost_is_not_sent_again(store, make):
    """The store took the mark, the answer did not come: the second try finds it done."""
    job = store.put(make.finished("j"))
    sink = ListSink()

    class Losing(make.CutOff):
        lost = 0

        async def patch(self, name, patch, *, resource_version):
            answer = await store.patch(name, patch, resource_version=resource_version)
            if marks.COMPLETION in patch["metadata"].get("labels", {}) and not self.lost:
                self.lost = 1
                raise ClusterUnavailable("no answer")
            return answer

    assert asyncio.run(courier_for(Losing(store), sink).deliver(job)).result is Result.LEFT
    assert completion_of(store, "j") == marks.DELIVERED
    assert len(sink.taken) == 1


def test_a_job_deleted_by_hand_is_left(store, make):
    """A Job that goes while its completion is sent leaves nothing behind."""
    job = store.put(make.finished("j"))

    class Deleting(ListSink):
        async def send(self, event):
            store.remove("j")

    assert asyncio.run(courier_for(store, Deleting()).deliver(job)).result is Result.LEFT


def test_cancelled_it_gives_its_claim_back_with_what_was_reached(store, make, until):
    """Another replica need not wait for the claim's end, nor ask the sink that took it."""
    good = ListSink("good")

    class Hanging(ListSink):
        async def send(self, event):
            await asyncio.Event().wait()

    async def main():
        job = store.put(make.finished("j"))
        task = asyncio.create_task(courier_for(store, good, Hanging("slow")).deliver(job))
        await until(lambda: good.taken)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    after = store.held["j"].annotations
    assert marks.CLAIM not in after
    assert {name: one.state for name, one in load_delivery(after).items()} == {
        "good": marks.DELIVERED,
        "slow": marks.PENDING,
    }


def test_the_watch_brings_it_to_a_real_sink(store, make, sink_server, until):
    """A Job that ends while the receiver runs is delivered over HTTP, retried through 503, 429, a reset and a hang."""

    async def main():
        async with sink_server() as server:
            server.plan = [503, (429, {"retry-after": "0"}, b""), "reset", "hang"]
            config = SinkConfig(name="bus", url=server.url, timeout=timedelta(seconds=0.3))
            async with HttpSink(config) as sink, replica_on(store, sink):
                store.put(make.finished("j"))
                await until(lambda: completion_of(store, "j") == marks.DELIVERED)
            server.release()
            return server

    server = asyncio.run(main())
    assert len(server.seen) >= 5
    assert len({body for *_, body in server.seen}) == 1
    assert set(server.ids) == {"uid-j-finished"}


def test_what_ended_while_the_receiver_was_down_is_delivered_after_its_start(store, make, until):
    """The first list is as good as a change, and a running Job is left alone."""
    for number in range(100):
        store.put(make.finished(f"j{number}"))
    sink = ListSink()

    async def main():
        async with replica_on(store, sink) as deliverer:
            await until(lambda: len(sink.taken) == 100)
            await until(lambda: deliverer.waiting == 0)

    asyncio.run(main())
    assert {job.labels[marks.COMPLETION] for job in store.held.values()} == {marks.DELIVERED}


def test_next_attempts_come_from_the_annotations_after_a_restart(store, make, until):
    """A restarted receiver waits for the time that was written down, and no longer."""
    now = datetime.now(UTC)
    soon = now + timedelta(seconds=0.3)
    progress = {"bus": Progress(since=now, attempts=3, next=soon)}
    store.put(make.finished("j", annotations={marks.DELIVERY: dump_delivery(progress)}))
    sink = ListSink()

    async def main():
        async with replica_on(store, sink):
            await until(lambda: sink.taken)
            return datetime.now(UTC)

    assert asyncio.run(main()) >= soon
    assert load_delivery(store.held["j"].annotations)["bus"].attempts == 4


def test_two_replicas_one_killed_mid_delivery(store, make, until):
    """Everything is delivered, each event in equal bytes, and no claim is left, though one replica just vanishes."""
    taken = defaultdict(set)
    count = 60

    class Sharing(ListSink):
        async def send(self, event):
            await asyncio.sleep(0.002)
            taken[event.id].add(json.dumps(event.data))

    async def main():
        line, brief = make.CutOff(store), {"timeout": timedelta(seconds=0.5), "margin": timedelta(seconds=0.5)}
        killed = replica_on(line, Sharing(), name="a:1", **brief)
        other = replica_on(store, Sharing(), name="b:1", **brief)
        async with other, killed:
            for number in range(count):
                store.put(make.finished(f"j{number}"))
            await until(lambda: len(taken) > count // 4)
            line.cut = True
            await until(lambda: all(completion_of(store, name) == marks.DELIVERED for name in store.held))

    asyncio.run(main())
    assert len(taken) == count
    assert all(len(bytes_) == 1 for bytes_ in taken.values())
    assert not any(marks.CLAIM in job.annotations for job in store.held.values())


def test_a_dead_sink_is_spared_and_found_again(store, make, until):
    """A few failures open the breaker: no claims while it is open, and all is delivered once the sink is back."""
    dead = SinkUnavailable("dead")

    class Dying(ListSink):
        down, tries = True, 0

        async def send(self, event):
            self.tries += 1
            if self.down:
                raise dead
            await super().send(event)

    sink = Dying()

    async def main():
        for number in range(300):
            store.put(make.finished(f"j{number:03}"))
        async with replica_on(store, sink) as deliverer:
            await until(lambda: sink.tries >= 9)
            # By its retries alone each Job would be tried some forty times in this half second.
            end = asyncio.get_running_loop().time() + 0.5
            await until(lambda: asyncio.get_running_loop().time() > end)
            tries, claims = sink.tries, len([call for call in store.calls if call[0] == "patch"])
            sink.down = False
            await until(lambda: len(sink.taken) == 300)
            await until(lambda: deliverer.waiting == 0)
            return tries, claims

    tries, claims = asyncio.run(main())
    assert tries < 60
    assert claims <= 2 * tries
    assert {job.labels[marks.COMPLETION] for job in store.held.values()} == {marks.DELIVERED}


def open_breaker(courier, sink, now):
    for _ in range(20):
        courier.breakers[sink].failed(now)


def test_a_job_parked_at_a_dead_sink_still_has_its_other_times(store, make):
    """With one sink blocked and another due later, the Job is looked at again when that is due, and not before."""
    clock = Clock()
    now = clock()
    delivery = {
        "dead": Progress(since=now, attempts=1, next=now - timedelta(minutes=1)),
        "slow": Progress(since=now, attempts=1, next=now + timedelta(minutes=1)),
    }
    job = store.put(make.finished("j", annotations={marks.DELIVERY: dump_delivery(delivery)}))
    courier = courier_for(store, ListSink("dead"), ListSink("slow"), now=clock)
    open_breaker(courier, "dead", now)
    verdict = asyncio.run(courier.deliver(job))
    assert (verdict.result, verdict.parked, verdict.at) == (Result.LATER, "dead", now + timedelta(minutes=1))
    assert store.calls == []


def test_patience_ends_at_a_dead_sink_too(store, make):
    """Blocked by the breaker until its horizon, a Job's completion is given up without another try."""
    clock = Clock()
    sink = ListSink("dead")
    courier = courier_for(store, sink, now=clock)
    delivery = {"dead": Progress(since=clock() - QUICK.horizon, attempts=9, next=clock())}
    job = store.put(make.finished("j", annotations={marks.DELIVERY: dump_delivery(delivery)}))
    open_breaker(courier, "dead", clock())
    assert asyncio.run(courier.deliver(job)).result is Result.FAILED
    assert sink.taken == []
    assert completion_of(store, "j") == marks.FAILED


def test_a_healthy_sink_does_not_wait_for_a_dead_one(store, make, until):
    """Each sink's breaker is its own."""

    class Dead(ListSink):
        async def send(self, event):
            raise SinkUnavailable("dead")

    good = ListSink("good")

    async def main():
        for number in range(100):
            store.put(make.finished(f"j{number}"))
        async with replica_on(store, Dead("dead"), good):
            await until(lambda: len(good.taken) == 100)

    asyncio.run(main())
    assert {job.labels[marks.COMPLETION] for job in store.held.values()} == {marks.PENDING}


def test_stop_frees_the_claims_in_time(store, make, until):
    """A graceful stop cancels what hangs, and leaves no claim behind."""

    class Hanging(ListSink):
        begun = 0

        async def send(self, event):
            self.begun += 1
            await asyncio.Event().wait()

    sink = Hanging()

    async def main():
        for number in range(10):
            store.put(make.finished(f"j{number}"))
        async with replica_on(store, sink, timeout=timedelta(seconds=60)) as deliverer:
            await until(lambda: sink.begun == 10)
            began = asyncio.get_running_loop().time()
            await deliverer.stop(timedelta(seconds=1))
            took = asyncio.get_running_loop().time() - began
            claimed = [name for name, job in store.held.items() if marks.CLAIM in job.annotations]
            return took, claimed

    took, claimed = asyncio.run(main())
    assert took < 5
    assert claimed == []
    assert {job.labels[marks.COMPLETION] for job in store.held.values()} == {marks.PENDING}


def test_a_stopped_deliverer_begins_nothing(store, make):
    """After `stop` the work ends by itself, and what comes then is left to others."""

    async def main():
        deliverer = Deliverer(courier_for(store, ListSink()), store, metrics=Metrics(), random=random.random)
        working = asyncio.create_task(deliverer.run())
        await asyncio.sleep(0)
        await deliverer.stop(timedelta(seconds=1))
        job = store.put(make.finished("late"))
        deliverer.heed(job.name, job)
        await asyncio.wait_for(working, 5)

    asyncio.run(main())
    assert store.calls == []


def test_one_pass_without_the_watch(store, make):
    """The sweep's pass carries what is outstanding on every page, and leaves running Jobs and what is not due."""
    for number in range(1100):
        store.put(make.finished(f"j{number:04}"))
    later = {"bus": Progress(since=datetime.now(UTC), attempts=1, next=datetime.now(UTC) + timedelta(hours=1))}
    store.put(make.finished("later", annotations={marks.DELIVERY: dump_delivery(later)}))
    sink = ListSink()
    store.expire_after = 1

    async def main():
        return await deliver_outstanding(store, courier_for(store, sink), budget=timedelta(seconds=30))

    done = asyncio.run(main())
    assert (done.delivered, done.failed, done.errors, done.more) == (1100, 0, 0, False)
    assert 1 <= done.later <= 33  # a list begun anew meets those that are being carried
    assert {frozenset(labels.items()) for labels in store.selectors} == {
        frozenset({marks.COMPLETION: marks.PENDING}.items())
    }


def test_a_pass_begins_nothing_after_its_budget(store, make):
    """With the budget spent it says that there is more."""
    for number in range(10):
        store.put(make.finished(f"j{number}"))
    sink = ListSink()
    ticks = iter(range(100))

    async def main():
        courier = courier_for(store, sink)
        return await deliver_outstanding(store, courier, budget=timedelta(seconds=4), clock=lambda: next(ticks))

    done = asyncio.run(main())
    assert done.more
    assert done.delivered == len(sink.taken) == 3


def test_counts_what_it_does(store, make):
    """Attempts by result, deliveries by outcome, and the time from the end to the delivery."""
    metrics = Metrics()
    sink = ListSink(plan=[SinkUnavailable("x")])
    clock = Clock()
    store.put(make.finished("j"))
    courier = courier_for(store, sink, metrics=metrics, now=clock)
    asyncio.run(courier.deliver(store.held["j"]))
    clock.pass_(seconds=1)
    asyncio.run(courier.deliver(store.held["j"]))
    text = metrics.text().decode()
    assert 'jobhook_delivery_attempts_total{result="unavailable",sink="bus"} 1.0' in text
    assert 'jobhook_delivery_attempts_total{result="taken",sink="bus"} 1.0' in text
    assert 'jobhook_deliveries_total{outcome="delivered",sink="bus"} 1.0' in text
    assert 'jobhook_delivery_seconds_count{sink="bus"} 1.0' in text
