"""Several definitions ask for one event, and several events come in one request: all or each, on both clusters.

Whatever is refused as a whole has launched nothing, which is shown twice: no Job is there, and when the same event
comes as it should, its Jobs are created by that.
"""

import json
import socket
import uuid

import pytest
import signing
from driving import Receiver, Sink, config

JOB = """
name: NAME
on: [ON]
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    suspend: true
    template:
      spec:
        restartPolicy: Never
        containers: [{name: main, image: busybox, command: ["true"]}]
"""
MOST = 50
NAMES = [f"many-{number:02}" for number in range(MOST + 1)]
BATCH = {"content-type": "application/cloudevents-batch+json"}
JSON = {"accept": "application/json"}
LONG_AGO, FAR_AWAY = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def _definitions():
    """Two for most events, fifty for one type, and one more than that for another."""
    two = "{type: com.example.two}, {type: com.github.push}, {type: {prefix: com.slack.}}"
    texts = [JOB.replace("NAME", name).replace("ON", two) for name in ("first", "second")]
    for name in NAMES:
        rules = "{type: com.example.too-many}" + (", {type: com.example.most}" if name != NAMES[-1] else "")
        texts.append(JOB.replace("NAME", name).replace("ON", rules))
    return {"all.yaml": "---".join(texts)}


@pytest.fixture(scope="module", params=["local", "kubernetes"])
def receiver(request, tmp_path_factory):
    """One receiver on each cluster for all tests: each has ids of its own."""
    environ = {"JOBHOOK_CLUSTER": "local"}
    if request.param == "kubernetes":
        cluster = request.getfixturevalue("throwaway")
        environ = {"JOBHOOK_CLUSTER": "kubernetes", "KUBECONFIG": str(cluster.kubeconfig)}
        environ["JOB_NAMESPACE"] = cluster.namespace()
    sink = Sink()
    sources = {
        "few": {"scheme": "github", "secrets": ["secret"], "rate": "1/h"},
        "slack": {"scheme": "slack", "secrets": ["secret"]},
    }
    settings = config(sink, sources=sources, limits={"body": "64KiB", "headers": "4KiB"})
    folder = tmp_path_factory.mktemp("several")
    made = Receiver(folder, definitions=_definitions(), config=settings, environ=environ).start()
    yield made
    assert made.stop() == 0
    sink.close()


def _event(id_, type_="com.example.two", **attributes):
    return {"specversion": "1.0", "source": "/several", "id": id_, "type": type_} | attributes


def _batch(receiver, *events):
    return receiver.as_caller("POST", "/events", json.dumps(events).encode(), BATCH | JSON)


def _jobs(receiver, id_):
    """The Jobs of an event, by its own id, over all pages."""
    found, token = [], ""
    while token is not None:
        page = receiver.as_caller("GET", f"/jobs?event_id={id_}&limit=500" + (f"&continue={token}" if token else ""))
        found, token = found + page.json["jobs"], page.json["continue"]
    return found


def _fates(told):
    return [(job["definition"], job["created"]) for job in told["jobs"]]


BOTH = [("first", True), ("second", True)]


def test_fifty_definitions_are_fifty_jobs(receiver):
    """One event may launch as many; each is there, once, when the answer is."""
    answer = receiver.send(id="most", source="/several", type="com.example.most")
    assert answer.status == 202
    assert _fates(answer.json) == [(name, True) for name in NAMES[:MOST]]
    told = {job["name"] for job in answer.json["jobs"]}
    assert len(told) == MOST
    assert sorted(job["name"] for job in _jobs(receiver, "most")) == sorted(told)
    location = receiver.as_caller("GET", answer.getheader("location") + "&limit=500")
    assert {job["name"] for job in location.json["jobs"]} == told


def test_one_more_is_422_and_launches_none(receiver):
    """It says how many ask and how many may."""
    answer = receiver.send(id="too-many", source="/several", type="com.example.too-many")
    assert answer.status == 422
    assert answer.getheader("content-type") == "application/problem+json"
    assert (str(MOST + 1) in answer.json["detail"], str(MOST) in answer.json["detail"]) == (True, True)
    assert _jobs(receiver, "too-many") == []


def _malformed(id_):
    without_source = {name: value for name, value in _event("bad").items() if name != "source"}
    return BATCH, json.dumps([_event(id_), without_source]).encode()


def _too_many(id_):
    return BATCH, json.dumps([_event(id_), *[_event(f"{id_}-{number}") for number in range(100)]]).encode()


def _binary(id_, *, body=b"", **headers):
    return {f"ce-{name}": value for name, value in _event(id_).items()} | headers, body


REFUSED = {
    "400 one of a batch is malformed": _malformed,
    "413 more than a hundred events": _too_many,
    "413 a body over the limit": lambda id_: _binary(id_, body=b"a" * (64 * 1024 + 1)),
    "415 a media type that is none": lambda id_: ({"content-type": "text/plain"}, json.dumps(_event(id_)).encode()),
    "431 a header section over the limit": lambda id_: _binary(id_, **{"x-long": "a" * 5000}),
}
"""By row: from an event's id to headers and body of a request."""


@pytest.mark.parametrize("row", REFUSED)
def test_what_is_refused_as_a_whole_launches_none(receiver, row):
    """Its status says so, none of its Jobs is there, and the same event as it should be creates both."""
    id_ = row.replace(" ", "-")
    headers, body = REFUSED[row](id_)
    answer = receiver.as_caller("POST", "/events", body, JSON | headers)
    assert answer.status == int(row[:3])
    assert answer.getheader("content-type") == "application/problem+json"
    assert _jobs(receiver, id_) == []
    again = receiver.send(id=id_, source="/several", type="com.example.two")
    assert (again.status, _fates(again.json)) == (202, BOTH)


def test_429_launches_none(receiver):
    """Beyond a source's rate neither definition has its Job; what was let in has both."""

    def push(delivery):
        body = {"ref": delivery, "before": "b", "after": "a", "commits": [], "repository": {"html_url": "/r"}}
        return receiver.push(json.dumps(body).encode(), source="few", delivery=delivery)

    first = push("within-the-rate")
    assert (first.status, _fates(first.json)) == (202, BOTH)
    over = push("over-the-rate")
    assert over.status == 429
    assert int(over.getheader("retry-after")) >= 1
    assert _jobs(receiver, "over-the-rate") == []


def test_408_launches_none(receiver):
    """A body that stops before its end is no event for either definition; sent whole, it is one for both."""
    body = json.dumps({"type": "event_callback", "event_id": str(uuid.uuid4()), "event": {"type": "ping"}}).encode()
    headers = signing.delivery("slack", body) | {"host": "x", "content-length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=20) as connection:
        connection.sendall(f"POST /hooks/slack HTTP/1.1\r\n{head}\r\n".encode() + body[:-1])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    again = receiver.ask("POST", "/hooks/slack", body, signing.delivery("slack", body))
    assert (again.status, _fates(again.json)) == (202, BOTH)


def test_401_and_403_launch_none(receiver):
    """Without a token, and for a type that only a hook can vouch for."""
    head = {f"ce-{name}": value for name, value in _event("unknown").items()}
    assert receiver.ask("POST", "/events", b"", head).status == 401
    assert receiver.send(id="unknown", source="/several", type="com.github.push").status == 403
    assert _jobs(receiver, "unknown") == []


def test_a_hundred_events_are_taken(receiver):
    """The most that a batch may hold, here for nobody."""
    answer = _batch(receiver, *[_event(str(number), "com.example.nobody") for number in range(100)])
    assert answer.status == 202
    assert [one["jobs"] for one in answer.json["events"]] == [[]] * 100


def test_an_empty_batch_is_202(receiver):
    """With an empty list, and without a body where JSON is not asked for by name."""
    answer = _batch(receiver)
    assert (answer.status, answer.json) == (202, {"events": []})
    plain = receiver.as_caller("POST", "/events", b"[]", BATCH)
    assert (plain.status, plain.body) == (202, b"")


def test_duplicates_within_a_batch_are_one_event(receiver):
    """Three times the same beside another: each is told the same Jobs, which one of them created."""
    twin = _event("twin")
    answer = _batch(receiver, twin, _event("other"), twin, twin)
    assert answer.status == 202
    assert [one["event"] for one in answer.json["events"]] == ["twin", "other", "twin", "twin"]
    twins = [job for one in answer.json["events"] if one["event"] == "twin" for job in one["jobs"]]
    assert sorted(job["definition"] for job in twins if job["created"]) == ["first", "second"]
    assert {job["name"] for job in twins} == {job["name"] for job in _jobs(receiver, "twin")}
    assert len(_jobs(receiver, "twin")) == 2
    assert _fates(answer.json["events"][1]) == BOTH


def test_an_expired_event_of_a_batch_leaves_the_others_be(receiver):
    """It launches nothing and says so; one that has time left, and one whose expirytime is no timestamp, are launched."""
    times = {"late": LONG_AGO, "early": FAR_AWAY, "odd": "tomorrow"}
    answer = _batch(receiver, *[_event(f"batch-{id_}", expirytime=time) for id_, time in times.items()])
    assert answer.status == 202
    late, early, odd = answer.json["events"]
    assert (late["jobs"], late["expired"]) == ([], True)
    assert _jobs(receiver, "batch-late") == []
    for launched in (early, odd):
        assert _fates(launched) == BOTH
        assert "expired" not in launched


@pytest.mark.parametrize("time", ["tomorrow", "2020-01-01", "0", "2020-01-01T00:00:00"])
def test_an_expirytime_that_is_no_timestamp_says_nothing(receiver, time):
    """The event is launched as one without."""
    answer = receiver.send(id=f"odd-{time}", source="/several", type="com.example.two", expirytime=time)
    assert (answer.status, _fates(answer.json), "expired" in answer.json) == (202, BOTH, False)
