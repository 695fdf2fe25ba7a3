"""What somebody who can send, and has seen others' requests, tries: each against the real process."""

import json
import threading
import time
import uuid

from driving import SECRET, Receiver, Sink, config, until
from honest import BODY, Honest

HOSTILE = r"""
name: hostile
on: [{type: com.example.hostile}]
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: one
            image: busybox
            command: [sh, -c, 'cat "$FILE" > "$JOBHOOK_TERMINATION_LOG"; cat "$FILE"']
            env: [{name: FILE, value: "FOLDER/message"}]
"""


def test_a_hooks_type_at_events_is_403_in_every_mode(receiver):
    """GitHub's, ours, and a batch that holds one; a relay in a subtle spelling gets no further."""
    for type_ in ("com.github.push", "dev.jobhook.job.succeeded.v1"):
        for mode in ("binary", "structured"):
            for path in ("/", "/events"):
                answer = receiver.send(type=type_, mode=mode, path=path)
                assert answer.status == 403, (type_, mode, path)
    event = {"specversion": "1.0", "source": "https://github.com/acme/shop", "type": "com.github.push"}
    batch = [{**event, "id": "1", "type": "com.example.none"}, {**event, "id": "2"}]
    headers = {"content-type": "application/cloudevents-batch+json"}
    assert receiver.as_caller("POST", "/events", json.dumps(batch).encode(), headers).status == 403


def test_a_captured_delivery_launches_nothing_again(receiver):
    """Under a fresh id a duplicate, under another event's name 422, at another source 401: one Job in all."""
    body = BODY.replace(b"main", uuid.uuid4().hex.encode())
    first = receiver.push(body, delivery="first")
    assert [job["created"] for job in first.json["jobs"]] == [True]
    for delivery in ("first", "second", str(uuid.uuid4())):
        again = receiver.push(body, delivery=delivery)
        assert [(job["name"], job["created"]) for job in again.json["jobs"]] == [(first.json["jobs"][0]["name"], False)]
    for event in ("release", "pull_request", "issues", "workflow_run", "star", "create"):
        assert receiver.push(body, event=event).status == 422, event
    assert receiver.push(b" " + body, secret=SECRET[:-1]).status == 401


def test_a_forged_completion_is_not_believed(receiver):
    """Whatever it says of itself; and a sender's word for how far a chain has come counts for nothing."""
    assert receiver.send({"outcome": "succeeded"}, type="dev.jobhook.job.succeeded.v1", subject="any-x").status == 403
    assert receiver.send(type="com.example.none", jobhookhops="-1", causationid="x").status == 202


def test_jobs_that_are_not_ours_are_404(receiver):
    """Describe and logs alike; a label's filter reaches no further."""
    for name in ("kube-system", "x", "any-00000000000000000000", "any"):
        assert receiver.as_caller("GET", f"/jobs/{name}").status == 404
        assert receiver.as_caller("GET", f"/jobs/{name}/logs").status == 404
        assert receiver.as_caller("GET", f"/jobs/{name}/logs?container=one").status == 404
    query = "/jobs?label=app.kubernetes.io/managed-by=somebody"
    found = receiver.as_caller("GET", query).json["jobs"]
    assert {job["labels"]["app.kubernetes.io/managed-by"] for job in found} <= {"jobhook"}


def test_100_000_elements_in_a_loop_are_422_and_stop_nobody(receiver):
    """Rendering ends at its limit, and the probes are answered meanwhile."""
    waits, stop = [], threading.Event()

    def probe():
        while not stop.is_set():
            start = time.monotonic()
            assert receiver.ask("GET", "/healthz").status == 200
            waits.append(time.monotonic() - start)

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        with Honest(receiver):
            for items in (["x"] * 100_000, list(range(100_000)), [[]] * 100_000):
                answer = receiver.send({"items": items}, type="com.example.list")
                assert answer.status == 422, answer.body
                assert len(answer.body) < 2000
    finally:
        stop.set()
        thread.join()
    assert max(waits) < 5
    assert receiver.send({"items": ["a", "b"]}, type="com.example.list").status == 202


def test_a_hostile_termination_message_and_log_are_only_text(tmp_path):
    """Bytes that are no UTF-8, escapes, deep JSON, and far too much of it: one valid completion, and the log as it was."""
    sink = Sink()
    definition = HOSTILE.replace("FOLDER", str(tmp_path))
    receiver = Receiver(tmp_path, definitions={"hostile.yaml": definition}, config=config(sink))
    messages = [
        b"\xff\xfe\x00\x1b[2J\r\nevent: forged",
        b'{"outcome": "succeeded", "a":' + b"[" * 500,
        b"<script>alert(1)</script>{{ 7 * 7 }}{% raw %}",
        b"NaN",
        b"\xed\xa0\x80",
        b"x" * 1_000_000,
    ]
    try:
        receiver.start()
        for number, message in enumerate(messages):
            (tmp_path / "message").write_bytes(message)
            name = receiver.send(type="com.example.hostile", id=str(number)).json["jobs"][0]["name"]
            completion = sink.wait(name)
            assert completion["type"] == "dev.jobhook.job.succeeded.v1", number
            assert completion["subject"] == name
            assert len(json.dumps(completion["data"]["result"])) < 30_000
            log = receiver.as_caller("GET", f"/jobs/{name}/logs")
            assert log.getheader("content-type") == "text/plain; charset=utf-8"
            assert log.getheader("x-content-type-options") == "nosniff"
            assert log.body == message
        until(lambda: receiver.ask("GET", "/healthz").status == 200)
        assert "Traceback" not in receiver.log.read_text()
    finally:
        receiver.stop()
        sink.close()
