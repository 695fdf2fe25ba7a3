"""`kubectl apply -k manifests/` against a real API server: it takes all of it, and lets the pods in."""

import asyncio
import json
import re

import pytest
import yaml
from driving import until

from webhook.definitions.library import Library
from webhook.metrics import Metrics

pytestmark = pytest.mark.cluster

KNATIVE = {
    # As much of Knative's own schemas (eventing.knative.dev/v1, sources.knative.dev/v1) as a manifest of ours fills.
    "Trigger": ("eventing.knative.dev", "triggers", ("broker", "filters", "subscriber")),
    "SinkBinding": ("sources.knative.dev", "sinkbindings", ("subject", "sink", "ceOverrides")),
}


def definition_of(kind, group, plural, fields):
    """A CustomResourceDefinition that knows these fields of `spec` and refuses any other."""
    free = {"x-kubernetes-preserve-unknown-fields": True}
    spec = {"type": "object", "properties": dict.fromkeys(fields, free)}
    schema = {"type": "object", "properties": {"spec": spec}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def dry_run(cluster, *manifests, namespace="jobhook"):
    """Let the API server judge manifests, admission included, and keep nothing."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    arguments = ("--namespace", namespace, "create", "--dry-run=server", "--validate=strict", "-f", "-")
    return cluster.kubectl(*arguments, given=listed)


def test_applying_twice_changes_nothing(applied, project):
    """The second `kubectl apply -k` finds everything as it is, so nothing is defaulted away or fought over."""
    told = applied.kubectl("apply", "-k", str(project / "manifests")).splitlines()
    assert len(told) > 15
    # kubectl sends a PodDisruptionBudget's selector every time, and the API server finds nothing new in it.
    always = "poddisruptionbudget.policy/jobhook configured"
    assert [line for line in told if not line.endswith(" unchanged")] == [always]


@pytest.mark.parametrize("way", [".", "token-file", "knative"])
def test_the_api_server_takes_every_way_to_install(applied, project, way):
    """A server-side dry run with strict validation, without a warning: no unknown field, nothing against `restricted`."""
    applied.apply(*(definition_of(kind, *rest) for kind, rest in KNATIVE.items()))
    for kind, (group, plural, _) in KNATIVE.items():
        applied.kubectl("wait", "--for=condition=Established", f"crd/{plural}.{group}", "--timeout=30s")
        assert kind
    arguments = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    told = applied.kubectl(*arguments, "--warnings-as-errors", "-k", str(project / "manifests" / way)).splitlines()
    assert len(told) >= 15
    assert [line for line in told if "serverside-applied (server dry run)" not in line] == []


def test_pod_security_lets_our_pods_in(applied):
    """The real controllers make the receivers' pods and the CronJob's under `restricted`."""

    def made():
        found = json.loads(applied.kubectl("--namespace", "jobhook", "get", "pods", "-o", "json"))["items"]
        return len({each["metadata"]["name"] for each in found if component(each) == "receiver"}) >= 2

    until(made, what="two pods of receivers")
    cron = applied.kubectl("--namespace", "jobhook", "get", "cronjob", "jobhook-cleanup", "-o", "json")
    template = json.loads(cron)["spec"]["jobTemplate"]["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one", **template["metadata"]},
        "spec": template["spec"],
    }
    assert "pod/one created (server dry run)" in dry_run(applied, pod)


def component(pod):
    return pod["metadata"]["labels"].get("app.kubernetes.io/component")


def test_pod_security_lets_the_first_definitions_jobs_in(applied, hello, tmp_path):
    """The shipped definition, in the namespace of the Jobs: the Job, and a pod of its template."""
    (tmp_path / "hello.yaml").write_text(hello(applied.image))
    library = Library(tmp_path, metrics=Metrics(), records=None)
    asyncio.run(library.load())
    job = yaml.safe_load(re.sub(r"\{\{ \w+ \}\}", "value", yaml.safe_load(hello(applied.image))["spec"]))
    job["metadata"] = {"name": "hello"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "hello"}, "spec": job["spec"]["template"]["spec"]}
    told = dry_run(applied, job, pod, namespace="jobhook-jobs")
    assert told.count("created (server dry run)") == 2


@pytest.mark.parametrize("namespace", ["jobhook", "jobhook-jobs"])
def test_pod_security_keeps_others_out(applied, namespace):
    """A pod that asks for nothing special is already too much: the standard is in force."""
    container = {"name": "it", "image": applied.image}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lax"}, "spec": {"containers": [container]}}
    with pytest.raises(AssertionError, match='violates PodSecurity "restricted'):
        dry_run(applied, pod, namespace=namespace)
