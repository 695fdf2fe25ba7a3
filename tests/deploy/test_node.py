"""The whole deployment on a real node: its image, its pods, an event from outside, and the CronJob's own pod."""

import concurrent.futures
import contextlib
import datetime as dt
import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
import sys

import pytest
import yaml
from driving import until
from throwaway import locked, start, stop, tools

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

IMAGE = "localhost/jobhook:test"
SECRET = "it is a secret of the test, and long enough"
COMMIT = "2" * 40
PUSH = {
    "ref": "refs/heads/main",
    "before": "0" * 40,
    "after": COMMIT,
    "commits": [],
    "pusher": {"name": "ada"},
    "repository": {"name": "shop", "full_name": "acme/shop", "html_url": "https://github.com/acme/shop"},
    "sender": {"login": "ada"},
}


@pytest.fixture(scope="session")
def image(tmp_path_factory, project):
    """An archive of the image, made once a run."""
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent
    maker, file = project / "tests/deploy/make_image.py", root / "jobhook-image.tar"
    with locked(root / "jobhook-image-lock"):
        if not file.exists():
            made = file.with_suffix(".partial")
            command = [sys.executable, maker, made, IMAGE, "--tools", tools()]
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
            if "no image can be made here" in done.stderr:
                pytest.skip(done.stderr.strip())
            assert done.returncode == 0, done.stderr
            made.rename(file)
    return file


@pytest.fixture
def node(request, tmp_path):
    """A cluster with a node that has the image: both are made at the same time."""
    if os.geteuid() != 0:
        pytest.skip("a node needs root")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        starting = pool.submit(start, tmp_path / "cluster", "--node")
        try:
            archive = request.getfixturevalue("image")
        finally:
            cluster = starting.result()
    try:
        load = [cluster.tools / "load-image", cluster.folder, archive]
        subprocess.run(load, check=True, capture_output=True, timeout=120)
        yield cluster
    finally:
        stop(cluster)


@pytest.fixture
def overlay(node, project, hello, sink, tmp_path):
    """The manifests with what a node without a pod network needs, and two receivers on ports of their own."""
    folder, ports = tmp_path / "overlay", free_ports(2)
    folder.mkdir()
    (folder / "hello.yaml").write_text(hello(node.image))
    config = yaml.safe_load((project / "manifests/base/jobhook.yaml").read_text())
    config |= {"retention": {"succeeded": "0s"}, "settle": "0s", "sinks": [{"name": "test", "url": sink.url}]}
    (folder / "jobhook.yaml").write_text(json.dumps(config))
    changed = [
        {"name": "jobhook-config", "namespace": "jobhook", "behavior": "replace", "files": ["jobhook.yaml"]},
        {"name": "jobhook-definitions", "namespace": "jobhook", "behavior": "replace", "files": ["hello.yaml"]},
    ]
    changed[1]["options"] = {"disableNameSuffixHash": True}
    whole = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(project / "manifests", folder)],
        "images": [{"name": "jobhook", "newName": IMAGE.partition(":")[0], "newTag": IMAGE.partition(":")[2]}],
        "configMapGenerator": changed,
        "secretGenerator": [{"name": "jobhook", "namespace": "jobhook", "literals": [f"github={SECRET}"]}],
        "patches": patches(node, ports[0]),
    }
    whole["secretGenerator"][0]["options"] = {"disableNameSuffixHash": True}
    (folder / "kustomization.yaml").write_text(json.dumps(whole))
    objects = list(yaml.safe_load_all(node.kubectl("kustomize", str(folder))))
    # One port of the machine is one receiver's, so that the second replica is a Deployment of its own here.
    (first,) = [each for each in objects if each["kind"] == "Deployment"]
    second = json.loads(json.dumps(first).replace(str(ports[0]), str(ports[1])))
    second["metadata"]["name"] = "jobhook-second"
    for each, name in ((first, "first"), (second, "second")):
        each["spec"]["selector"]["matchLabels"]["test"] = name
        each["spec"]["template"]["metadata"]["labels"]["test"] = name
    return [*objects, second], ports


def patches(node, port):
    """Host network; the API server's and the receiver's addresses on the machine's loopback."""
    server = yaml.safe_load(node.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    variables = {"HOST": "127.0.0.1", "PORT": str(port), "KUBERNETES_SERVICE_HOST": "127.0.0.1"}
    variables["KUBERNETES_SERVICE_PORT"] = server.rpartition(":")[2]
    probes = ("startupProbe", "livenessProbe", "readinessProbe")
    local = {name: {"httpGet": {"host": "127.0.0.1", "port": port}} for name in probes}
    receiver = {
        "name": "receiver",
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "ports": [{"name": "http", "containerPort": 8080, "$patch": "delete"}, {"name": "it", "containerPort": port}],
        **local,
    }
    cleanup = {"name": "cleanup", "env": [{"name": "JOBHOOK_URL", "value": f"http://127.0.0.1:{port}"}]}
    lax = {"pod-security.kubernetes.io/enforce": "privileged"}  # `restricted` refuses the host's network
    made = [
        namespaced("v1", "Namespace", "jobhook", metadata={"labels": lax}),
        namespaced(
            "apps/v1",
            "Deployment",
            "jobhook",
            spec={"replicas": 1, "template": {"spec": {"hostNetwork": True, "containers": [receiver]}}},
        ),
        namespaced(
            "batch/v1",
            "CronJob",
            "jobhook-cleanup",
            spec={
                "suspend": True,
                "schedule": "* * * * *",  # so that there always is a run that was missed a moment ago
                "jobTemplate": {"spec": {"template": {"spec": {"hostNetwork": True, "containers": [cleanup]}}}},
            },
        ),
    ]
    return [{"patch": json.dumps(each)} for each in made]


def namespaced(version, kind, name, **more):
    meta = {"name": name} | ({} if kind == "Namespace" else {"namespace": "jobhook"}) | more.pop("metadata", {})
    return {"apiVersion": version, "kind": kind, "metadata": meta, **more}


def free_ports(count):
    """Ports of the machine that nobody has."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def push(port):
    """A signed delivery as GitHub sends it; answers the status and the answer's JSON."""
    body = json.dumps(PUSH).encode()
    headers = {
        "content-type": "application/json",
        "accept": "application/json",
        "x-github-event": "push",
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-hub-signature-256": f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}",
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", "/hooks/github", body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def get(cluster, namespace, kind):
    return json.loads(cluster.kubectl("--namespace", namespace, "get", kind, "-o", "json"))["items"]


def test_from_the_manifests_to_the_cleanup(node, overlay, sink):
    """Ready, an event in, a Job on the node, a completion with its result out, and the CronJob's pod cleans up."""
    objects, ports = overlay
    node.apply(*objects)
    until(lambda: ready(node) == 2, what="two receivers that are ready")

    answers = [push(port) for port in ports]
    assert [status for status, _ in answers] == [202, 202]
    (first,), (second,) = (told["jobs"] for _, told in answers)
    assert (first["created"], second["created"]) == (True, False), "the second receiver knows what the first has made"
    assert first["name"] == second["name"]

    completion = sink.wait(first["name"])
    assert completion["type"] == "dev.jobhook.job.succeeded.v1"
    assert completion["data"]["result"] == {"commit": COMMIT}
    (ran,) = get(node, "jobhook-jobs", "pods")
    assert ran["spec"]["nodeName"]
    assert ran["status"]["phase"] == "Succeeded"

    let_cron_run(node)
    job = until(lambda: next(iter(made_by_cron(node)), None), what="a Job of the CronJob")
    assert job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    until(lambda: condition(made_by_cron(node)[0]) == "Complete", what="the CronJob's pod")
    log = node.kubectl("--namespace", "jobhook", "logs", f"job/{job['metadata']['name']}")
    assert json.loads(log)["deleted"] == 1, log + said(node)
    assert get(node, "jobhook-jobs", "jobs") == []
    assert len(sink.of(first["name"])) == 1


def let_cron_run(node):
    """Make the CronJob due: it is told that its last run was ten minutes ago, and its controller does the rest."""
    ago = (dt.datetime.now(dt.UTC) - dt.timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    patch = ("--namespace", "jobhook", "patch", "cronjob", "jobhook-cleanup", "--type=merge")
    node.kubectl(*patch, "--subresource=status", "-p", json.dumps({"status": {"lastScheduleTime": ago}}))
    node.kubectl(*patch, "-p", json.dumps({"spec": {"suspend": False}}))


def ready(node):
    """How many receivers are ready; tells why one ended, if one did."""
    pods = [each for each in get(node, "jobhook", "pods") if each["metadata"]["labels"].get("test")]
    states = [each["status"].get("containerStatuses", [{}])[0] for each in pods]
    assert not any(each.get("restartCount") for each in states), said(node, "--previous")
    return sum(each.get("ready", False) for each in states)


def said(node, *more):
    """The receivers' logs, for a test that failed."""
    return node.kubectl(
        "--namespace", "jobhook", "logs", "--selector=app.kubernetes.io/component=receiver", "--tail=-1", *more
    )


def made_by_cron(node):
    owned = [each for each in get(node, "jobhook", "jobs") if each["metadata"].get("ownerReferences")]
    return [each for each in owned if each["metadata"]["ownerReferences"][0]["kind"] == "CronJob"]


def condition(job):
    found = [each["type"] for each in job["status"].get("conditions", ()) if each["status"] == "True"]
    assert "Failed" not in found, job["status"]
    return "Complete" if "Complete" in found else None
