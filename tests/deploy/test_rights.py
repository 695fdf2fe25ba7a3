"""Each right of the manifests is needed and none is spare: each is taken away once."""

import asyncio
import contextlib
import uuid

import pytest

from webhook import marks
from webhook.clusters.kubernetes import KubernetesCluster
from webhook.clusters.kubernetes.configuration import Place
from webhook.errors import NotPermitted
from webhook.metrics import Metrics
from webhook.ports import Record, Seen

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

JOBS, OWN, TEMPLATES, NOWHERE = "jobhook-jobs", "jobhook", "acme", ""
TEMPLATE = "build-template"


class Somewhere:
    """Namespaces like those of the manifests, a finished Job, records and a template in them, and what can be done there."""

    def __init__(self, throwaway, own, jobs, templates):
        self.throwaway, self.own, self.jobs, self.templates = throwaway, own, jobs, templates
        self.job = self.pod = ""

    def cluster(self, kubeconfig):
        """A cluster of ours, as somebody."""
        place = Place(environment={}, kubeconfig=str(kubeconfig))
        names = {"signature": "jobhook", "namespace": self.jobs, "records_namespace": self.own}
        return KubernetesCluster(**names, place=place, metrics=Metrics())

    @contextlib.asynccontextmanager
    async def admin(self):
        async with self.cluster(self.throwaway.kubeconfig) as cluster:
            yield cluster

    def manifest(self, *, suspend=True):
        security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsUser": 65532}
        security |= {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        container = {"name": "it", "image": self.throwaway.image, "command": ["echo", "hello"]}
        pod = {"restartPolicy": "Never", "containers": [container | {"securityContext": security}]}
        labels = {marks.MANAGED_BY: "jobhook"}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": f"it-{uuid.uuid4().hex[:12]}", "labels": labels},
            "spec": {"suspend": suspend, "template": {"spec": pod}},
        }

    async def fill(self):
        """Run one Job to its end, so that it has a pod with a log."""
        async with self.admin() as cluster:
            self.job = (await cluster.jobs.create(self.manifest(suspend=False))).name
            async with asyncio.timeout(60):
                while not (await cluster.jobs.read(self.job)).end:
                    await asyncio.sleep(0.1)
            self.pod = (await cluster.jobs.pods(self.job))[0].name
        await self.edit_template()

    async def edit_template(self):
        """Somebody changes the template."""
        meta = {"name": TEMPLATE, "namespace": self.templates}
        data = {TEMPLATE: f"edited {uuid.uuid4()}"}
        await asyncio.to_thread(
            self.throwaway.apply, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
        )

    async def fresh_job(self):
        async with self.admin() as cluster:
            return await cluster.jobs.create(self.manifest())

    async def fresh_record(self, *, payload=False):
        async with self.admin() as cluster:
            return await (cluster.payloads if payload else cluster.records).create(record())


def record():
    return Record(name=f"it-{uuid.uuid4().hex[:12]}", data={"a": b"b"})


async def read_log(cluster, there):
    return [piece async for piece in cluster.jobs.log(there.pod, "it")]


async def change_job(cluster, there):
    job = await there.fresh_job()
    await cluster.jobs.patch(job.name, {"metadata": {"labels": {"a": "b"}}}, resource_version=None)


async def delete_job(cluster, there):
    job = await there.fresh_job()
    await cluster.jobs.delete(job.name, uid=job.uid)


async def own_payload(cluster, there):
    job, payload = await there.fresh_job(), await there.fresh_record(payload=True)
    await cluster.payloads.own(payload.name, (job.name, job.uid))


async def delete_payload(cluster, there):
    payload = await there.fresh_record(payload=True)
    await cluster.payloads.delete(payload.name, version=payload.version)


async def read_payload(cluster, there):
    await cluster.payloads.read((await there.fresh_record(payload=True)).name)


async def read_record(cluster, there):
    await cluster.records.read((await there.fresh_record()).name)


async def replace_record(cluster, there):
    await cluster.records.replace(await there.fresh_record())


async def delete_record(cluster, there):
    stored = await there.fresh_record()
    await cluster.records.delete(stored.name, version=stored.version)


async def follow(cluster, steps, change):
    """Wait for a change after the list; raise why none will come."""
    synced = asyncio.Event()

    async def walk():
        async with contextlib.aclosing(steps):
            async for step in steps:
                if synced.is_set() and step.seen is Seen.PRESENT:
                    return
                if step.seen is Seen.SYNCED:
                    synced.set()

    walking = asyncio.create_task(walk())
    async with asyncio.timeout(30):
        await synced.wait()
        await change()
        while not walking.done():
            if cluster.problems:
                walking.cancel()
                raise NotPermitted(cluster.problems[0])
            await asyncio.sleep(0.02)


async def follow_template(cluster, there):
    """Wait for an edit; raise why it would be found only by reading."""
    begun, told = asyncio.Event(), asyncio.Event()

    async def walk():
        async with contextlib.aclosing(cluster.records.follow_template(there.templates, TEMPLATE, TEMPLATE)) as texts:
            async for _ in texts:
                if begun.is_set():
                    told.set()
                begun.set()

    walking = asyncio.create_task(walk())
    try:
        async with asyncio.timeout(30):
            await begun.wait()
            await there.edit_template()
            await told.wait()
        if cluster.problems:
            raise NotPermitted(cluster.problems[0])
    finally:
        walking.cancel()
        await asyncio.gather(walking, return_exceptions=True)


RIGHTS = {
    (JOBS, "jobs", "create"): lambda cluster, there: cluster.jobs.create(there.manifest()),
    (JOBS, "jobs", "get"): lambda cluster, there: cluster.jobs.read(there.job),
    (JOBS, "jobs", "list"): lambda cluster, there: cluster.jobs.list(),
    (JOBS, "jobs", "watch"): lambda cluster, there: follow(cluster, cluster.jobs.follow(), there.fresh_job),
    (JOBS, "jobs", "patch"): change_job,
    (JOBS, "jobs", "delete"): delete_job,
    (JOBS, "pods", "list"): lambda cluster, there: cluster.jobs.pods(there.job),
    (JOBS, "pods", "get"): read_log,
    (JOBS, "pods/log", "get"): read_log,
    (JOBS, "events", "list"): lambda cluster, there: cluster.jobs.warnings(there.job),
    (JOBS, "configmaps", "create"): lambda cluster, there: cluster.payloads.create(record()),
    (JOBS, "configmaps", "get"): read_payload,
    (JOBS, "configmaps", "list"): lambda cluster, there: cluster.payloads.list(),
    (JOBS, "configmaps", "patch"): own_payload,
    (JOBS, "configmaps", "delete"): delete_payload,
    (OWN, "configmaps", "get"): read_record,
    (OWN, "configmaps", "list"): lambda cluster, there: cluster.records.list(),
    (OWN, "configmaps", "watch"): lambda cluster, there: follow(cluster, cluster.records.follow(), there.fresh_record),
    (OWN, "configmaps", "create"): lambda cluster, there: cluster.records.create(record()),
    (OWN, "configmaps", "update"): replace_record,
    (OWN, "configmaps", "delete"): delete_record,
    (TEMPLATES, "configmaps", "get"): lambda cluster, there: cluster.records.template(
        there.templates, TEMPLATE, TEMPLATE
    ),
    (TEMPLATES, "configmaps", "watch"): follow_template,
    (NOWHERE, "tokenreviews", "create"): lambda cluster, there: cluster.identities.who("no token", "jobhook"),
}
"""What is done with each right, by the one door to the cluster."""


@pytest.fixture(scope="module")
def granted(rendered):
    """All rights that the manifests grant, those to templates included."""
    return rendered() + rendered("templates")


@pytest.fixture(scope="module")
def there(throwaway, granted, rights):
    """Namespaces with an account that has every right, and for each right one that has all the others."""
    there = Somewhere(throwaway, *(throwaway.namespace() for _ in range(3)))
    whole, wanted = granted, []
    for number, lost in enumerate([None, *RIGHTS]):
        less = rights.without(whole, *lost) if lost else whole
        wanted += rights.moved(
            less, own=there.own, jobs=there.jobs, templates=there.templates, name=f"jobhook-{number}"
        )
    throwaway.kubectl("create", "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": wanted})
    asyncio.run(there.fill())
    return there


def test_every_right_has_a_use(granted, rights):
    """A right that is added to the manifests without a word here is found."""
    named = [(each.namespace, each.resource, each.verb) for each in rights.granted(granted)]
    assert sorted(named) == sorted(RIGHTS)


@pytest.mark.parametrize("needed", RIGHTS, ids="-".join)
def test_each_right_is_needed(there, rights, tmp_path, needed):
    """With all rights it works; with all but this one it fails, and says that a right is missing."""
    number = list(RIGHTS).index(needed) + 1

    async def attempt(number):
        name = f"jobhook-{number}"
        file = rights.kubeconfig(tmp_path, there.own, name=name)
        async with there.cluster(file) as cluster:
            await RIGHTS[needed](cluster, there)

    asyncio.run(attempt(0))
    with pytest.raises(NotPermitted):
        asyncio.run(attempt(number))
