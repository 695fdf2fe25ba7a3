"""The status table: every row over HTTP against the real process."""

import json
import socket

import pytest
from driving import SECRET, TOKEN, Receiver, Sink, config

ONE = """
name: one
on:
  - {type: com.example.one}
  - {type: com.example.two}
  - {type: com.github.push}
params:
  commit: {from: event.data.after, pattern: "[0-9a-f]{4}"}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    suspend: true
    template:
      spec:
        restartPolicy: Never
        containers:
          - {name: one, image: busybox, command: ["true"], args: [{{ commit }}]}
"""
TWO = """
name: two
on: [{type: com.example.two}]
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    suspend: true
    template:
      spec:
        restartPolicy: Never
        containers: [{name: two, image: busybox, command: ["true"]}]
"""
GOOD = {"after": "abcd"}


@pytest.fixture(scope="module", params=["local", "kubernetes"])
def receiver(request, tmp_path_factory):
    """One receiver on each cluster for all rows: none of them changes what another sees."""
    sink, folder = Sink(), tmp_path_factory.mktemp("edge")
    settings = config(sink, limits={"body": "8KiB", "headers": "4KiB", "answer": "2s", "bodies_in_flight": "16KiB"})
    settings["callers"].append({"name": "reader", "tokens": ["reader"], "may": ["read"]})
    settings["events"] = {
        "auth": "bearer",
        "origins": ["Events.Example.com"],
        "rate": "100000/s",
        "types": ["com.github.star.created"],
    }
    (folder / "reader").write_text("a-reader-of-the-test-0123456789")
    made = Receiver(
        folder, definitions={"one.yaml": ONE, "two.yaml": TWO}, config=settings, environ=_environ(request)
    ).start()
    yield made
    assert made.stop() == 0
    sink.close()


def _environ(request):
    if request.param == "local":
        return {"JOBHOOK_CLUSTER": "local"}
    cluster = request.getfixturevalue("throwaway")
    return {
        "JOBHOOK_CLUSTER": "kubernetes",
        "KUBECONFIG": str(cluster.kubeconfig),
        "JOB_NAMESPACE": cluster.namespace(),
    }


def _is_problem(answer, status):
    assert answer.status == status, answer.body
    assert answer.getheader("content-type") == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["title"]
    return answer.json.get("detail", "")


def test_202_names_the_jobs_and_where_to_look(receiver):
    """One definition: its Job's own address; several: those of the event."""
    one = receiver.send(GOOD, type="com.example.one")
    assert one.status == 202
    assert one.getheader("location") == f"/jobs/{one.json['jobs'][0]['name']}"
    two = receiver.send(GOOD, type="com.example.two", id="several")
    assert [job["definition"] for job in two.json["jobs"]] == ["one", "two"]
    found = receiver.as_caller("GET", two.getheader("location")).json["jobs"]
    assert {job["name"] for job in found} == {job["name"] for job in two.json["jobs"]}


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "application/cloudevents+json"])
def test_202_has_no_body_unless_json_is_asked_for_by_name(receiver, accept):
    """A Knative broker takes a body that is no CloudEvent for a failure; `*/*` is what it sends."""
    headers = {"accept": accept} if accept else {}
    head = {
        "ce-specversion": "1.0",
        "ce-id": "x",
        "ce-source": "/s",
        "ce-type": "com.example.one",
        "content-type": "application/json",
    }
    answer = receiver.as_caller("POST", "/", json.dumps(GOOD).encode(), head | headers)
    assert (answer.status, answer.body) == (202, b"")
    assert answer.getheader("location")


def test_202_without_jobs_where_no_definition_asks(receiver):
    """Never 404, which brokers retry."""
    answer = receiver.send(type="com.example.nobody.asks")
    assert (answer.status, answer.json["jobs"]) == (202, [])
    assert answer.getheader("location") is None


def test_400_says_what_is_malformed(receiver):
    """An event without an id cannot be recognised when it comes again."""
    answer = receiver.as_caller("POST", "/events", b"{}", {"ce-specversion": "1.0", "ce-source": "/s", "ce-type": "t"})
    assert "id" in _is_problem(answer, 400)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hub-signature-256": "sha256=" + "0" * 64},
        {"x-hub-signature-256": ""},
        {"x-hub-signature": "sha1=" + "0" * 40},
        {"x-hub-signature-256": "sha256=\xe9"},
    ],
    ids=["none", "wrong", "empty", "the old one", "not ASCII"],
)
@pytest.mark.parametrize("body", [b"{}", b"no json", b""])
def test_401_for_a_webhook_says_nothing_more(receiver, headers, body):
    """The check comes before parsing, and its answer never says what was wrong."""
    answer = receiver.ask("POST", "/hooks/github", body, headers)
    assert _is_problem(answer, 401) == ""
    assert answer.getheader("www-authenticate")


def test_a_wrong_secret_is_401(receiver):
    """The signature must be of our secret."""
    assert receiver.push(b"{}", secret=SECRET + "!").status == 401


@pytest.mark.parametrize(
    "authorization", [None, "Bearer wrong", "Basic abc", f"bearer  {TOKEN}x", f"Bearer {TOKEN}, Bearer {TOKEN}"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/events"),
        ("POST", "/"),
        ("GET", "/jobs"),
        ("GET", "/jobs/x"),
        ("GET", "/jobs/x/logs"),
        ("POST", "/cleanup"),
    ],
)
def test_401_without_a_callers_token(receiver, method, path, authorization):
    """Every door but the hooks' and the probes' asks who it is, before anything else."""
    answer = receiver.ask(method, path, None, {"authorization": authorization} if authorization else {})
    assert _is_problem(answer, 401) == ""


@pytest.mark.parametrize(("method", "path", "right"), [("POST", "/events", "events"), ("POST", "/cleanup", "cleanup")])
def test_403_names_the_right_that_is_missing(receiver, method, path, right):
    """A caller who is known is told what it lacks."""
    answer = receiver.ask(method, path, b"", {"authorization": "Bearer a-reader-of-the-test-0123456789"})
    assert right in _is_problem(answer, 403)


@pytest.mark.parametrize("type_", ["com.github.push", "com.github.anything.new", "dev.jobhook.job.succeeded.v1"])
def test_403_for_types_that_only_a_signed_hook_can_vouch_for(receiver, type_):
    """A caller of /events cannot speak for GitHub, nor for jobhook."""
    assert "hook" in _is_problem(receiver.send(GOOD, type=type_), 403)


def test_403_for_a_batch_as_a_whole(receiver):
    """One event that is not believed, and nothing of the batch is launched."""
    events = [
        {"specversion": "1.0", "source": "/b", "id": id_, "type": type_, "data": GOOD}
        for id_, type_ in [("1", "com.example.one"), ("2", "com.github.push")]
    ]
    answer = receiver.as_caller(
        "POST", "/events", json.dumps(events).encode(), {"content-type": "application/cloudevents-batch+json"}
    )
    _is_problem(answer, 403)
    fine = receiver.as_caller(
        "POST",
        "/events",
        json.dumps(events[:1]).encode(),
        {"content-type": "application/cloudevents-batch+json", "accept": "application/json"},
    )
    assert fine.json["events"][0]["jobs"][0]["created"] is True


def test_a_type_allowed_by_name_passes(receiver):
    """`events.types` is how a relay of GitHub's events may use this door."""
    assert receiver.send(GOOD, type="com.github.star.created").status == 202


def test_404_for_what_is_not_there(receiver):
    """An undeclared source, an unknown Job, an unknown path."""
    assert receiver.push(b"{}", source="nobody").status == 404
    for path in ("/jobs/none", "/jobs/none/logs", "/nothing"):
        _is_problem(receiver.as_caller("GET", path), 404)


def test_405_for_another_method(receiver):
    """With the methods that there are."""
    answer = receiver.ask("GET", "/hooks/github")
    _is_problem(answer, 405)
    assert "POST" in answer.getheader("allow")


def test_408_for_a_body_that_does_not_come(receiver):
    """The deadline runs from the first byte; the connection ends."""
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=20) as connection:
        connection.sendall(b"POST /hooks/github HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()


def test_413_for_a_body_over_the_cap_declared_or_not(receiver):
    """By its Content-Length at once, by its chunks when they pass the cap."""
    for path in ("/events", "/hooks/github"):
        assert "8192" in _is_problem(receiver.as_caller("POST", path, b"a" * 8193), 413)
        assert "8192" in _is_problem(receiver.as_caller("POST", path, iter([b"a" * 5000] * 2)), 413)


@pytest.mark.parametrize("content_type", ["application/json", "application/cloudevents+xml", "text/plain"])
def test_415_for_what_is_no_event_format(receiver, content_type):
    """Plain JSON without ce- headers is no CloudEvent."""
    _is_problem(receiver.as_caller("POST", "/events", b"{}", {"content-type": content_type}), 415)


def test_415_for_a_form_with_the_remedy(receiver):
    """GitHub's default content type is the first thing that goes wrong."""
    import hashlib
    import hmac

    body = b"payload=%7B%7D"
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-github-event": "ping",
        "x-hub-signature-256": f"sha256={signature}",
    }
    assert "application/json" in _is_problem(receiver.ask("POST", "/hooks/github", body, headers), 415)


def test_422_says_which_definition_refused_what_and_what_was_launched_all_the_same(receiver):
    """The good one is created; the body tells each one's fate."""
    answer = receiver.send({"after": "not hex"}, type="com.example.two")
    assert "commit" in _is_problem(answer, 422)
    refused, launched = answer.json["jobs"]
    assert (refused["definition"], launched["definition"], launched["created"]) == ("one", "two", True)
    assert "commit" in refused["refused"]


def test_422_for_a_body_that_its_unsigned_header_belies(receiver):
    """A captured body under another X-GitHub-Event."""
    push = json.dumps(
        {
            "ref": "r",
            "before": "b",
            "after": "abcd",
            "commits": [],
            "repository": {"html_url": "https://github.com/a/b"},
        }
    ).encode()
    assert receiver.push(push).status == 202
    _is_problem(receiver.push(push, event="release"), 422)


def test_204_for_a_signed_ping(receiver):
    """And 401 for an unsigned one."""
    assert receiver.push(b'{"zen": "z", "hook_id": 1, "hook": {}}', event="ping").status == 204
    assert receiver.ask("POST", "/hooks/github", b"{}", {"x-github-event": "ping"}).status == 401


def test_503_at_once_where_bodies_would_fill_the_memory(receiver):
    """Two bodies wait half-sent; the third is told to come again, and the next honest one passes after them."""
    waiting = []
    try:
        for _ in range(2):
            connection = socket.create_connection(("127.0.0.1", receiver.port), timeout=20)
            connection.sendall(b"POST /hooks/github HTTP/1.1\r\nhost: x\r\ncontent-length: 8192\r\n\r\n" + b"a" * 8191)
            waiting.append(connection)
        answers = []
        for _ in range(50):
            answers.append(receiver.push(b"{" + b" " * 4000 + b"}"))
            if answers[-1].status == 503:
                break
        _is_problem(answers[-1], 503)
        assert answers[-1].getheader("retry-after")
    finally:
        for connection in waiting:
            connection.close()


def test_an_expired_event_launches_nothing_and_says_so(receiver):
    """CloudEvents' expirytime."""
    for past in ("2020-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2016-12-31T23:59:60Z"):
        late = receiver.send(GOOD, type="com.example.one", expirytime=past)
        assert (late.status, late.json["jobs"], late.json["expired"]) == (202, [], True)
    assert receiver.send(GOOD, type="com.example.one", expirytime="2999-01-01T00:00:00Z").json["jobs"]


def test_the_handshake_grants_to_declared_origins_alone(receiver):
    """Origin and rate are granted together or not at all; a callback is never called."""
    for path in ("/", "/events"):
        granted = receiver.ask(
            "OPTIONS",
            path,
            None,
            {
                "webhook-request-origin": "events.example.com",
                "webhook-request-rate": "10",
                "webhook-request-callback": f"http://127.0.0.1:{receiver.port}/healthz",
            },
        )
        assert granted.status == 200
        assert granted.getheader("webhook-allowed-origin") == "events.example.com"
        assert granted.getheader("webhook-allowed-rate") == str(100_000 * 60)
        assert "POST" in granted.getheader("allow")
        refused = receiver.ask("OPTIONS", path, None, {"webhook-request-origin": "evil.example.com"})
        assert refused.getheader("webhook-allowed-origin") is None
        assert refused.getheader("webhook-allowed-rate") is None


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "limit=501", "state=odd", "since=yesterday", "label=x", "definition=a/b", "continue=%00"],
)
def test_400_or_410_for_a_query_that_means_nothing(receiver, query):
    """With what was expected."""
    answer = receiver.as_caller("GET", f"/jobs?{query}")
    assert _is_problem(answer, 410 if query.startswith("continue") else 400)


def test_jobs_are_listed_in_pages_and_by_filter(receiver):
    """Every page's jobs, once each; filters by definition, state, event id."""
    names = {receiver.send(GOOD, type="com.example.one").json["jobs"][0]["name"] for _ in range(5)}
    seen, token = [], None
    while True:
        page = receiver.as_caller("GET", "/jobs?limit=2" + (f"&continue={token}" if token else "")).json
        assert len(page["jobs"]) <= 2
        seen += [job["name"] for job in page["jobs"]]
        token = page["continue"]
        if token is None:
            break
    assert names <= set(seen)
    assert len(seen) == len(set(seen))
    marked = receiver.send(GOOD, type="com.example.one", id="to be found").json["jobs"][0]["name"]
    found = receiver.as_caller("GET", "/jobs?definition=one&event_id=to%20be%20found&since=2020-01-01T00:00:00Z").json[
        "jobs"
    ]
    assert [job["name"] for job in found] == [marked]


def test_probes_and_metrics_need_no_token(receiver):
    """The platform asks without one; the metrics name what was counted."""
    for path in ("/healthz", "/readyz"):
        assert receiver.ask("GET", path).status == 200
    text = receiver.ask("GET", "/metrics").body.decode()
    for name in (
        "jobhook_events_total",
        "jobhook_jobs_launched_total",
        "jobhook_definitions 2.0",
        "process_resident_memory_bytes",
    ):
        assert name in text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("dryrun=true", "did you mean dry_run?"),
        ("dry-run=true", "did you mean dry_run?"),
        ("x=1", "there are dry_run"),
        ("dry_run=true&dry_run=false", "dry_run: given more than once"),
        ("dry_run=yes", "dry_run: is neither true nor false"),
        ("dry_run=", "dry_run: is neither true nor false"),
        ("dry_run=true&dryrun=true", "did you mean dry_run?"),
    ],
)
def test_400_for_a_sweep_that_was_not_understood(receiver, query, said):
    """Who misspells the dry run must not get a real one: nothing is swept, and the answer says what was meant."""
    before = len(receiver.lines("sweep.done"))
    assert said in _is_problem(receiver.as_caller("POST", f"/cleanup?{query}"), 400)
    assert len(receiver.lines("sweep.done")) == before


@pytest.mark.parametrize("budget", ["0s", "51s", "5", "", "1h", "-1s"])
def test_400_for_a_budget_that_no_sweep_has(receiver, budget):
    """From a second to fifty."""
    answer = receiver.as_caller("POST", f"/cleanup?budget={budget}")
    assert "budget" in _is_problem(answer, 400)
