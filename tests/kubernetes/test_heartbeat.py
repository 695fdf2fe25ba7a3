"""Whether the API server is there: known by any answer, asked where it says nothing, and never guessed."""

import asyncio
import contextlib
import types

import pytest

from webhook.compose import _readiness
from webhook.errors import ClusterUnavailable, NotPermitted
from webhook.heartbeat import Rhythm, heartbeat

ALL_WELL = types.SimpleNamespace(synced=True, problem=None)


class Life:
    """A heartbeat whose seconds are told by hand: its waits take as long as they say, and no time at all.

    Attributes:
        ready: readiness at each second.
    """

    def __init__(self, cluster):
        self.cluster, self.now, self.ready = cluster, 0.0, {}
        cluster._transport._clock = lambda: self.now
        self._go, self._waits = asyncio.Semaphore(0), asyncio.Semaphore(0)

    def reasons(self):
        return _readiness(ALL_WELL, ALL_WELL, ALL_WELL, self.cluster).reasons

    async def sleep(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self._waits.release()
            await self._go.acquire()
            self.now = min(self.now + 1, end)
            self.ready[self.now] = not self.reasons()

    async def until(self, second):
        """Let time pass until a second, and the question that is due then be answered."""
        while self.now < second:
            await self._waits.acquire()
            self._go.release()
        await self._waits.acquire()
        self._waits.release()


@contextlib.asynccontextmanager
async def beating(cluster, **rhythm):
    life = Life(cluster)
    task = asyncio.create_task(heartbeat(cluster, rhythm=Rhythm(**rhythm), sleep=life.sleep))
    try:
        yield life
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def nothing_there(asked):
    await asked.reply(404, {"reason": "NotFound", "message": "no such Job"})


def test_a_quiet_cluster_is_asked_and_stays_ready(fake):
    """Without a bookmark for minutes readiness holds, at the cost of a question every forty seconds."""

    async def run():
        async with fake(nothing_there) as (cluster, server), beating(cluster) as life:
            await cluster.jobs.ping()
            await life.until(300)
            assert all(life.ready.values()), life.ready
            assert len(server.asked) - 1 <= 300 / 40

    asyncio.run(run())


def test_a_cluster_that_talks_is_not_asked(fake):
    """Answers to other calls are signs of life enough."""

    async def run():
        async with fake(nothing_there) as (cluster, server), beating(cluster) as life:
            for second in range(0, 300, 20):
                await life.until(second)
                await cluster.jobs.ping()
            assert len(server.asked) == 15
            assert all(life.ready.values())

    asyncio.run(run())


@pytest.mark.parametrize("status", [200, 403, 404, 409, 422, 429])
def test_every_answer_of_the_api_server_counts(fake, job, status):
    """To a create, which goes its own way, as well as to a look; refusals are answers."""

    async def answer(asked):
        await asked.reply(status, {"reason": "Whatever", "message": "so"})

    async def run():
        async with fake(answer) as (cluster, _):
            for call in (cluster.jobs.read("a"), cluster.jobs.create(job("a")), cluster.jobs.list()):
                cluster._transport._heard = None
                with contextlib.suppress(Exception):
                    await call
                assert cluster.age() is not None

    asyncio.run(run())


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_proxy_in_front_of_nothing_does_not_count(fake, job, status):
    """A 5xx tells that somebody else answered, or that the store is away."""

    async def answer(asked):
        await asked.reply(status, b"<html>")

    async def run():
        async with fake(answer) as (cluster, _):
            for call in (cluster.jobs.ping(), cluster.jobs.create(job("a"))):
                with pytest.raises(ClusterUnavailable):
                    await call
            assert cluster.age() is None

    asyncio.run(run())


def test_a_line_of_a_watch_counts(fake, eventually):
    """What a watch brings is heard; that it begins a list again says nothing."""
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}}
    go = asyncio.Event()

    async def answer(asked):
        if not asked.watches:
            await asked.page()
            return
        await asked.stream()
        await go.wait()
        await asked.send(bookmark)
        await asked.hang()

    async def run():
        async with fake(answer) as (cluster, server):

            async def listen():
                async for _ in cluster.jobs.follow():
                    pass

            task = asyncio.create_task(listen())
            await eventually(lambda: any(asked.watches for asked in server.asked))
            cluster._transport._heard = None
            go.set()
            await eventually(lambda: cluster.age() is not None)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def test_a_server_that_is_mute_is_asked_no_more_often_than_said(fake):
    """No answer within its patience is none; a missing right is an answer like any other."""
    how = [None]

    async def answer(asked):
        if how[0] is None:
            await asked.hang()
        else:
            await asked.reply(how[0], {"reason": "Forbidden", "message": "no"})

    async def run():
        async with fake(answer) as (cluster, server), beating(cluster, patience=0.05) as life:
            await life.until(70)
            assert not life.ready[life.now]
            assert 1 < len(server.asked) <= 8
            how[0] = 403
            await life.until(life.now + 10)
            assert not life.reasons()
            with pytest.raises(NotPermitted):
                await cluster.jobs.ping()

    asyncio.run(run())


def test_readiness_follows_a_real_api_server(private_cluster, real):
    """Stopped: not ready a minute after its last answer, and so until it is back; then ready within seconds."""

    async def run():
        async with real(kubeconfig=private_cluster.kubeconfig, namespace="default") as cluster:
            async with beating(cluster) as life:
                await cluster.jobs.ping()
                await life.until(120)
                assert all(life.ready.values())
                last = life.now
                await asyncio.to_thread(private_cluster.ctl, "stop", "kube-apiserver")
                await life.until(last + 170)
                turned = min(second for second, ready in life.ready.items() if second > last and not ready)
                assert 20 < turned - last <= 61
                assert not any(ready for second, ready in life.ready.items() if second >= turned)
                assert "has not been heard" in life.reasons()[0]
                await asyncio.to_thread(private_cluster.ctl, "start", "kube-apiserver")
                back = life.now
                await life.until(back + 5)
                assert not life.reasons()

    asyncio.run(run())
