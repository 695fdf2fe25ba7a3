"""Kubernetes' objects as they travel, and their reading."""

import json
from datetime import UTC, datetime

import pytest

from webhook.clusters.objects import EventObject, JobList, JobObject, PodObject
from webhook.clusters.reading import EPOCH, read_job, read_pod, read_warning
from webhook.job import Container, State
from webhook.json import as_type


def job(**fields):
    return read_job(as_type(json.dumps(fields), JobObject))


def pod(**fields):
    return read_pod(as_type(json.dumps(fields), PodObject))


def test_a_job_is_read_whole():
    """Every field of the value comes from its place in the object; unknown fields are skipped."""
    read = job(
        apiVersion="batch/v1",
        metadata={
            "name": "build-1",
            "namespace": "ci",
            "uid": "u1",
            "resourceVersion": "42",
            "labels": {"a": "b"},
            "annotations": {"c": "d"},
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "deletionTimestamp": "2026-01-02T03:05:05Z",
            "managedFields": [{"manager": "x"}],
        },
        spec={"suspend": True, "template": {"spec": {}}},
        status={"startTime": "2026-01-02T03:04:06Z", "active": 1, "ready": 2, "succeeded": 3, "failed": 4},
    )
    assert (read.name, read.namespace, read.uid, read.resource_version) == ("build-1", "ci", "u1", "42")
    assert (read.labels, read.annotations) == ({"a": "b"}, {"c": "d"})
    assert read.created == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert read.started == datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)
    assert (read.active, read.ready, read.succeeded, read.failed) == (1, 2, 3, 4)
    assert read.suspended
    assert read.deleting
    assert read.end is None


@pytest.mark.parametrize(
    ("kind", "status", "state"),
    [
        ("Complete", "True", State.SUCCEEDED),
        ("Failed", "True", State.FAILED),
        ("Failed", "False", State.PENDING),
        ("Complete", "Unknown", State.PENDING),
        ("SuccessCriteriaMet", "True", State.PENDING),
        ("FailureTarget", "True", State.PENDING),
        ("Suspended", "True", State.PENDING),
    ],
)
def test_only_complete_and_failed_with_status_true_are_terminal(kind, status, state):
    """Interim conditions and those that are not True leave the Job open."""
    read = job(status={"conditions": [{"type": kind, "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z"}]})
    assert read.state is state


def test_the_end_is_at_the_conditions_transition():
    """completionTime, which is set on success only, does not decide."""
    at = "2026-01-01T00:00:09Z"
    ended = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m"}
    interim = {"type": "FailureTarget", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z"}
    end = job(status={"conditions": [interim, ended | {"lastTransitionTime": at}]}).end
    assert end is not None
    assert (end.succeeded, end.reason, end.message) == (False, "BackoffLimitExceeded", "m")
    assert end.at == datetime(2026, 1, 1, 0, 0, 9, tzinfo=UTC)


def test_an_end_without_a_time_falls_back():
    """A condition without lastTransitionTime ends at completionTime, else at the creation."""
    bare = {"type": "Complete", "status": "True"}
    completed = job(status={"conditions": [bare], "completionTime": "2026-01-01T00:00:07Z"}).end
    created = job(metadata={"creationTimestamp": "2026-01-01T00:00:01Z"}, status={"conditions": [bare]}).end
    assert completed is not None
    assert created is not None
    assert (completed.at.second, created.at.second) == (7, 1)


def test_an_odd_object_does_not_hide_its_page():
    """Absent, null and unreadable fields, and a condition without a type, are read as nothing."""
    text = b"""{"metadata": {"continue": "abc", "resourceVersion": "7"}, "items": [
        {}, {"metadata": {"name": "x", "labels": null, "creationTimestamp": null}, "status": {"conditions": null}},
        {"metadata": {"creationTimestamp": "yesterday"}, "status": {"conditions": [{"status": "True"}]}}]}"""
    page = as_type(text, JobList)
    assert (page.metadata.after, page.metadata.resource_version) == ("abc", "7")
    assert [read_job(item).created for item in page.items or ()] == [EPOCH] * 3


def test_null_items_are_an_empty_page():
    """Go writes an empty list as null."""
    assert as_type('{"metadata": {}, "items": null}', JobList).items is None


def test_containers_are_read_in_each_state():
    """Init containers come first; one without a status is waiting."""
    read = pod(
        metadata={"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
        spec={"initContainers": [{"name": "fetch"}], "containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]},
        status={
            "phase": "Running",
            "initContainerStatuses": [
                {"name": "fetch", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
            ],
            "containerStatuses": [
                {"name": "a", "restartCount": 2, "state": {"running": {"startedAt": "2026-01-01T00:00:01Z"}}},
                {"name": "b", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}},
            ],
        },
    )
    assert read.containers == (
        Container(name="fetch", init=True, state="terminated", reason="Completed", exit_code=0),
        Container(name="a", state="running", restarts=2, started=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)),
        Container(name="b", reason="ImagePullBackOff", message="no such image"),
        Container(name="c"),
    )


def test_a_terminated_container_keeps_its_message_and_times():
    """The termination message and the exit code are what a completion reports."""
    ended = {
        "exitCode": 137,
        "reason": "OOMKilled",
        "message": "result",
        "startedAt": "2026-01-01T00:00:01Z",
        "finishedAt": "2026-01-01T00:00:02Z",
    }
    (container,) = pod(status={"containerStatuses": [{"name": "a", "state": {"terminated": ended}}]}).containers
    assert (container.exit_code, container.reason, container.message) == (137, "OOMKilled", "result")
    assert container.started is not None
    assert container.finished is not None
    assert (container.finished - container.started).total_seconds() == 1


@pytest.mark.parametrize("place", ["annotations", "labels"])
def test_the_index_comes_from_the_annotation_or_the_label(place):
    """Older servers set only the annotation."""
    assert pod(metadata={place: {"batch.kubernetes.io/job-completion-index": "3"}}).index == 3
    assert pod(metadata={place: {"batch.kubernetes.io/job-completion-index": "x"}}).index is None
    assert pod().index is None


def test_a_pod_that_cannot_be_scheduled_says_so():
    """The PodScheduled condition stands in where the pod itself has no reason."""
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    read = pod(status={"phase": "Pending", "conditions": [unscheduled]})
    assert (read.reason, read.message) == ("Unschedulable", "0/3 nodes")
    evicted = pod(status={"phase": "Failed", "reason": "Evicted", "conditions": [unscheduled]})
    assert evicted.reason == "Evicted"


@pytest.mark.parametrize(
    ("fields", "count", "second"),
    [
        ({"count": 4, "lastTimestamp": "2026-01-01T00:00:04Z", "firstTimestamp": "2026-01-01T00:00:01Z"}, 4, 4),
        (
            {
                "series": {"count": 3, "lastObservedTime": "2026-01-01T00:00:05.5Z"},
                "eventTime": "2026-01-01T00:00:01Z",
                "lastTimestamp": None,
            },
            3,
            5,
        ),
        ({"eventTime": "2026-01-01T00:00:06Z", "count": None}, 1, 6),
    ],
)
def test_events_of_both_styles_are_read(fields, count, second):
    """`count` and `lastTimestamp` in the older style, `series` and `eventTime` in the newer."""
    about = {"kind": "Pod", "name": "p", "uid": "u"}
    text = json.dumps(fields | {"involvedObject": about, "type": "Warning", "reason": "FailedMount", "message": "m"})
    read = read_warning(as_type(text, EventObject))
    assert (read.about, read.reason, read.message, read.count) == ("Pod/p", "FailedMount", "m", count)
    assert read.at is not None
    assert read.at.second == second
