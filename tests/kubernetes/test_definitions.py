"""Definitions on a real API server: what a dry run says, and large events on a real node."""

import asyncio
import hashlib
import json
import pathlib
from datetime import UTC, datetime, timedelta

import pytest
from kubernetes_kind import kubernetes

from webhook.checking import check_written, onto
from webhook.clusters.dryrun import dry_runs
from webhook.definitions import load, read
from webhook.errors import ManifestRefused
from webhook.events import Arrival, Event, envelope
from webhook.json import dump
from webhook.launch import Launcher
from webhook.metrics import Metrics
from webhook.payloads import Payloads, record
from webhook.settings import load as load_settings

FILE = """\
name: big
on: [{type: com.example.big}]
event: file
tests: [{event: samples/small.json, expect: {}}, {event: samples/large.json, expect: {}}]
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        automountServiceAccountToken: false
        enableServiceLinks: false
        containers:
          - name: main
            image: IMAGE
            imagePullPolicy: Never
            command: [sh, -c, 'sha256sum < "$JOBHOOK_EVENT_FILE" | cut -c1-64']
            terminationMessagePolicy: FallbackToLogsOnError
"""
NEVER = datetime(2026, 1, 31, tzinfo=UTC)


def event(size, ident="1"):
    data = {"x": "é$(HOME)\n" * (size // 9)}
    return Event(id=ident, source="/s", type="com.example.big", datacontenttype="application/json", data=data)


def settings_for(throwaway, namespace):
    environ = {"KUBECONFIG": str(throwaway.kubeconfig), "JOB_NAMESPACE": namespace}
    return load_settings(environ), environ


def test_each_sample_is_judged_by_the_api_server(throwaway, tmp_path):
    """A field that Kubernetes does not know is found at the test's line; nothing is left in the cluster."""
    namespace = throwaway.namespace()
    (tmp_path / "samples").mkdir()
    for name, size in (("small", 100), ("large", 40_000)):
        (tmp_path / "samples" / f"{name}.json").write_bytes(dump(envelope(event(size))))
    good = FILE.replace("IMAGE", "busybox")
    (tmp_path / "a.yaml").write_text(good)
    (tmp_path / "b.yaml").write_text(good.replace("name: big", "name: bad").replace("backoffLimit", "backofLimit"))
    settings, environ = settings_for(throwaway, namespace)

    async def inside():
        written = read(tmp_path)
        async with dry_runs(settings, environ) as cluster:
            checked = check_written(written, config_maps=await onto.templates(written, cluster))
            assert checked.findings == ()
            return await onto.dry_run(checked, cluster, signature="jobhook")

    found = asyncio.run(inside())
    assert [pathlib.Path(each.file).name for each in found.findings] == ["b.yaml", "b.yaml"]
    assert all(each.line == 4 and 'unknown field "spec.backofLimit"' in each.message for each in found.findings)
    assert (
        json.loads(throwaway.kubectl("--namespace", namespace, "get", "jobs,configmaps", "-o", "json"))["items"][1:]
        == []
    )


@pytest.mark.parametrize("folder", ["definitions", "docs/cookbook"])
def test_the_examples_are_taken_by_the_api_server(throwaway, project, folder):
    """Every definition that the project ships, with each of its samples."""
    settings, environ = settings_for(throwaway, throwaway.namespace())

    async def inside():
        written = read(project / folder)
        async with dry_runs(settings, environ) as cluster:
            return await onto.dry_run(check_written(written, config_maps={}), cluster, signature="jobhook")

    assert asyncio.run(inside()).findings == ()


def test_a_template_in_a_config_map_is_checked(throwaway, tmp_path):
    """With the cluster's help it is read, and one that is missing is an error."""
    namespace = throwaway.namespace()
    template = "apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {restartPolicy: Never, containers: []}}}\n"
    for name, text in (("good", template), ("broken", "kind: Pod")):
        meta = {"name": name, "namespace": namespace}
        throwaway.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {name: text}})
    for name in ("good", "broken", "missing"):
        where = f"spec_config_map_name: {name}\nspec_config_map_namespace: {namespace}\n"
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\n{where}")
    settings, environ = settings_for(throwaway, namespace)

    async def inside():
        written = read(tmp_path)
        async with dry_runs(settings, environ) as cluster:
            return check_written(written, config_maps=await onto.templates(written, cluster))

    found = asyncio.run(inside())
    assert found.definitions == 1
    said = [str(each) for each in found.findings]
    assert len(said) == 2
    assert f"ConfigMap {namespace}/broken" in said[1]
    assert f"there is no ConfigMap {namespace}/missing" in said[0]


@pytest.mark.timeout(200)
def test_a_large_event_arrives_on_a_real_node(throwaway, tmp_path):
    """The very bytes, from a ConfigMap that goes with its Job; the sweep sees metadata alone, and mends."""
    (tmp_path / "a.yaml").write_text(FILE.replace("IMAGE", throwaway.image))
    definitions = load(tmp_path / "a.yaml")
    arrival = Arrival(event=event(750_000), via="events", identity="1", received=NEVER)

    async def inside():
        async with kubernetes(throwaway, "jobhook") as (cluster, _, _, _):
            launcher = Launcher(
                cluster.jobs,
                definitions=lambda: definitions,
                signature="jobhook",
                metrics=Metrics(),
                payloads=cluster.payloads,
            )
            deadline = asyncio.get_running_loop().time() + 30
            (fate,) = await launcher.launch(arrival, deadline=deadline)
            job = await cluster.jobs.read(fate.name)
            (found,) = await cluster.payloads.list(data=False)
            assert (found.owner, found.data) == ((job.name, job.uid), {})
            whole = await cluster.payloads.read(found.name)
            assert whole.immutable
            assert whole.data == {"event.json": dump(envelope(arrival.event))}
            (again,) = await launcher.launch(arrival, deadline=deadline)
            assert (again.name, again.created) == (fate.name, False)
            await mends(cluster, job)
            said = await log_of(cluster, fate.name)
            await cluster.jobs.delete(fate.name, uid=job.uid)
            async with asyncio.timeout(60):
                while await cluster.payloads.list(data=False):  # the garbage collector's work
                    await asyncio.sleep(0.2)
            return said

    assert asyncio.run(inside()) == hashlib.sha256(dump(envelope(arrival.event))).hexdigest()


async def mends(cluster, job):
    """An orphan of a Job that is there becomes its own; one of none goes; both after an hour."""
    late = Payloads(records=cluster.payloads, jobs=cluster.jobs, now=lambda: datetime.now(UTC) + timedelta(minutes=61))
    orphan = record("big-none", b"x")
    await cluster.payloads.create(orphan)
    assert await late.sweep(over=lambda: False, dry_run=True) == 1
    assert await late.sweep(over=lambda: False) == 1
    assert [found.name for found in await cluster.payloads.list(data=False)] == [f"{job.name}-event"]


async def log_of(cluster, name):
    async with asyncio.timeout(90):
        while (await cluster.jobs.read(name)).end is None:
            await asyncio.sleep(0.2)
    (pod,) = await cluster.jobs.pods(name)
    return b"".join([piece async for piece in cluster.jobs.log(pod.name, "main")]).decode().strip()


def test_a_dry_run_keeps_nothing(throwaway):
    """Also where a Job of that name is there."""

    async def inside():
        async with kubernetes(throwaway, "jobhook") as (cluster, _, _, _):
            manifest = {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {
                    "name": "a",
                    "namespace": cluster.jobs.namespace,
                    "labels": {"app.kubernetes.io/managed-by": "jobhook"},
                },
                "spec": {
                    "suspend": True,
                    "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "x"}]}},
                },
            }
            await cluster.jobs.dry_run(manifest)
            assert (await cluster.jobs.list()).jobs == []
            await cluster.jobs.create(manifest)
            await cluster.jobs.dry_run(manifest)
            with pytest.raises(ManifestRefused):
                await cluster.jobs.dry_run(manifest | {"spec": {}})
            assert len((await cluster.jobs.list()).jobs) == 1

    asyncio.run(inside())
