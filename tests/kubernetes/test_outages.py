"""Answers that get lost, and parts of a real control plane that go away and come back."""

import asyncio
import contextlib

import pytest

from webhook import errors
from webhook.clusters.kubernetes.call import Call
from webhook.ports import Seen


@pytest.mark.parametrize("acted", [True, False], ids=["after the server acted", "before the server acted"])
def test_an_answer_that_is_lost_and_the_repeat(real, fake, job, acted):
    """No answer says that nobody knows; the same POST again finds the Job, or makes it, and there is one."""

    async def run():
        async with real() as behind:
            path = f"/apis/batch/v1/namespaces/{behind.jobs.namespace}/jobs"

            async def answer(asked):
                call = Call(verb="create", path=path, query=asked.query, body=asked.body)
                if len(server_asked) == 1:
                    if acted:
                        await behind._transport.send(call)
                    await asked.cut()
                    return
                try:
                    await asked.reply(201, await behind._transport.send(call))
                except errors.JobExists:
                    await asked.reply(409, {"reason": "AlreadyExists", "message": "exists"})

            async with fake(answer) as (cluster, server):
                server_asked = server.asked
                with pytest.raises(errors.ClusterUnavailable) as caught:
                    await cluster.jobs.create(job("a"))
                assert caught.value.sent is True
                if acted:
                    with pytest.raises(errors.JobExists):
                        await cluster.jobs.create(job("a"))
                else:
                    assert (await cluster.jobs.create(job("a"))).name == "a"
            assert [found.name for found in (await behind.jobs.list()).jobs] == ["a"]

    asyncio.run(run())


def test_many_at_once_make_one(real, job):
    """120 POSTs of one name: one Job, and everybody else is told that it exists."""

    async def run():
        async with real() as cluster:
            tries = [cluster.jobs.create(job("a")) for _ in range(120)]
            results = await asyncio.gather(*tries, return_exceptions=True)
            assert sum(isinstance(result, errors.JobExists) for result in results) == 119
            assert len((await cluster.jobs.list()).jobs) == 1

    asyncio.run(run())


@contextlib.asynccontextmanager
async def listening(cluster):
    """What a follow tells, as a list that grows."""
    told = []

    async def listen():
        async for change in cluster.jobs.follow():
            told.append(change)

    task = asyncio.create_task(listen())
    yield told
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def created(cluster, manifest, seconds=60):
    """Create a Job, as often as it takes; one that is there counts."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                async with asyncio.timeout(3):
                    await cluster.jobs.create(manifest)
                return
            except errors.JobExists:
                return
            except (errors.ClusterUnavailable, TimeoutError):
                await asyncio.sleep(0.2)


def test_the_control_plane_goes_away_and_comes_back(private_cluster, real, job, eventually):
    """API server killed and restarted, etcd paused: calls say later, the follow goes on and misses nothing."""

    def names(told, seen=Seen.PRESENT):
        return [change.job.name for change in told if change.seen is seen]

    async def run():
        ctl = private_cluster.ctl
        async with real(kubeconfig=private_cluster.kubeconfig, namespace="default") as cluster:
            async with listening(cluster) as told:
                await eventually(lambda: told and told[-1].seen is Seen.SYNCED)
                await cluster.jobs.create(job("before"))
                await eventually(lambda: "before" in names(told))

                await asyncio.to_thread(ctl, "kill", "kube-apiserver")
                with pytest.raises(errors.ClusterUnavailable):
                    await cluster.jobs.create(job("lost"))
                with pytest.raises(errors.ClusterUnavailable) as caught:
                    await cluster.jobs.ping()
                assert caught.value.sent is False
                await eventually(lambda: cluster.problems)
                await asyncio.to_thread(ctl, "start", "kube-apiserver")
                await created(cluster, job("after"))
                await eventually(lambda: "after" in names(told), 60)
                await eventually(lambda: cluster.problems == (), 60)

                await asyncio.to_thread(ctl, "pause", "etcd")
                with pytest.raises((errors.ClusterUnavailable, TimeoutError)):
                    async with asyncio.timeout(2):
                        await cluster.jobs.create(job("frozen"))
                await asyncio.to_thread(ctl, "resume", "etcd")
                await created(cluster, job("frozen"))
                await eventually(lambda: "frozen" in names(told), 60)

                await asyncio.to_thread(ctl, "restart", "kube-apiserver")
                last = await cluster.jobs.read("frozen")
                await cluster.jobs.delete("frozen", uid=last.uid)
                await eventually(lambda: "frozen" in names(told, Seen.GONE) or relisted_without(told, "frozen"), 60)

    asyncio.run(run())


def relisted_without(told, name):
    """Whether the last whole list does not hold a Job."""
    kinds = [change.seen for change in told]
    if Seen.SYNCED not in kinds:
        return False
    end = len(kinds) - 1 - kinds[::-1].index(Seen.SYNCED)
    begin = end - kinds[:end][::-1].index(Seen.LISTING)
    return all(change.job is None or change.job.name != name for change in told[begin:])
