"""What only a real node can show of the Job API: images that never come, pods that fit nowhere, restarts, strangers."""

import json

import pytest
from driving import Place, config, until

JOB = """
name: {name}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: {restart}
        {more}
        containers:
          - name: main
            image: {image}
            imagePullPolicy: IfNotPresent
            command: [sh, -c, '{script}']
"""


def _job(name, image, *, script="exit 0", more="terminationGracePeriodSeconds: 1", restart="Never"):
    return JOB.format(name=name, image=image, script=script, more=more, restart=restart)


@pytest.fixture
def place(throwaway):
    """A namespace of the cluster."""
    environ = {
        "JOBHOOK_CLUSTER": "kubernetes",
        "KUBECONFIG": str(throwaway.kubeconfig),
        "JOB_NAMESPACE": throwaway.namespace(),
    }
    return Place(environ, throwaway.image)


def _start(receivers, folder, sink, place, *definitions):
    files = {f"{number}.yaml": text for number, text in enumerate(definitions)}
    return receivers(folder, definitions=files, config=config(sink), environ=place.environ).start()


def _submit(receiver, definition):
    body = json.dumps({"definition": definition})
    answer = receiver.as_caller("POST", "/jobs", body, {"content-type": "application/json"})
    return answer.json["jobs"][0]["name"]


@pytest.mark.timeout(240)
def test_a_job_that_hangs_says_why_and_is_cancelled(receivers, tmp_path, sink, place):
    """An image that cannot be had, and a pod that fits nowhere: neither ends by itself; both end by order."""
    nowhere = "nodeSelector: {nobody: has-this}\n        terminationGracePeriodSeconds: 1"
    receiver = _start(
        receivers,
        tmp_path,
        sink,
        place,
        _job("image", "127.0.0.1:1/nobody/has-this:1"),
        _job("nowhere", place.image, more=nowhere),
    )
    image, nowhere = _submit(receiver, "image"), _submit(receiver, "nowhere")
    told = until(
        lambda: (j := receiver.job(image))["reason"] in {"ErrImagePull", "ImagePullBackOff"} and j,
        seconds=90,
        what="the image's trouble",
    )
    assert (told["state"], told["container"], "has-this" in told["message"]) == ("pending", "main", True)
    until(lambda: "Failed" in {one["reason"] for one in receiver.job(image)["warnings"]}, what="the kubelet's warning")
    told = until(lambda: (j := receiver.job(nowhere))["reason"] and j, seconds=90, what="the scheduler's word")
    assert (told["state"], told["reason"], "node" in told["message"]) == ("pending", "Unschedulable", True)
    for name in (image, nowhere):
        assert receiver.as_caller("DELETE", f"/jobs/{name}?reason=it%20hangs").status == 202
    for name in (image, nowhere):
        assert receiver.wait_ended(name)["state"] == "cancelled"
        event = sink.wait(name)
        assert event["type"] == "dev.jobhook.job.cancelled.v1"
        assert event["data"]["message"] == "cancelled by test: it hangs"


@pytest.mark.timeout(240)
def test_restarts_within_a_pod_are_followed(receivers, tmp_path, sink, place):
    """Each run of the same container; `previous` is the one before the last."""
    script = (
        'n=$(cat /kept/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > /kept/n; echo "run $n"; [ $n -ge 2 ] && sleep 8'
    )
    definition = _job(
        "again", place.image, script=script, restart="OnFailure", more="volumes: [{name: kept, emptyDir: {}}]"
    )
    definition = definition.replace("backoffLimit: 0", "backoffLimit: 3") + (
        "            volumeMounts: [{name: kept, mountPath: /kept}]\n"
    )
    receiver = _start(receivers, tmp_path, sink, place, definition)
    name = _submit(receiver, "again")
    # While the pod lives: the kubelet throws the earlier runs of one that has ended away.
    previous = f"/jobs/{name}/logs?previous=true"
    until(lambda: receiver.as_caller("GET", previous).body == b"run 1\n", seconds=90, what="the run before")
    answer = receiver.ask(
        "GET",
        f"/jobs/{name}/logs?follow=true",
        headers={"authorization": "Bearer a-token-of-the-test-0123456789"},
        timeout=120,
    )
    assert answer.body == b"run 1\nrun 2\n"
    job = receiver.wait_ended(name)
    assert (job["state"], job["tries"][0]["containers"][0]["restarts"]) == ("succeeded", 1)
    assert receiver.as_caller("GET", f"/jobs/{name}/logs").body == b"run 2\n"


@pytest.mark.timeout(240)
def test_strangers_are_as_good_as_absent(receivers, tmp_path, sink, place, throwaway):
    """Their Jobs are 404 for whatever is asked; their pods, even with our Job's label, are nobody's of ours."""
    receiver = _start(receivers, tmp_path, sink, place, _job("mine", place.image, script="echo mine"))
    namespace = place.environ["JOB_NAMESPACE"]
    name = _submit(receiver, "mine")
    receiver.wait_ended(name)
    container = {"name": "main", "image": place.image, "command": ["sh", "-c", "echo a secret; sleep 300"]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "stranger",
            "namespace": namespace,
            "labels": {"batch.kubernetes.io/job-name": name, "job-name": name},
        },
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "strangers", "namespace": namespace},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }
    throwaway.apply(pod, job)
    until(
        lambda: (
            throwaway.kubectl("get", "pod", "stranger", "-n", namespace, "-o", "jsonpath={.status.phase}") == "Running"
        ),
        seconds=90,
        what="the stranger's pod",
    )
    assert receiver.as_caller("GET", f"/jobs/{name}/logs").body == b"mine\n"
    assert receiver.as_caller("GET", f"/jobs/{name}/logs?pod=stranger").status == 404
    assert [one["name"] for one in receiver.job(name)["tries"]] != ["stranger"]
    for method, path in (
        ("GET", "/jobs/strangers"),
        ("GET", "/jobs/strangers/logs"),
        ("GET", "/jobs/strangers/logs?follow=true"),
        ("GET", "/jobs/strangers/status"),
        ("DELETE", "/jobs/strangers"),
        ("DELETE", "/jobs/strangers?purge=true"),
        ("POST", "/jobs/strangers/rerun"),
    ):
        assert receiver.as_caller(method, path).status == 404, path
    found = json.loads(throwaway.kubectl("get", "job", "strangers", "-n", namespace, "-o", "json"))
    assert "activeDeadlineSeconds" not in found["spec"]
    throwaway.kubectl("delete", "pod/stranger", "job/strangers", "-n", namespace, "--wait=false")


@pytest.mark.timeout(240)
def test_a_job_without_a_pod_says_why(receivers, tmp_path, sink, place, throwaway):
    """The namespace takes no pod: the Job's warning Events say so."""
    namespace = place.environ["JOB_NAMESPACE"]
    throwaway.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "no-pods", "namespace": namespace},
            "spec": {"hard": {"pods": "0"}},
        }
    )
    receiver = _start(receivers, tmp_path, sink, place, _job("mine", place.image))
    name = _submit(receiver, "mine")
    job = until(lambda: (j := receiver.job(name))["reason"] and j, seconds=90, what="the reason")
    assert (job["state"], job["reason"], "no-pods" in job["message"]) == ("pending", "FailedCreate", True)
    assert receiver.as_caller("DELETE", f"/jobs/{name}").status == 202
    assert receiver.wait_ended(name)["state"] == "cancelled"
