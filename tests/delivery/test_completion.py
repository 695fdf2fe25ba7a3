"""A finished Job → frozen → its event."""

import json
import re
from datetime import UTC, datetime, timedelta

import jsonschema
import msgspec
import pytest
from changed import replace
from completions import read
from hypothesis import given
from hypothesis import strategies as st

from webhook import marks
from webhook.clusters.objects import JobObject, PodObject
from webhook.clusters.reading import read_job, read_pod
from webhook.completion import Frozen, completion_event, freeze
from webhook.completion.deciding import cut
from webhook.completion.frozen import LIMIT
from webhook.events import decode, to_binary, to_structured
from webhook.job import Container, WarningEvent
from webhook.json import as_type

PLAIN = re.compile(r"[!#$&-~]+")
CAUSE = marks.Cause(
    id="d-1",
    source="https://github.com/acme/app",
    type="com.github.push",
    via="github",
    subject="refs/heads/main",
    time="2026-01-01T00:00:00Z",
    correlationid="c-1",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)


def event_of(job, frozen=None):
    return completion_event(job, frozen or freeze(job, ()), cluster_name="prod", signature="jobhook")


@pytest.fixture(scope="module")
def schema(project):
    return json.loads((project / "docs" / "completion.schema.json").read_text())


def test_tells_of_a_success(make, schema):
    """A Job that succeeded gives the whole event, attribute by attribute."""
    job = make.finished("build-1", annotations={marks.CAUSE: CAUSE.dump(), marks.HOPS: "2"})
    frozen = freeze(job, [make.pod(containers=[make.ended(message='{"image": "x@sha256:1"}')])])

    event = event_of(job, frozen)

    assert event.id == "uid-build-1-finished"
    assert event.source == "//prod/namespaces/jobs/jobhook"
    assert (event.type, event.subject) == ("dev.jobhook.job.succeeded.v1", "build-1")
    assert (event.time, event.datacontenttype) == ("2026-01-01T00:00:09Z", "application/json")
    assert event.extensions == {
        "causationid": "d-1",
        "causationsource": "https://github.com/acme/app",
        "correlationid": "c-1",
        "traceparent": CAUSE.traceparent,
        "partitionkey": "uid-build-1",
        "jobhookhops": 3,
    }
    assert event.data == {
        "outcome": "succeeded",
        "reason": "CompletionsReached",
        "message": "",
        "exit_code": 0,
        "container": {"pod": "p", "name": "main", "index": None, "exit_code": 0, "reason": "Completed"},
        "cancelled": None,
        "pods": {"active": 0, "succeeded": 1, "failed": 0},
        "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:00:09Z",
        "duration_seconds": 9.0,
        "job": {
            "namespace": "jobs",
            "name": "build-1",
            "uid": "uid-build-1",
            "definition": "build",
            "labels": {marks.MANAGED_BY: "jobhook", marks.DEFINITION: "build"},
        },
        "trigger": {
            "id": "d-1",
            "source": "https://github.com/acme/app",
            "type": "com.github.push",
            "subject": "refs/heads/main",
            "time": "2026-01-01T00:00:00Z",
            "via": "github",
        },
        "result": {"image": "x@sha256:1"},
        "logs": "/jobs/build-1/logs",
    }
    jsonschema.validate(event.data, schema)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [({}, "succeeded"), ({"succeeded": False}, "failed"), ({"succeeded": False, "cancelled": True}, "cancelled")],
)
def test_names_the_outcome(make, schema, fields, outcome):
    """The type and the data say the same of each of the three ends, and the schema holds for a bare Job too."""
    event = event_of(make.finished("j", **fields))
    assert event.type == f"dev.jobhook.job.{outcome}.v1"
    assert event.data["outcome"] == outcome
    jsonschema.validate(event.data, schema)


def test_a_cancelled_job_says_why(make):
    """The reason of a cancelled Job is that of who cancelled it."""
    assert freeze(make.finished("j", succeeded=False, cancelled=True), ()).reason == "GroupFull"


def test_a_cancelled_job_says_by_whom(make, schema):
    """What a person wrote is in the message and beside the name; the reason stays one word."""
    order = marks.Cancelled(by="ops", reason="the wrong commit", at="2026-01-01T00:00:05Z")
    job = make.finished("j", succeeded=False, annotations={marks.CANCELLED: order.dump()})
    frozen = freeze(job, ())
    assert (frozen.reason, frozen.message) == ("Cancelled", "cancelled by ops: the wrong commit")
    data = event_of(job, frozen).data
    assert data["cancelled"] == {"by": "ops", "reason": "the wrong commit", "at": "2026-01-01T00:00:05Z"}
    jsonschema.validate(data, schema)
    assert Frozen.load({marks.COMPLETION_DATA: frozen.dump()}) == frozen


def test_a_cancellation_that_cannot_be_read_is_one_all_the_same(make):
    """Somebody's own annotation says no more than that."""
    job = make.finished("j", succeeded=False, annotations={marks.CANCELLED: "[1]"})
    assert freeze(job, ()).reason == "Cancelled"


def test_a_cancellation_that_came_too_late_succeeded(make):
    """A Job that was cancelled and ended Complete all the same has succeeded."""
    assert freeze(make.finished("j", cancelled=True), ()).outcome == "succeeded"


def test_a_job_that_has_not_finished_has_nothing_to_freeze(make):
    """Freezing a running Job is a mistake of the caller's."""
    with pytest.raises(ValueError, match="has not finished"):
        freeze(replace(make.finished("j"), end=None), ())


def test_schema_and_data_name_the_same_keys(make, schema):
    """Every key of the data, at every level, is in the schema and required there, and none is there in vain."""
    job = make.finished("j", annotations={marks.CAUSE: CAUSE.dump()})
    data = event_of(job, freeze(job, [make.pod(containers=[make.ended()])])).data

    def same(value, part):
        assert set(value) == set(part["properties"]) == set(part["required"])
        for name, below in value.items():
            if isinstance(below, dict) and "properties" in part["properties"][name]:
                same(below, part["properties"][name])

    jsonschema.Draft202012Validator.check_schema(schema)
    same(data, schema)


def test_an_oom_killed_child_is_told_though_the_job_is_complete(make):
    """A container that exited with 0 after its child was killed for memory is the one that decides."""
    job = make.finished("j")
    frozen = freeze(
        job, [make.pod(containers=[make.ended("sidecar"), make.ended("main", reason="OOMKilled", message="half")])]
    )
    assert (frozen.outcome, frozen.reason, frozen.exit_code) == ("succeeded", "OOMKilled", 0)
    assert (frozen.container.name, frozen.result) == ("main", "half")


OOM_POD = """{
  "metadata": {"name": "train-7n2k-x9zq4", "namespace": "jobs", "creationTimestamp": "2026-01-01T00:00:00Z",
    "labels": {"batch.kubernetes.io/job-name": "train-7n2k"}},
  "status": {"phase": "Succeeded", "containerStatuses": [
    {"name": "metrics", "restartCount": 0, "state": {"terminated":
      {"exitCode": 0, "reason": "Completed", "startedAt": "2026-01-01T00:00:01Z", "finishedAt": "2026-01-01T00:00:08Z"}}},
    {"name": "train", "restartCount": 0, "state": {"terminated":
      {"exitCode": 0, "reason": "OOMKilled", "message": "{\\"steps\\": 90}",
       "startedAt": "2026-01-01T00:00:01Z", "finishedAt": "2026-01-01T00:00:07Z"}}}]}}"""
OOM_JOB = """{
  "metadata": {"name": "train-7n2k", "namespace": "jobs", "uid": "3f0e", "resourceVersion": "7",
    "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"app.kubernetes.io/managed-by": "jobhook"}},
  "status": {"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:09Z", "succeeded": 1, "conditions": [
    {"type": "SuccessCriteriaMet", "status": "True", "reason": "CompletionsReached", "lastTransitionTime": "2026-01-01T00:00:08Z"},
    {"type": "Complete", "status": "True", "reason": "CompletionsReached", "lastTransitionTime": "2026-01-01T00:00:09Z"}]}}"""


def test_an_oom_killed_child_is_told_as_kubernetes_shows_it():
    """The objects as a kubelet and the Job controller write them: Complete, exit code 0, and a child that was killed."""
    job = read_job(as_type(OOM_JOB, JobObject))
    frozen = freeze(job, [read_pod(as_type(OOM_POD, PodObject))])
    event = event_of(job, frozen)
    read(*to_binary(event))
    assert event.type == "dev.jobhook.job.succeeded.v1"
    assert (event.data["reason"], event.data["exit_code"], event.data["result"]) == ("OOMKilled", 0, {"steps": 90})
    assert event.data["container"] == {
        "pod": "train-7n2k-x9zq4",
        "name": "train",
        "index": None,
        "exit_code": 0,
        "reason": "OOMKilled",
    }


def test_the_first_container_to_fail_decides(make):
    """What was killed because another failed does not decide, and a restarted try is told by its last pod."""
    early = make.pod("first", phase="Failed", containers=[make.ended("main", exit_code=9, at=1)])
    late = make.pod(
        "second",
        phase="Failed",
        containers=[make.ended("proxy", exit_code=143, at=8), make.ended("main", exit_code=3, at=7, message="no")],
    )
    frozen = freeze(make.finished("j", succeeded=False), [early, late])
    assert (frozen.exit_code, frozen.container.name, frozen.container.pod) == (3, "main", "second")
    assert (frozen.reason, frozen.result) == ("BackoffLimitExceeded", "no")


def test_a_failed_init_container_decides(make):
    """Where the main container never ran, the init container's exit code is the Job's."""
    containers = [make.ended("setup", exit_code=4, init=True), Container(name="main", reason="PodInitializing")]
    frozen = freeze(make.finished("j", succeeded=False), [make.pod(phase="Failed", containers=containers)])
    assert (frozen.exit_code, frozen.container.name) == (4, "setup")


def test_a_reason_that_says_more_goes_before_a_vague_one(make):
    """`BackoffLimitExceeded` gives way to `OOMKilled`, and to the pod's own reason; another condition's reason stays."""
    job = make.finished("j", succeeded=False)
    killed = make.pod(phase="Failed", containers=[make.ended(exit_code=137, reason="OOMKilled")])
    evicted = make.pod(phase="Failed", reason="Evicted", message="The node was low on memory.")
    deadline = replace(job, end=replace(job.end, reason="DeadlineExceeded"))
    assert freeze(job, [killed]).reason == "OOMKilled"
    assert (freeze(job, [evicted]).reason, freeze(job, [evicted]).message) == ("Evicted", evicted.message)
    assert freeze(job, [evicted]).container.name is None
    assert freeze(deadline, [killed]).reason == "DeadlineExceeded"


def test_a_job_whose_pods_could_not_start_says_what_they_waited_for(make):
    """A waiting container's message is told; without pods the newest warning is."""
    job = make.finished("j", succeeded=False)
    waiting = Container(name="main", reason="ImagePullBackOff", message='Back-off pulling image "x"')
    frozen = freeze(job, [make.pod(phase="Pending", containers=[waiting])])
    assert (frozen.reason, frozen.exit_code) == ("ImagePullBackOff", None)
    assert frozen.message == 'Back-off pulling image "x"'
    told = freeze(job, [], [WarningEvent(about="j", reason="FailedCreate", message="exceeded quota")])
    assert told.message == "FailedCreate: exceeded quota"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", None),
        ("  \n", None),
        ("done", "done"),
        ('{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        ("3", 3),
        ("NaN", "NaN"),
        ('{"a": 1} trailing', '{"a": 1} trailing'),
        ("[" * 200 + "]" * 200, "[" * 200 + "]" * 200),
        ("x" * 5000, "x" * 4096),
        ("\x00" * 4096, "\x00" * 682),
        (json.dumps("y" * 5000), '"' + "y" * 4094),
    ],
)
def test_reads_a_termination_message(make, text, result):
    """JSON is told as a value, all else as text, and no more than 4 KiB of JSON either way."""
    frozen = freeze(make.finished("j"), [make.pod(containers=[make.ended(message=text)])])
    if isinstance(result, str) and text.startswith('"'):
        assert frozen.result.startswith('"yyy')
        assert len(json.dumps(frozen.result)) <= 4098
    else:
        assert frozen.result == result


def test_an_indexed_job_is_told_by_its_lowest_index(make):
    """Of an Indexed Job's many results the lowest index' is told, whichever pod ended last."""
    pods = [
        make.pod("b", index=1, containers=[make.ended(message="one", at=9)]),
        make.pod("a", index=0, containers=[make.ended(message="zero", at=1)]),
    ]
    frozen = freeze(make.finished("j"), pods)
    assert (frozen.result, frozen.container.index) == ("zero", 0)


odd_text = st.text(max_size=300).map(lambda text: text * 40)


@given(message=odd_text, said=odd_text, reason=odd_text, labels=st.dictionaries(odd_text, odd_text, max_size=30))
def test_what_is_frozen_stays_small_and_comes_back_the_same(make, message, said, reason, labels):
    """Whatever a container or a label says, the annotation holds at most 16 KiB and is read back as it was."""
    job = make.finished("j", succeeded=False, labels=labels)
    job = replace(job, end=replace(job.end, message=message, reason=reason))
    frozen = freeze(job, [make.pod(phase="Failed", containers=[make.ended(exit_code=1, message=said, reason=reason)])])
    text = frozen.dump()
    assert len(text.encode()) <= LIMIT
    again = Frozen.load({marks.COMPLETION_DATA: text})
    assert again == frozen
    assert to_structured(event_of(job, again)) == to_structured(event_of(job, frozen))


@given(text=st.text(), limit=st.integers(0, 100))
def test_cut_keeps_a_start_as_long_as_it_may(text, limit):
    """A cut text is a start of it, within the limit, and one character more would not be."""
    start = cut(text, limit)
    assert text.encode("utf-8", "replace").decode().startswith(start)
    assert len(json.dumps(start, ensure_ascii=False).encode()) - 2 <= limit + 6 * text.count("\x7f")
    if start == text:
        return
    assert len(json.dumps(text[: len(start) + 1], ensure_ascii=False).encode("utf-8", "replace")) - 2 > limit - 6


@given(
    id_=st.text(min_size=1, max_size=2000),
    source=st.text(min_size=1, max_size=50),
    correlation=st.none() | st.text(min_size=1, max_size=50),
)
def test_emitted_attributes_need_no_escaping(make, id_, source, correlation):
    """Whatever a stranger's event was called: sdk-go reads our headers, and the trigger carries it as it was."""
    cause = msgspec.structs.replace(CAUSE, id=id_, source=source, correlationid=correlation)
    event = event_of(make.finished("j", annotations={marks.CAUSE: cause.dump()}))
    for value in event.attributes().values():
        assert PLAIN.fullmatch(str(value))
    assert (event.data["trigger"]["id"], event.data["trigger"]["source"]) == (id_, source)
    assert event.extensions.get("causationid") in {None, id_}


def test_an_odd_correlation_still_holds_a_chain_together(make):
    """Two Jobs of one odd correlation have one `correlationid`, and a next link keeps it."""
    first = msgspec.structs.replace(CAUSE, id="a", correlationid="ä ö")
    second = msgspec.structs.replace(CAUSE, id="b", correlationid="ä ö")
    one, two = (
        event_of(make.finished("j", annotations={marks.CAUSE: cause.dump()})).extensions["correlationid"]
        for cause in (first, second)
    )
    assert one == two
    third = msgspec.structs.replace(CAUSE, correlationid=one)
    assert event_of(make.finished("k", annotations={marks.CAUSE: third.dump()})).extensions["correlationid"] == one


@given(uid=st.uuids(), other=st.uuids(), labels=st.dictionaries(st.text(), st.text()))
def test_the_id_follows_the_uid_alone(make, uid, other, labels):
    """The same Job has the same id whatever changes about it, another Job another, in bytes that are equal."""
    job = replace(make.finished("j"), uid=str(uid))
    frozen = freeze(job, ())
    marked = replace(job, labels={**job.labels, **labels, marks.COMPLETION: marks.DELIVERED}, resource_version="9")
    assert to_binary(event_of(job, frozen)) == to_binary(event_of(marked, frozen))
    assert (event_of(job).id == event_of(replace(job, uid=str(other))).id) == (uid == other)


@pytest.mark.parametrize("held", ["", "x", "-1", "1e3", "99999999999999999999"])
def test_hops_that_cannot_be_read_count_from_nothing(make, held):
    """A spoiled annotation does not keep the completion from going out."""
    assert event_of(make.finished("j", annotations={marks.HOPS: held})).extensions["jobhookhops"] == 1


def test_a_job_without_a_cause_has_no_trigger(make, schema):
    """A Job whose cause cannot be read is told all the same."""
    event = event_of(make.finished("j", annotations={marks.CAUSE: "spoiled"}))
    assert event.data["trigger"] is None
    assert set(event.extensions) == {"partitionkey", "jobhookhops"}
    jsonschema.validate(event.data, schema)


def test_the_duration_is_never_negative(make):
    """Clocks of two machines may disagree; a Job that never started has no duration."""
    job = make.finished("j")
    late = replace(job, started=job.end.at + timedelta(seconds=1))
    assert freeze(late, ()).duration_seconds == 0.0
    assert freeze(replace(job, started=None), ()).duration_seconds is None
    assert freeze(replace(job, started=None), ()).started is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"outcome": "x"}', '"x"'])
def test_what_was_frozen_and_spoiled_is_frozen_anew(text):
    """Frozen data that cannot be read counts as none."""
    assert Frozen.load({marks.COMPLETION_DATA: text}) is None


def test_what_goes_out_can_be_decoded(make):
    """Our own strict decoder and the stock SDK read the event back from both modes."""
    job = make.finished("j", annotations={marks.CAUSE: CAUSE.dump()})
    event = event_of(job, freeze(job, [make.pod(containers=[make.ended(message='{"n": 1}')])]))
    for headers, body in (to_binary(event), to_structured(event)):
        stock = read(headers, body)
        assert (stock.get_id(), stock.get_data()) == (event.id, event.data)
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        (again,) = decode(raw, body).events
        assert again.data == event.data
        assert again.attributes() == {
            name: str(value) if headers.get("ce-" + name) else value for name, value in event.attributes().items()
        }


def test_times_are_those_of_the_condition(make):
    """`time` is the terminal condition's, in UTC."""
    job = make.finished("j", at=datetime(2026, 1, 1, 0, 0, 9, 500_000, tzinfo=UTC))
    assert event_of(job).time == "2026-01-01T00:00:09.500000Z"
