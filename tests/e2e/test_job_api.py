"""The Job API over Jobs that really run, on this machine and on a real node: logs, cancels, what a description says."""

import contextlib
import http.client
import json
import os
import pathlib
import socket
import threading
import time

import pytest
from driving import TOKEN, config, until

JOB = """
name: NAME
params: {go: {default: ""}}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: RETRIES
    template:
      spec:
        restartPolicy: Never
        terminationGracePeriodSeconds: 1
        containers:
CONTAINERS
"""
CONTAINER = """
          - name: NAME
            image: IMAGE
            imagePullPolicy: IfNotPresent
            command: [sh, -c, 'SCRIPT']
            env: [{name: GO, value: {{ go }}}]
"""


def _job(place, name, *, retries=0, **scripts):
    parts = [
        CONTAINER.replace("NAME", part).replace("SCRIPT", script).replace("IMAGE", place.image).strip("\n")
        for part, script in scripts.items()
    ]
    return JOB.replace("NAME", name, 1).replace("RETRIES", str(retries)).replace("CONTAINERS", "\n".join(parts))


@pytest.fixture
def serve(place, receivers, sink, tmp_path):
    """Start a receiver with some definitions."""

    def start(**definitions):
        files = {f"{name}.yaml": text for name, text in definitions.items()}
        return receivers(tmp_path, definitions=files, config=config(sink), environ=place.environ).start()

    return start


def _submit(receiver, definition, **params):
    body = json.dumps({"definition": definition, "params": params})
    answer = receiver.as_caller("POST", "/jobs", body, {"content-type": "application/json"})
    assert answer.status == 201, answer.body
    return answer.json["jobs"][0]["name"]


class Follower(threading.Thread):
    """A client that reads a followed log as it comes."""

    def __init__(self, receiver, path, accept="text/plain"):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=90)
        headers = {"authorization": f"Bearer {TOKEN}", "accept": accept}
        self.connection.request("GET", path, headers=headers)
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        self.text, self.times = b"", []
        self.start()

    def run(self):
        with contextlib.suppress(OSError, AttributeError, ValueError, http.client.HTTPException):
            while piece := self.response.read1():
                self.text += piece
                self.times.append(time.monotonic())

    def leave(self):
        """Go away without a word."""
        if self.socket.fileno() >= 0:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
        self.join(10)
        self.response.close()
        self.connection.close()
        self.socket.close()


@pytest.fixture
def follow():
    """A maker of followers that are gone with the test."""
    made = []

    def make(receiver, name, **options):
        made.append(Follower(receiver, f"/jobs/{name}/logs?follow=true", **options))
        return made[-1]

    yield make
    for one in made:
        one.leave()


@pytest.mark.timeout(240)
def test_a_log_is_followed_from_before_the_start_over_retries_to_the_end(serve, place, follow):
    """The first try fails, the second succeeds; lines come as they are written, and the answer ends with the Job."""
    script = 'for n in 1 2 3; do echo "line $n of $HOSTNAME"; sleep 1; done; exit 1'
    receiver = serve(twice=_job(place, "twice", retries=1, main=script))
    name = _submit(receiver, "twice")
    follower = follow(receiver, name)
    assert follower.response.status == 200
    as_json = follow(receiver, name, accept="application/x-ndjson")
    until(lambda: b"line 1" in follower.text, seconds=90, what="the first line")
    follower.join(120)
    assert not follower.is_alive()
    lines = follower.text.decode().splitlines()
    assert [line.split()[1] for line in lines if line.startswith("line")] == ["1", "2", "3"] * 2, lines
    tries = receiver.wait_ended(name)["tries"]
    assert len(tries) == 2
    assert [line for line in lines if line.startswith("==>")] == [f"==> {tries[1]['name']} main <=="]
    assert len(follower.times) >= 4  # not all at once
    as_json.join(30)
    told = [json.loads(line) for line in as_json.text.splitlines()]
    assert [one["line"].split()[1] for one in told] == ["1", "2", "3"] * 2
    assert {one["pod"] for one in told} == {one["name"] for one in tries}
    assert all(one["container"] == "main" and one["time"] > "2020" for one in told)
    _the_same_afterwards(receiver, name, tries)


def _the_same_afterwards(receiver, name, tries):
    """What was written is told in full, or in part, after the end, too."""
    whole = receiver.as_caller("GET", f"/jobs/{name}/logs").body.decode()
    assert whole.count("==> ") == 2
    assert whole.count("line ") == 6
    one = receiver.as_caller("GET", f"/jobs/{name}/logs?pod={tries[0]['name']}&tail=1").body.decode()
    assert one.split()[:2] == ["line", "3"]
    stamped = receiver.as_caller("GET", f"/jobs/{name}/logs?pod={tries[0]['name']}&timestamps=true").body.decode()
    stamp, text = stamped.splitlines()[1].split(" ", 1)
    assert (stamp[:2], text[:6]) == ("20", "line 2")
    assert receiver.as_caller("GET", f"/jobs/{name}/logs?pod={tries[0]['name']}&since=0s").body == b""
    for query in ("pod=nobody", "container=nobody"):
        assert receiver.as_caller("GET", f"/jobs/{name}/logs?{query}").status == 404
    assert receiver.as_caller("GET", f"/jobs/{name}/logs?tail=x").status == 400
    again = receiver.as_caller("GET", f"/jobs/{name}/logs?follow=true")
    assert again.body.count(b"line ") == 6


@pytest.mark.timeout(240)
def test_followed_logs_leave_nothing_open(serve, place, follow):
    """Clients that go away take their streams with them; the receiver stops in time while others still follow."""
    receiver = serve(long=_job(place, "long", main='echo here; trap "exit 0" TERM; sleep 300 & wait'))
    name = _submit(receiver, "long")
    until(lambda: receiver.job(name)["state"] == "running", seconds=90, what="the start")
    before = _descriptors(receiver)  # with some that end by themselves: of connections asked and left
    clients = [follow(receiver, name) for _ in range(20)]
    until(lambda: all(client.text == b"here\n" for client in clients), what="a line for each")
    assert _descriptors(receiver) >= before + 15
    for client in clients:
        client.leave()
    until(lambda: _descriptors(receiver) <= before + 6, what="the streams' end")
    last = follow(receiver, name)
    until(lambda: last.text, what="a line for the last")
    began = time.monotonic()
    assert receiver.stop() == 0
    assert time.monotonic() - began < 12
    assert not [line for line in receiver.lines() if line["level"] == "critical"]


def _descriptors(receiver):
    return len(list(pathlib.Path(f"/proc/{receiver.process.pid}/fd").iterdir()))


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="Linux has this policy")
@pytest.mark.timeout(240)
def test_the_receiver_takes_turns_where_jobs_do_not_inherit_it(serve, place):
    """It interrupts nobody when it wakes up (sched(7)); Jobs are scheduled as everything else."""
    policy = 'read -r all < /proc/self/stat; echo "${all##*)}" | cut -d" " -f40'  # the 41st of proc(5), behind two
    receiver = serve(told=_job(place, "told", main=policy))
    ours = os.SCHED_OTHER if place.environ.get("JOBHOOK_CLUSTER") == "local" else os.SCHED_BATCH
    assert os.sched_getscheduler(receiver.process.pid) == ours
    name = _submit(receiver, "told")
    assert receiver.wait_ended(name)["state"] == "succeeded"
    assert receiver.as_caller("GET", f"/jobs/{name}/logs").body.split() == [b"%d" % os.SCHED_OTHER]


@pytest.mark.timeout(240)
def test_a_running_job_is_cancelled(serve, place, sink, follow):
    """It ends at once, stays, and its completion says by whom and why."""
    receiver = serve(long=_job(place, "long", main='echo here; trap "exit 7" TERM; sleep 300 & wait'))
    name = _submit(receiver, "long")
    until(lambda: receiver.job(name)["state"] == "running", seconds=90, what="the start")
    follower = follow(receiver, name)
    until(lambda: follower.text == b"here\n", what="its line")
    assert receiver.as_caller("DELETE", f"/jobs/{name}?reason=too%20long").status == 202
    job = receiver.wait_ended(name)
    assert (job["state"], job["message"]) == ("cancelled", "cancelled by test: too long")
    event = sink.wait(name)
    assert event["type"] == "dev.jobhook.job.cancelled.v1"
    assert (event["data"]["cancelled"]["by"], event["data"]["cancelled"]["reason"]) == ("test", "too long")
    follower.join(30)
    assert not follower.is_alive()


@pytest.mark.timeout(240)
def test_a_description_says_why(serve, place):
    """Exit code, termination message, tries, delivery: what a person asks who was woken by it."""
    script = 'echo {\\"found\\": 3} > "${JOBHOOK_TERMINATION_LOG:-/dev/termination-log}"; exit 3'
    receiver = serve(bad=_job(place, "bad", main=script.replace("'", "")))
    name = _submit(receiver, "bad")
    receiver.wait_ended(name)
    job = until(lambda: (j := receiver.job(name))["completion"] == "delivered" and j, what="delivery")
    assert (job["state"], job["exit_code"], job["container"]) == ("failed", 3, "main")
    assert job["reason"] == "BackoffLimitExceeded"
    assert job["result"] == {"found": 3}
    (one,) = job["tries"]
    assert (one["name"], one["phase"]) == (job["pod"], "Failed")
    assert (one["containers"][0]["exit_code"], one["containers"][0]["state"]) == (3, "terminated")
    assert one["containers"][0]["started"] <= one["containers"][0]["finished"]
    assert job["delivery"]["sink"]["state"] == "delivered"
    assert "BackoffLimitExceeded" in {warning["reason"] for warning in job["warnings"]}
    assert (job["problems"], job["submitted_by"], len(job["definition_digest"])) == ([], "test", 64)


@pytest.mark.timeout(240)
def test_a_description_names_what_came_of_the_job(serve, place):
    """The Jobs that its completion began."""
    step = (
        place.echo()
        .replace("name: echo", "name: step")
        .replace(
            "  - type: {prefix: com.github.}\n    via: github", "  - type: {prefix: dev.jobhook.job.}\n    via: jobs"
        )
    )
    receiver = serve(first=_job(place, "first", main="exit 0"), step=step)
    name = _submit(receiver, "first")
    receiver.wait_ended(name)
    caused = until(lambda: receiver.job(name)["caused"], what="the next step")
    assert [one["definition"] for one in caused] == ["step"]
    assert receiver.job(caused[0]["name"])["event"]["type"] == "dev.jobhook.job.succeeded.v1"


@pytest.mark.timeout(240)
def test_the_output_of_several_containers_is_told_apart(serve, place):
    """A header before each container's part, in lines of JSON the names; `container` chooses."""
    receiver = serve(both=_job(place, "both", one="echo from one", two="echo from two; printf unended"))
    name = _submit(receiver, "both")
    job = receiver.wait_ended(name)
    pod = job["tries"][0]["name"]
    text = receiver.as_caller("GET", f"/jobs/{name}/logs").body.decode()
    assert text == f"==> {pod} one <==\nfrom one\n==> {pod} two <==\nfrom two\nunended"
    assert receiver.as_caller("GET", f"/jobs/{name}/logs?container=one").body == b"from one\n"
    lines = receiver.as_caller("GET", f"/jobs/{name}/logs", headers={"accept": "application/x-ndjson"})
    assert lines.getheader("content-type") == "application/x-ndjson"
    told = [json.loads(line) for line in lines.body.splitlines()]
    assert [(one["container"], one["line"]) for one in told] == [
        ("one", "from one"),
        ("two", "from two"),
        ("two", "unended"),
    ]
    followed = receiver.as_caller("GET", f"/jobs/{name}/logs?follow=true").body.decode()
    assert {line for line in followed.splitlines() if line.startswith("==>")} == {
        f"==> {pod} {n} <==" for n in ("one", "two")
    }
