"""The clusters that the contract is held against, one after another; another kind is one more entry of `KINDS`."""

import asyncio
import contextlib
import copy
import itertools
import uuid

import pytest
from kubernetes_kind import kubernetes as on_kubernetes

from webhook.clusters.local import LocalCluster
from webhook.clusters.local import status as local_status
from webhook.clusters.local.tables import get_job
from webhook.clusters.local.tally import Verdict
from webhook.marks import MANAGED_BY
from webhook.ports import Seen

DEADLINE_SECONDS = 20


class There:
    """An open cluster, and what tests need beside its ports.

    `plant(manifest)` puts a Job into the store as somebody else would; `finish(name, succeeded=…)` brings one to its end
    without running it; `other` is the same store seen by an installation of another signature.
    """

    def __init__(self, cluster, other, *, plant, finish):
        self.jobs, self.records, self.payloads = cluster.jobs, cluster.records, cluster.payloads
        self.cluster, self.other, self.plant, self.finish = cluster, other, plant, finish
        self._run, self._count = uuid.uuid4().hex[:8], itertools.count()

    def name(self, begin="x"):
        """A name that nobody has had."""
        return f"{begin}-{self._run}-{next(self._count)}"

    def manifest(self, name=None, *, labels=None, annotations=None, signature=None, **spec):
        """A Job of ours that stays suspended, so that no pod is made."""
        name = name or self.name()
        ours = {MANAGED_BY: self.cluster.signature_for_tests if signature is None else signature}
        container = {"name": "main", "image": "example.org/none", "command": ["true"]}
        pod = {"restartPolicy": "Never", "containers": [container]}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "labels": ours | (labels or {}), "annotations": annotations or {}},
            "spec": {"suspend": True, "backoffLimit": 0, **spec, "template": {"spec": pod}},
        }

    async def settled(self, manifest):
        """Create a suspended Job, and answer it once the Job controller has done with it."""
        job = await self.jobs.create(manifest)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while "Suspended" not in str((await self.jobs.manifest(job.name))["status"]):
                await asyncio.sleep(0.02)
        return await self.jobs.read(job.name)

    @contextlib.asynccontextmanager
    async def watch(self, port, labels=None):
        """What a follow has told so far, and a wait for more."""
        async with self.following(port.follow(labels)) as seen:
            yield seen

    @contextlib.asynccontextmanager
    async def following(self, changes):
        """The same of any follow."""
        seen = Watch(changes)
        try:
            yield seen
        finally:
            await seen.close()


class Watch:
    """A follow, kept."""

    def __init__(self, changes):
        self.steps, self._wake = [], asyncio.Event()
        self._changes = changes
        self._task = asyncio.create_task(self._collect())

    async def _collect(self):
        async with contextlib.aclosing(self._changes) as changes:
            async for change in changes:
                self.steps.append(change)
                self._wake.set()

    async def until(self, met, why=""):
        """Wait until `met(steps)`."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not met(self.steps):
                assert not self._task.done(), f"the follow has ended: {why}"
                self._wake.clear()
                await self._wake.wait()

    async def synced(self):
        """Wait for the end of the first list."""
        await self.until(lambda steps: any(step.seen is Seen.SYNCED for step in steps), "synced")

    async def tells(self, seen, name, where=lambda value: True):
        """Wait until an object was told of."""
        await self.until(lambda steps: any(_is(step, seen, name, where) for step in steps), f"{seen} {name}")

    def names(self):
        """All objects that were told of."""
        return {value.name for step in self.steps if (value := value_of(step))}

    async def close(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def value_of(step):
    return getattr(step, "job", None) or getattr(step, "record", None)


def _is(step, seen, name, where):
    value = value_of(step)
    return step.seen is seen and value is not None and value.name == name and where(value)


@contextlib.asynccontextmanager
async def local(request):
    """The local cluster in a folder of its own."""
    cluster = LocalCluster(request.getfixturevalue("tmp_path") / "data", signature="contract")
    cluster.signature_for_tests = "contract"
    # The same store, seen by another installation: its ports differ in their signature alone.
    other = _LocalView(cluster, "somebody-else")
    async with cluster:
        yield There(cluster, other, plant=_planter(cluster), finish=_finisher(cluster))


class _LocalView:
    def __init__(self, cluster, signature):
        import dataclasses

        self.jobs, self.records, self.payloads = (
            dataclasses.replace(port, signature=signature) for port in (cluster.jobs, cluster.records, cluster.payloads)
        )


def _planter(cluster):
    async def plant(manifest):
        job = copy.deepcopy(manifest)
        uid = {"uid": str(uuid.uuid4()), "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"}
        job["metadata"] |= uid
        job["status"] = {}
        await cluster._store.write(lambda transaction: transaction.put_job(job, is_open=False))

    return plant


def _finisher(cluster):
    async def finish(name, *, succeeded=True):
        def change(transaction):
            job = get_job(transaction.connection, name).document
            job["status"] = dict(job["status"])
            reason = "CompletionsReached" if succeeded else "BackoffLimitExceeded"
            local_status.end(job["status"], Verdict(succeeded, reason, "finished by a test"), cluster.jobs.now())
            transaction.put_job(job, is_open=False)

        await cluster._store.write(change)

    return finish


@contextlib.asynccontextmanager
async def kubernetes(request):
    """A new namespace of a real API server."""
    async with on_kubernetes(request.getfixturevalue("throwaway")) as (cluster, other, plant, finish):
        yield There(cluster, other, plant=plant, finish=finish)


KINDS = {"local": local, "kubernetes": kubernetes}


@pytest.fixture(params=["local", pytest.param("kubernetes", marks=pytest.mark.cluster)])
def play(request):
    """Play a scenario, an async function of `There`, against each kind of cluster."""

    def run(scenario):
        async def inside():
            async with KINDS[request.param](request) as there:
                async with asyncio.timeout(60):
                    await scenario(there)

        asyncio.run(inside())

    return run
