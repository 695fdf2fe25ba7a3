"""What launches ask: known, unknown, or not to be known now; never a wrong "unknown"."""

import asyncio
from datetime import timedelta

import pytest

from webhook.errors import ClusterUnavailable, Expired
from webhook.metrics import Metrics


def soon(seconds=5.0):
    return asyncio.get_running_loop().time() + seconds


def pass_time(replica, clock, seconds):
    """Let time pass for a process that runs: its tick is each five seconds in truth."""
    for _ in range(0, seconds, 5):
        clock.advance(5)
        replica._fresh.tick(clock())


async def entered(make, store, *keys):
    async with make(store).writing() as clerk:
        await clerk.enter(keys)


def test_a_key_is_known_on_every_replica(make, store, running, until, job_key):
    """What one replica's sweep wrote, another's launches know by watch, without a call."""

    async def play():
        async with running(make(store)) as other:
            assert not await other.remembers(job_key(1), deadline=soon())
            lists = store.lists
            await entered(make, store, job_key(1), job_key(2))
            await until(lambda: any(record.data["keys"] for record in store.held.values()))
            lists = store.lists
            while not await other.remembers(job_key(1), deadline=soon()):
                await asyncio.sleep(0)
            assert await other.remembers(job_key(2), deadline=soon())
            assert not await other.remembers(job_key(3), deadline=soon())
            assert store.lists == lists

    asyncio.run(play())


def test_a_silent_copy_is_listed_before_it_says_no(make, store, clock, running, job_key):
    """A watch that is mute for more than 90 s is not believed: one list, and the key is found."""

    async def play():
        async with running(make(store)) as replica:
            store.mute = True
            await entered(make, store, job_key(1))
            lists = store.lists
            pass_time(replica, clock, 90)
            assert not await replica.remembers(job_key(1), deadline=soon())
            assert store.lists == lists
            pass_time(replica, clock, 5)
            answers = await asyncio.gather(*(replica.remembers(job_key(1), deadline=soon()) for _ in range(20)))
            assert answers == [True] * 20
            assert store.lists == lists + 1
            assert not await replica.remembers(job_key(2), deadline=soon())
            assert store.lists == lists + 1

    asyncio.run(play())


def test_a_stale_copy_that_cannot_be_listed_is_no_answer(make, store, clock, running, job_key):
    """No list, no "unknown": whoever asks is told that it cannot be known; a key that is known stays known."""

    async def play():
        await entered(make, store, job_key(1))
        async with running(make(store)) as replica:
            clock.advance(91)
            store.down = True
            with pytest.raises(ClusterUnavailable):
                await replica.remembers(job_key(2), deadline=soon())
            assert await replica.remembers(job_key(1), deadline=soon())
            store.down, store.slow = False, asyncio.Event()
            with pytest.raises(ClusterUnavailable, match="in time"):
                await replica.remembers(job_key(2), deadline=soon(0.02))
            store.slow.set()
            assert not await replica.remembers(job_key(2), deadline=soon())

    asyncio.run(play())


def test_any_failure_of_the_list_may_pass(make, store, running, job_key, monkeypatch):
    """A list whose pages ran out of time is no other kind of error for a launch."""

    async def expired(labels=None):
        raise Expired("too old")

    async def play():
        monkeypatch.setattr(store, "list", expired)
        with pytest.raises(ClusterUnavailable):
            await make(store).remembers(job_key(1), deadline=soon())

    asyncio.run(play())


def test_bookmarks_keep_the_copy_believed(make, store, *, clock, running, until, job_key):
    """While the store says every minute that nothing is missing, no launch lists."""

    async def play():
        metrics = Metrics()
        async with running(make(store, metrics=metrics)) as replica:
            lists = store.lists
            for _ in range(30):
                pass_time(replica, clock, 10)
                store.alive()
                await until(lambda: b"jobhook_ledger_age_seconds 0.0" in metrics.text())
                assert not await replica.remembers(job_key(1), deadline=soon())
            assert store.lists == lists

    asyncio.run(play())


def test_changes_alone_do_not_keep_it_believed(make, store, clock, running, job_key):
    """A connection that comes back tells old changes first: only a bookmark or a list says that nothing is missing."""

    async def play():
        async with running(make(store)) as replica:
            pass_time(replica, clock, 80)
            await entered(make, store, job_key(1))
            while not await replica.remembers(job_key(1), deadline=soon()):
                await asyncio.sleep(0)
            lists = store.lists
            pass_time(replica, clock, 15)
            assert not await replica.remembers(job_key(2), deadline=soon())
            assert store.lists == lists + 1

    asyncio.run(play())


def test_a_list_begun_too_long_ago_is_not_enough(make, store, clock, job_key):
    """Who joins a list that hangs, and that ends too late to be new, lists again."""

    async def play():
        replica = make(store)
        store.slow = asyncio.Event()
        first = asyncio.create_task(replica.remembers(job_key(1), deadline=soon()))
        while not store.lists:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        old, store.slow = store.slow, None
        clock.advance(200)
        await entered(make, store, job_key(1))
        lists = store.lists
        second = asyncio.create_task(replica.remembers(job_key(1), deadline=soon()))
        await asyncio.sleep(0.01)
        assert not second.done()
        old.set()
        assert await second
        assert store.lists == lists + 1
        await first

    asyncio.run(play())


def test_a_paused_process_does_not_believe_what_it_reads_next(make, store, clock, running, job_key):
    """After SIGSTOP the lines that wait in the socket are old: a bookmark among them confirms nothing until a list."""

    async def play():
        async with running(make(store)) as replica:
            replica._fresh.tick(clock())
            store.mute = True
            await entered(make, store, job_key(1))
            clock.advance(400)
            store.alive()
            await asyncio.sleep(0.01)
            lists = store.lists
            assert await replica.remembers(job_key(1), deadline=soon())
            assert store.lists == lists + 1

    asyncio.run(play())


def test_a_short_settle_shortens_the_silence(make, store, clock, running, job_key):
    """Whoever lets Jobs go after 10 s has copies that are believed for 3 s."""

    async def play():
        async with running(make(store, settle=timedelta(seconds=10))) as replica:
            lists = store.lists
            clock.advance(3.5)
            assert not await replica.remembers(job_key(1), deadline=soon())
            assert store.lists == lists + 1

    asyncio.run(play())


def test_what_was_deleted_is_forgotten(make, store, *, clock, running, until, job_key):
    """A segment that goes takes its keys along, told by the watch or missing in a list."""

    async def play():
        metrics = Metrics()
        await entered(make, store, job_key(1))
        async with running(make(store, metrics=metrics)) as replica:
            assert await replica.remembers(job_key(1), deadline=soon())
            assert b"jobhook_ledger_keys 1.0" in metrics.text()
            (name,) = store.held
            await store.delete(name)
            await until(lambda: b"jobhook_ledger_keys 0.0" in metrics.text())
            assert not await replica.remembers(job_key(1), deadline=soon())
            await entered(make, store, job_key(2))
            store.mute = True
            for name in list(store.held):
                await store.delete(name)
            clock.advance(91)
            assert not await replica.remembers(job_key(3), deadline=soon())
            assert not await replica.remembers(job_key(2), deadline=soon())

    asyncio.run(play())


def test_a_list_brings_nothing_back(make, store, *, clock, running, until, job_key):
    """What went while a list was on its way stays gone, though the list holds it."""

    async def play():
        await entered(make, store, job_key(1))
        (name,) = store.held
        metrics = Metrics()
        async with running(make(store, metrics=metrics)) as replica:
            clock.advance(91)
            store.slow = asyncio.Event()
            asked = asyncio.create_task(replica.remembers(job_key(2), deadline=soon()))
            await until(lambda: store.lists == 2)
            await asyncio.sleep(0.01)
            await store.delete(name)
            await until(lambda: b"jobhook_ledger_keys 0.0" in metrics.text())
            store.slow.set()
            assert not await asked
            assert not await replica.remembers(job_key(1), deadline=soon())

    asyncio.run(play())


def test_a_watch_that_breaks_is_begun_anew(make, store, *, running, until, job_key, monkeypatch):
    """An iterator that raises, ends, or is left unclosed costs a pause; nothing of it stays at the end."""
    follow, starts = store.follow, []

    async def broken(labels=None):
        starts.append(labels)
        async for change in follow(labels):
            yield change
            if len(starts) < 3 and change.record is None:
                if len(starts) == 1:
                    raise RuntimeError("broken")
                return

    async def play():
        monkeypatch.setattr(store, "follow", broken)
        monkeypatch.setattr("random.uniform", lambda low, high: 0.0)
        async with running(make(store)) as replica:
            await until(lambda: len(starts) == 3)
            await until(lambda: store.followers == 1)
            assert replica._shelf._listings == []
        await until(lambda: store.followers == 0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(play())


def test_what_is_no_segment_is_left_out(make, store, running, job_key, stores):
    """A record that cannot be read hides nothing else, and is not deleted."""

    async def play():
        await entered(make, store, job_key(1))
        (good,) = store.held.values()
        for name, data, labels in [
            ("odd", {"keys": b"x" * 17}, good.labels),
            ("undated", {"keys": b"x" * 16}, {"jobhook.dev/ledger": "segment"}),
            ("latin", {"keys": b"x" * 16, "replaces": b"\xff"}, good.labels),
        ]:
            await store.create(type(good)(name=name, data=data, labels=labels, immutable=True))
        async with running(make(store)) as replica:
            assert await replica.remembers(job_key(1), deadline=soon())
        await entered(make, store, job_key(2))
        assert {"odd", "undated", "latin"} <= store.held.keys()

    asyncio.run(play())
