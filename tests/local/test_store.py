"""The store says truly what is on disk: what it cannot write it does not answer."""

import asyncio
import contextlib
import resource
import shutil
import signal
import sqlite3

import pytest

from webhook.clusters.local import LocalCluster, controller, run
from webhook.clusters.local.feed import Feed, Source, follow
from webhook.clusters.local.store import FILE
from webhook.clusters.local.tables import Stored
from webhook.errors import ClusterUnavailable, ConfigurationError
from webhook.job import State
from webhook.ports import Record, Seen


@contextlib.contextmanager
def no_space():
    """No file of this process may grow: what a full disk is to SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_is_unavailable_and_passes(machine):
    """Nothing is created, nothing is lost, reading goes on; and when there is space again all is well."""

    async def scenario(cluster):
        kept = await cluster.jobs.create(machine.job("kept", suspend=True))
        with no_space():
            with pytest.raises(ClusterUnavailable) as caught:
                await cluster.jobs.create(machine.job("a"))
            with pytest.raises(ClusterUnavailable):
                await cluster.records.create(Record(name="r", data={}))
            with pytest.raises(ClusterUnavailable):
                await cluster.jobs.patch("kept", {"metadata": {"labels": {"a": "b"}}}, resource_version=None)
            assert caught.value.sent is False
            assert await cluster.jobs.read("kept") == kept
        job, _ = await machine.run(cluster, machine.job("a"))
        assert job.state is State.SUCCEEDED

    machine.play(scenario)


def test_an_end_that_could_not_be_written_is_written_later(machine):
    """A Job whose process ends while the store cannot be written is finished when it can."""

    async def scenario(cluster):
        flag = machine.folder / "flag"
        await cluster.jobs.create(machine.job("a", f"until test -e {flag}; do sleep 0.02; done"))
        await machine.until(cluster, "a", lambda job: job.state is State.RUNNING)
        with contextlib.closing(sqlite3.connect(machine.folder / FILE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            flag.touch()
            # Longer than a write waits for the lock, so that at least one has failed.
            await asyncio.sleep(3)
            assert (await cluster.jobs.read("a")).end is None
        assert (await machine.ended(cluster, "a")).state is State.SUCCEEDED

    machine.play(scenario)


def test_a_locked_file_is_unavailable(machine):
    """Another program that holds the file's lock is waited for, but not for ever; the event loop goes on meanwhile."""

    async def scenario(cluster):
        other = sqlite3.connect(machine.folder / FILE, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            create = asyncio.create_task(cluster.jobs.create(machine.job("a", suspend=True)))
            ticks = 0
            while not create.done():
                await asyncio.sleep(0.01)
                ticks += 1
            assert ticks > 20
            with pytest.raises(ClusterUnavailable, match="locked"):
                await create
            other.execute("ROLLBACK")
            await cluster.jobs.create(machine.job("a", suspend=True))
        finally:
            other.close()

    machine.play(scenario)


@pytest.mark.parametrize("loss", ["file", "folder", "replaced"])
def test_a_removed_file_is_unavailable(machine, loss):
    """SQLite itself would go on into the nameless file: an answer then would be a lie."""

    async def scenario(cluster):
        await cluster.jobs.create(machine.job("a", suspend=True))
        if loss == "folder":
            shutil.rmtree(machine.folder)
        else:
            (machine.folder / FILE).rename(machine.folder / "away")
        if loss == "replaced":
            (machine.folder / FILE).touch()
        with pytest.raises(ClusterUnavailable):
            await cluster.jobs.create(machine.job("b", suspend=True))
        with pytest.raises(ClusterUnavailable):
            await cluster.jobs.ping()

    machine.play(scenario)


def test_a_file_that_is_none_of_ours_stops_the_start(machine):
    """What is no store, or one of a newer release, is not overwritten."""

    async def nothing(cluster):
        pass

    machine.folder.mkdir()
    (machine.folder / FILE).write_bytes(b"not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        machine.play(nothing)
    (machine.folder / FILE).unlink()
    with contextlib.closing(sqlite3.connect(machine.folder / FILE)) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError, match="newer jobhook"):
        machine.play(nothing)


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path):
    """The message names the folder and the setting."""
    (tmp_path / "file").touch()

    async def enter():
        async with LocalCluster(tmp_path / "file" / "data"):
            pass

    with pytest.raises(ConfigurationError, match="JOBHOOK_DATA"):
        asyncio.run(enter())


def test_a_closed_store_is_unavailable(machine):
    """After leaving, every call says so instead of waiting for ever."""

    async def scenario():
        async with machine.open() as cluster:
            pass
        with pytest.raises(ClusterUnavailable):
            await cluster.jobs.create(machine.job("a"))
        with pytest.raises(ClusterUnavailable):
            await cluster.jobs.read("a")

    asyncio.run(scenario())


def test_a_follow_ends_with_the_cluster(machine):
    """Who follows hears of it."""

    async def scenario():
        async with machine.open() as cluster:
            changes = cluster.jobs.follow()
            while (await anext(changes)).seen is not Seen.SYNCED:
                pass
        with pytest.raises(ClusterUnavailable):
            await anext(changes)

    asyncio.run(scenario())


def test_many_creates_share_commits(machine):
    """A burst is on disk in little time, and each is answered."""

    async def scenario(cluster):
        names = [f"a{number}" for number in range(300)]
        await asyncio.gather(*(cluster.jobs.create(machine.job(name, suspend=True)) for name in names))
        page = await cluster.jobs.list()
        assert {job.name for job in page.jobs} == set(names)

    machine.play(scenario)


def test_an_idle_follow_is_told_that_all_is_well(machine, monkeypatch):
    """ALIVE comes while nothing changes, and only while the store answers."""
    from datetime import timedelta

    from webhook.clusters.local import jobs as module

    source = module.Source
    monkeypatch.setattr(module, "Source", lambda **fields: source(alive_every=timedelta(milliseconds=20), **fields))

    async def scenario(cluster):
        changes = cluster.jobs.follow()
        while (await anext(changes)).seen is not Seen.ALIVE:
            pass
        await changes.aclose()

    machine.play(scenario)


def test_a_slow_follower_lists_anew(monkeypatch):
    """Rather than keep changes without end, the backlog drops them and says so."""
    from webhook.clusters.local import feed as module

    monkeypatch.setattr(module, "MAX_WAITING", 3)

    async def scenario():
        feed = Feed()
        with feed.backlog() as backlog:
            for version in range(5):
                feed.publish(Stored("jobs", "a", version, None))
            assert backlog.overrun()
            backlog.restart()
            assert not backlog.overrun()

    asyncio.run(scenario())


def test_a_follow_does_not_go_back():
    """A change that the list holds already, and one that is older, are not told again."""

    async def scenario():
        feed = Feed()

        async def page(after):
            for version in (5, 7):
                feed.publish(Stored("jobs", "a", version, f"v{version}"))
            feed.publish(Stored("jobs", "b", 4, "deleted before", gone=True))
            return [] if after else [Stored("jobs", "a", 7, "v7"), Stored("jobs", "b", 6, "made again")]

        async def ping():
            pass

        changes = follow(feed, Source(page=page, selected=lambda value: True, ping=ping))
        told = [await anext(changes) for _ in range(4)]
        assert [value for _, value in told] == [None, "v7", "made again", None]
        feed.publish(Stored("jobs", "a", 8, "v8"))
        assert await anext(changes) == (Seen.PRESENT, "v8")
        feed.publish(Stored("jobs", "b", 9, "gone", gone=True))
        assert await anext(changes) == (Seen.GONE, "gone")
        await changes.aclose()

    asyncio.run(scenario())


def test_a_fault_of_ours_does_not_strand_a_job(machine, monkeypatch):
    """Whatever breaks a Job's task: it goes on from what is on disk."""
    decide, calls = run.decide, []

    def broken_once(*values, **named):
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        return decide(*values, **named)

    monkeypatch.setattr(run, "decide", broken_once)
    monkeypatch.setattr(controller, "BROKEN_SECONDS", 0.02)

    async def scenario(cluster):
        job, _ = await machine.run(cluster, machine.job("a"))
        assert job.state is State.SUCCEEDED

    machine.play(scenario)


def test_a_follow_waits_a_fault_out(machine):
    """A store that cannot be read for a while is listed again when it can."""

    async def scenario(cluster):
        await cluster.jobs.create(machine.job("a", suspend=True))
        changes = cluster.jobs.follow()
        assert (await anext(changes)).seen is Seen.LISTING
        away = machine.folder / "away"
        (machine.folder / FILE).rename(away)
        waiting = asyncio.create_task(anext(changes))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        away.rename(machine.folder / FILE)
        kinds = [(await waiting).seen]
        while kinds[-1] is not Seen.SYNCED:
            kinds.append((await anext(changes)).seen)
        assert kinds == [Seen.LISTING, Seen.PRESENT, Seen.SYNCED]
        await changes.aclose()

    machine.play(scenario)
