"""A batch with mixed fates at the real process: each event's is told, and the worst of all is the status."""

import asyncio
import json

import pytest
from driving import Receiver, Sink, config

from webhook import identity, marks
from webhook.clusters.local import LocalCluster

JOB = """
name: NAME
on: [{type: com.example.TYPE}]
params:
  commit: {from: "event.data.commit | default('abcd')", pattern: "[0-9a-f]{4}"}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    suspend: true
    template:
      spec:
        restartPolicy: Never
        containers: [{name: one, image: busybox, command: ["true"], args: [{{ commit }}]}]
"""
CROWD = "\n---\n".join(JOB.replace("NAME", f"crowd-{number}").replace("TYPE", "crowd") for number in range(51))
CLASHING = identity.job_name("one", identity.job_key("one", "events", "/b", "clash"))
BATCH = {"content-type": "application/cloudevents-batch+json"}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """With a definition for good and bad values, fifty-one for one type, and another's Job by the name of an event's."""
    folder, sink = tmp_path_factory.mktemp("batches"), Sink()

    async def forge():
        async with LocalCluster(folder / ".jobhook") as cluster:
            await cluster.jobs.create(
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "metadata": {
                        "name": CLASHING,
                        "labels": {marks.MANAGED_BY: "jobhook"},
                        "annotations": {marks.KEY: "0" * 64},
                    },
                    "spec": {
                        "suspend": True,
                        "template": {
                            "spec": {
                                "restartPolicy": "Never",
                                "containers": [{"name": "one", "image": "none", "command": ["true"]}],
                            }
                        },
                    },
                }
            )

    asyncio.run(forge())
    definitions = {
        "one.yaml": JOB.replace("NAME", "one").replace("TYPE", "one"),
        "two.yaml": JOB.replace("NAME", "two").replace("TYPE", "one"),
        "crowd.yaml": CROWD,
    }
    made = Receiver(folder, definitions=definitions, config=config(sink)).start()
    yield made
    assert made.stop() == 0
    sink.close()


def _event(id_, type_="com.example.one", **data):
    return {"specversion": "1.0", "source": "/b", "id": id_, "type": type_, "data": data}


def _post(receiver, *events):
    return receiver.as_caller("POST", "/events", json.dumps(events).encode(), BATCH)


def _is_problem(answer, status):
    assert answer.status == answer.json["status"] == status, answer.body
    assert answer.getheader("content-type") == "application/problem+json"


def test_a_refused_value_is_one_events_fate(receiver):
    """202 beside 422 is 422: the other event's Jobs are there, and told."""
    answer = _post(receiver, _event("good"), _event("bad", commit="none"))
    _is_problem(answer, 422)
    good, bad = answer.json["events"]
    assert [job["created"] for job in good["jobs"]] == [True, True]
    assert all("commit" in job["refused"] for job in bad["jobs"])


def test_too_many_definitions_are_one_events_fate(receiver):
    """An event that fifty-one ask for has no Jobs, and says why; its neighbours have theirs."""
    answer = _post(receiver, _event("before"), _event("crowd", "com.example.crowd"), _event("after"))
    _is_problem(answer, 422)
    assert answer.json["detail"] == answer.json["events"][1]["refused"]
    assert "51 definitions" in answer.json["detail"]
    assert [len(event["jobs"]) for event in answer.json["events"]] == [2, 0, 2]


def test_too_many_definitions_for_one_event_are_422_as_well(receiver):
    """In the form of every event's answer."""
    answer = receiver.send(type="com.example.crowd", id="alone")
    _is_problem(answer, 422)
    assert (answer.json["event"], answer.json["jobs"]) == ("alone", [])
    assert "51 definitions" in answer.json["refused"]


def test_an_alarm_hides_no_other_fate(receiver):
    """A forged Job under an event's name is 500, whatever else there is; the rest of the batch and of the event is told."""
    answer = _post(receiver, _event("beside"), _event("clash"), _event("wrong", commit="none"))
    _is_problem(answer, 500)
    beside, clash, wrong = (event["jobs"] for event in answer.json["events"])
    assert [job["created"] for job in beside] == [True, True]
    assert CLASHING in clash[0]["clashed"]
    assert clash[1]["created"] is True
    assert len([job for job in wrong if "refused" in job]) == 2
    alone = receiver.send(source="/b", type="com.example.one", id="clash")
    _is_problem(alone, 500)
    assert [set(job) & {"clashed", "created"} for job in alone.json["jobs"]] == [{"clashed"}, {"created"}]
