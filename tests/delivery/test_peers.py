"""Who goes first: the rank of replicas, and how soon a completion goes out."""

import asyncio
import collections
import contextlib
import random
import time
from datetime import UTC, datetime, timedelta
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from webhook import marks
from webhook.completion import completion_event
from webhook.delivery import Courier, Deliverer, Target
from webhook.delivery.peers import MOST, RECENT, Peers
from webhook.follow import Follower
from webhook.metrics import Metrics
from webhook.progress import Claim

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SLOW = timedelta(milliseconds=300)

names = st.text(min_size=1, max_size=20)


@given(uids=st.lists(names, min_size=1, max_size=20), replicas=st.sets(names, min_size=1, max_size=6))
def test_of_all_that_know_each_other_exactly_one_goes_first(uids, replicas):
    """The rank is the same whoever asks."""
    every = {}
    for one in replicas:
        every[one] = Peers(one)
        for other in replicas:
            every[one].saw(other, NOW)
    for uid in uids:
        assert sum(peers.first(uid, NOW) for peers in every.values()) == 1


@given(uid=names)
def test_alone_it_always_goes_first(uid):
    """Its own claims make nobody a rival, nor does one that was not seen for a while."""
    peers = Peers("a:1")
    assert peers.first(uid, NOW)
    peers.saw("a:1", NOW)
    peers.saw("b:1", NOW - RECENT)
    assert peers.first(uid, NOW)


def test_one_that_goes_away_leaves_the_others_ranks_as_they_were():
    """Only the Jobs that it would have taken change hands, about a third of them."""
    three, two = Peers("a:1"), Peers("a:1")
    for name in ("b:1", "c:1"):
        three.saw(name, NOW)
    two.saw("b:1", NOW)
    uids = [str(number) for number in range(3000)]
    mine = {uid for uid in uids if three.first(uid, NOW)}
    assert mine <= {uid for uid in uids if two.first(uid, NOW)}
    assert 850 < len(mine) < 1150


def test_keeps_few():
    """Whoever writes claims under many names costs no memory."""
    peers = Peers("a:1")
    for number in range(10 * MOST):
        peers.saw(f"r{number}", NOW)
    assert len(peers._seen) == MOST


class SharedSink:
    """A sink that notes when which completion came."""

    name = "bus"

    def __init__(self):
        self.came = {}
        self.tries = collections.Counter()

    def wants(self, event):
        return True

    async def send(self, event):
        self.tries[event.subject] += 1
        self.came.setdefault(event.subject, time.monotonic())


@contextlib.asynccontextmanager
async def replica(store, sink, name):
    """A follower and a deliverer with the longest jitter always."""
    metrics = Metrics()
    courier = Courier(
        store,
        [Target(sink=sink)],
        compose=partial(completion_event, cluster_name="c", signature="jobhook"),
        replica=name,
        metrics=metrics,
        random=random.random,
    )
    deliverer = Deliverer(courier, store, metrics=metrics, random=lambda: 1.0, jitter=SLOW)
    follower = Follower(store, metrics=metrics)
    follower.subscribe(deliverer.heed)
    tasks = [asyncio.create_task(follower.run()), asyncio.create_task(deliverer.run())]
    await follower.wait_synced()
    try:
        yield
    finally:
        await deliverer.stop(timedelta(seconds=2))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def latencies(store, make, until, sink, count):
    """End Jobs one after the other; answer how long each completion took, in seconds, from the watch's news on."""
    took = []
    for number in range(count):
        began = time.monotonic()
        store.put(make.finished(f"j{number}"))
        name = f"j{number}"
        await until(lambda name=name: name in sink.came)
        await until(lambda name=name: store.held[name].labels[marks.COMPLETION] == marks.DELIVERED)
        took.append(sink.came[name] - began)
    return took


def test_one_replica_alone_does_not_wait(store, make, until):
    """Unloaded, far below the jitter: a hundred completions, each well within 100 ms but for a busy machine's one."""
    sink = SharedSink()

    async def main():
        async with replica(store, sink, "a:1"):
            return await latencies(store, make, until, sink, 100)

    took = sorted(asyncio.run(main()))
    assert took[-2] < 0.1, took[-5:]


def test_of_three_replicas_one_goes_at_once_and_the_others_let_it(store, make, until):
    """Once they know each other no completion waits for a jitter, and none is claimed by two."""
    sink = SharedSink()

    async def main():
        async with replica(store, sink, "a:1"), replica(store, sink, "b:1"), replica(store, sink, "c:1"):
            for name in ("a:1", "b:1", "c:1"):  # by their claims they get to know each other
                claim = Claim(replica=name, until=NOW)
                store.put(make.finished(f"of-{name[0]}", annotations={marks.CLAIM: claim.dump()}))
            await until(lambda: all(job.labels[marks.COMPLETION] == marks.DELIVERED for job in store.held.values()))
            store.calls.clear()
            return await latencies(store, make, until, sink, 60)

    took = sorted(asyncio.run(main()))
    assert took[-2] < 0.1, took[-5:]
    patches = [call for call in store.calls if call[0] == "patch"]
    assert len(patches) <= 2 * 60 + 4  # a claim and a mark each; a few for a busy machine


def test_a_dead_first_replica_costs_the_jitter_and_no_more(store, make, until):
    """A claim of a replica that is gone by now: its share of the Jobs waits for the jitter, and is delivered."""
    sink = SharedSink()
    gone = Claim(replica="gone:1", until=NOW)

    async def main():
        async with replica(store, sink, "a:1"):
            store.put(make.finished("old", annotations={marks.CLAIM: gone.dump()}))
            await until(lambda: "old" in sink.came)
            return await latencies(store, make, until, sink, 12)

    took = asyncio.run(main())
    assert len(sink.tries) == 13
    assert max(took) < SLOW.total_seconds() + 1
