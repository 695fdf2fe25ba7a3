"""What a real API server refuses, one reason at a time, and what becomes of it."""

import asyncio
import json
import uuid

import pytest

from webhook import errors
from webhook.clusters.kubernetes import KubernetesCluster
from webhook.clusters.kubernetes.configuration import Place
from webhook.metrics import Metrics
from webhook.ports import Record


def changed(manifest, **spec):
    return {**manifest, "spec": {**manifest["spec"], **spec}}


def test_what_is_refused_for_good(real, job):
    """An unknown field, a wrong type, a bad value, a foreign namespace, another kind, too much: never, and it says why."""
    manifest = job("a")
    elsewhere = {**manifest, "metadata": {**manifest["metadata"], "namespace": "elsewhere"}}
    noted = {**manifest, "metadata": {**manifest["metadata"], "annotations": {"a": "x" * 300_000}}}
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    unknown = {**container, "comand": ["true"]}
    huge = {**container, "args": ["x" * 900_000, "y" * 900_000]}
    enormous = {**container, "args": ["x" * 4_000_000]}

    def containing(container):
        return changed(manifest, template={"spec": {"restartPolicy": "Never", "containers": [container]}})

    cases = [
        (changed(manifest, bogus=1), "unknown field"),
        (containing(unknown), "unknown field"),
        (changed(manifest, backoffLimit="many"), "cannot unmarshal"),
        (changed(manifest, backoffLimit=-1), "must be greater than or equal to 0"),
        (job("UPPER"), "lowercase"),
        ({**manifest, "metadata": {**manifest["metadata"], "name": ""}}, "name"),
        (elsewhere, "namespace"),
        (noted, "annotations"),
        ({**manifest, "kind": "CronJob"}, "CronJob"),
        ({**manifest, "apiVersion": "batch/v2"}, "v2"),
        (containing(huge), "invalid"),
        (containing(enormous), "too large"),
    ]

    async def run():
        async with real() as cluster:
            for given, why in cases:
                with pytest.raises(errors.ManifestRefused, match=why) as caught:
                    await cluster.jobs.create(given)
                assert len(str(caught.value)) < 1200
            assert list((await cluster.jobs.list()).jobs) == []

    asyncio.run(run())


def test_a_change_that_may_not_be(real, job):
    """An immutable field, a wrong type and an unknown field of a patch are refused, and nothing changes."""

    async def run():
        async with real() as cluster:
            created = await cluster.jobs.create(job("a"))
            for patch in (
                {"spec": {"completionMode": "Indexed"}},
                {"spec": {"backoffLimit": "many"}},
                {"spec": {"bogus": 1}},
                {"metadata": {"annotations": {"a": 7}}},
            ):
                with pytest.raises(errors.ManifestRefused):
                    await cluster.jobs.patch("a", patch, resource_version=None)
            assert (await cluster.jobs.read("a")).annotations == created.annotations

    asyncio.run(run())


def test_a_record_that_may_not_be(real):
    """Too large, an odd key or an odd name: refused."""

    async def run():
        async with real() as cluster:
            for record in (
                Record(name="a", data={"k": b"x" * 1_100_000}),
                Record(name="a", data={"a/b": b"x"}),
                Record(name="A", data={}),
            ):
                with pytest.raises(errors.ManifestRefused):
                    await cluster.records.create(record)

    asyncio.run(run())


def test_over_quota_is_later(real, job, throwaway, namespace):
    """A quota may be raised, and Jobs end: the sender is to come again."""

    async def run():
        async with real() as cluster:
            quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": namespace}}
            throwaway.apply({**quota, "spec": {"hard": {"count/jobs.batch": "0"}}})
            with pytest.raises(errors.ClusterUnavailable, match="exceeded quota") as caught:
                async with asyncio.timeout(30):
                    while True:  # the controller takes a moment to count
                        await cluster.jobs.create(job(f"a-{uuid.uuid4().hex[:8]}"))
                        await asyncio.sleep(0.1)
            assert caught.value.sent is False
            assert type(caught.value) is errors.ClusterUnavailable

    asyncio.run(run())


def test_a_namespace_that_ends_or_is_not_there_is_later(real, job, throwaway, namespace):
    """Terminating and missing namespaces may come again."""

    async def run():
        async with real() as cluster:
            kept = job("kept")
            kept["metadata"]["finalizers"] = ["jobhook.dev/test"]
            await cluster.jobs.create(kept)
            throwaway.kubectl("delete", "namespace", namespace, "--wait=false")
            with pytest.raises(errors.ClusterUnavailable, match="being terminated"):
                await cluster.jobs.create(job("a"))
            await cluster.jobs.patch("kept", {"metadata": {"finalizers": None}}, resource_version=None)
        async with real(namespace="nowhere-at-all") as cluster:
            with pytest.raises(errors.ClusterUnavailable, match="not found"):
                await cluster.jobs.create(job("a"))
            await cluster.jobs.ping()
            assert list((await cluster.jobs.list()).jobs) == []

    asyncio.run(run())


def test_a_missing_right_is_named(job, throwaway, namespace, tmp_path):
    """A service account without a right: every call says which one it lacks, and none is believed to be for good."""

    async def run():
        async with as_service_account(throwaway, namespace, tmp_path) as cluster:
            jobs, records = cluster.jobs, cluster.records
            for call, right in (
                (jobs.create(job("a")), "cannot create resource"),
                (jobs.read("a"), "cannot get resource"),
                (jobs.list(), "cannot list resource"),
                (jobs.patch("a", {}, resource_version="1"), "cannot patch resource"),
                (jobs.delete("a", uid="u", resource_version="1"), "cannot delete resource"),
                (jobs.ping(), "cannot get resource"),
                (records.create(Record(name="a", data={})), "cannot create resource"),
                (records.list(), "cannot list resource"),
                (records.replace(Record(name="a", data={}, version="1")), "cannot get resource"),
                (records.own("a", ("a", "u")), "cannot patch resource"),
                (records.template("default", "a", "a"), "cannot get resource"),
                (cluster.identities.who("t", "a"), "cannot create resource"),
                (anext(jobs.log("pod", "main")), "cannot get resource"),
            ):
                with pytest.raises(errors.NotPermitted, match=right):
                    await call

    asyncio.run(run())


def test_a_follow_without_its_rights_shows_and_goes_on_when_they_are_granted(
    job, throwaway, namespace, tmp_path, eventually
):
    """The problem names the right; granting it is enough, nothing must be restarted."""
    told = []

    async def run():
        async with as_service_account(throwaway, namespace, tmp_path) as cluster:

            async def listen():
                async for change in cluster.jobs.follow():
                    told.append(change)

            task = asyncio.create_task(listen())
            await eventually(lambda: any("cannot list resource" in problem for problem in cluster.problems))
            grant(throwaway, namespace, "list")
            await eventually(lambda: any("cannot watch resource" in problem for problem in cluster.problems), 60)
            grant(throwaway, namespace, "list", "watch", "create")
            await eventually(lambda: cluster.problems == (), 60)
            await cluster.jobs.create(job("a"))
            await eventually(lambda: told[-1].job and told[-1].job.name == "a")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def grant(throwaway, namespace, *verbs):
    """Give the service account `weak` these rights to Jobs."""
    named = {"name": "weak", "namespace": namespace}
    rules = [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": list(verbs)}]
    group = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    throwaway.apply(
        {**group, "kind": "Role", "metadata": named, "rules": rules},
        {
            **group,
            "kind": "RoleBinding",
            "metadata": named,
            "subjects": [{"kind": "ServiceAccount", **named}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "weak"},
        },
    )


def as_service_account(throwaway, namespace, folder):
    """A cluster of ours with the token of a service account that has no rights."""
    throwaway.kubectl("create", "serviceaccount", "weak", "-n", namespace)
    token = throwaway.kubectl("create", "token", "weak", "-n", namespace).strip()
    whole = json.loads(throwaway.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    whole["users"] = [{"name": whole["users"][0]["name"], "user": {"token": token}}]
    file = folder / "kubeconfig"
    file.write_text(json.dumps(whole))
    place = Place(environment={}, kubeconfig=str(file))
    names = {"signature": "jobhook-test", "namespace": namespace, "records_namespace": namespace}
    return KubernetesCluster(**names, place=place, metrics=Metrics())


@pytest.mark.parametrize("reason", [None, "Forbidden", "RequestEntityTooLarge"])
def test_an_admission_policy_that_denies_is_for_good(real, job, throwaway, namespace, reason):
    """Whatever status a ValidatingAdmissionPolicy gives to its refusal, the same Job would be refused again."""
    name = f"no-{namespace}"
    group = {"apiVersion": "admissionregistration.k8s.io/v1"}
    rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}
    validation = {"expression": "object.metadata.name != 'unwanted'", "message": "not on my watch"}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{**validation, **({"reason": reason} if reason else {})}],
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": selector},
    }

    async def run():
        async with real() as cluster:
            throwaway.apply(
                {**group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": policy},
                {**group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": binding},
            )
            with pytest.raises(errors.ManifestRefused, match="not on my watch"):
                async with asyncio.timeout(30):
                    while True:  # the policy takes a moment to be in force
                        created = await cluster.jobs.create(job("unwanted"))
                        await cluster.jobs.delete("unwanted", uid=created.uid)
                        await asyncio.sleep(0.2)
            await cluster.jobs.create(job("wanted"))

    asyncio.run(run())


def test_an_admission_webhook_that_does_not_answer_is_later(real, job, throwaway, namespace):
    """A webhook that fails closed is an outage of somebody's server, not a verdict about the Job."""
    hook = {
        "name": "away.jobhook.dev",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 2,
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"away-{namespace}"},
        "webhooks": [hook],
    }

    async def run():
        async with real() as cluster:
            throwaway.apply(configuration)
            with pytest.raises(errors.ClusterUnavailable, match="failed calling webhook"):
                async with asyncio.timeout(30):
                    while True:
                        await cluster.jobs.create(job(f"a-{uuid.uuid4().hex[:8]}"))
                        await asyncio.sleep(0.2)

    asyncio.run(run())


def test_a_server_of_another_authority_gets_nothing(throwaway, kubeconfig, job):
    """The API server's certificate is checked: with other authorities no byte of ours is sent."""
    whole = json.loads(throwaway.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    file = kubeconfig(whole["clusters"][0]["cluster"]["server"], {"token": "secret"})
    names = {"signature": "jobhook-test", "namespace": "default", "records_namespace": "default"}

    async def run():
        async with KubernetesCluster(
            **names, place=Place(environment={}, kubeconfig=str(file)), metrics=Metrics()
        ) as cluster:
            with pytest.raises(errors.ClusterUnavailable, match="no connection") as caught:
                await cluster.jobs.create(job("a"))
            assert caught.value.sent is False

    asyncio.run(run())
