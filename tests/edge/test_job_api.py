"""The Job API over HTTP against the real process, on both clusters: what it answers, and to whom."""

import json
import threading
import urllib.parse

import jsonschema
import pytest
from driving import TOKEN, Receiver, Sink, config, until

READER = "a-reader-of-the-test-0123456789"
QUEUED = """
name: queued
description: It waits for ever.
on:
  - {type: com.example.queued}
params:
  word: {from: event.data.word, pattern: "[a-z]+", description: Any word.}
  number: {default: 7, type: integer}
labels: {team: core}
retention: {succeeded: 1h}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    suspend: true
    template:
      spec:
        restartPolicy: Never
        containers: [{name: main, image: busybox, command: ["true"], args: [{{ word }}, "{{ number }}"]}]
"""
OTHER = """
name: other
params: {word: {required: false}}
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
WITH_EVENT = """
name: with-event
on: [{type: com.example.with.event}]
event: MODE
params: {word: {from: event.data.word}}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    suspend: true
    template:
      spec:
        restartPolicy: Never
        containers: [{name: main, image: busybox, command: ["true"], args: [{{ word }}, {{ event.subject }}]}]
"""
ANCESTORS = """
- name: ancestor
  spec: |
    apiVersion: batch/v1
    kind: Job
    metadata: {}
    spec:
      suspend: true
      template:
        spec:
          restartPolicy: Never
          containers: [{name: main, image: busybox, command: ["true"], args: ["{{ greeting }}"]}]
"""


@pytest.fixture(scope="module", params=["local", "kubernetes"])
def receiver(request, tmp_path_factory):
    """One receiver on each cluster; each test looks at Jobs of its own."""
    sink, folder = Sink(), tmp_path_factory.mktemp("job-api")
    settings = config(sink)
    settings["callers"].append({"name": "reader", "tokens": ["reader"], "may": ["read"]})
    settings["callers"].append({"name": "other", "tokens": ["other"], "may": ["read", "write"]})
    (folder / "reader").write_text(READER)
    (folder / "other").write_text("another-caller-of-the-test-0123")
    environ = {"JOBHOOK_CLUSTER": "local"}
    if request.param == "kubernetes":
        cluster = request.getfixturevalue("throwaway")
        environ = {
            "JOBHOOK_CLUSTER": "kubernetes",
            "KUBECONFIG": str(cluster.kubeconfig),
            "JOB_NAMESPACE": cluster.namespace(),
        }
    definitions = {
        "queued.yaml": QUEUED,
        "other.yaml": OTHER,
        "file.yaml": WITH_EVENT.replace("MODE", "file"),
        "env.yaml": WITH_EVENT.replace("MODE", "env").replace("with-event", "env-event").replace("with.event", "env"),
        "ancestors.yaml": ANCESTORS,
    }
    made = Receiver(folder, definitions=definitions, config=settings, environ=environ).start()
    yield made
    assert made.stop() == 0
    sink.close()


def _post(receiver, path, body=None, *, key=None, token=TOKEN, **headers):
    head = {"authorization": f"Bearer {token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body is not None:
        head = {"content-type": "application/json"} | head
    if key is not None:
        head["idempotency-key"] = key
    return receiver.ask("POST", path, None if body is None else json.dumps(body).encode(), head)


def _submit(receiver, definition="queued", *, key=None, labels=None, token=TOKEN, **params):
    body = {"definition": definition, "params": params} | ({"labels": labels} if labels else {})
    return _post(receiver, "/jobs", body, key=key, token=token)


def _name(answer):
    assert answer.status in {200, 201}, answer.body
    return answer.json["jobs"][0]["name"]


def test_a_submit_creates_a_job(receiver):
    """201 with the Job and its place; without a key each submit is a new one."""
    one, two = _submit(receiver, word="a"), _submit(receiver, word="a")
    assert (one.status, two.status) == (201, 201)
    assert one.json == {"jobs": [{"name": _name(one), "definition": "queued", "created": True}]}
    assert one.getheader("location") == f"/jobs/{_name(one)}"
    assert _name(one) != _name(two)
    job = receiver.job(_name(one))
    assert (job["state"], job["definition"], job["submitted_by"]) == ("queued", "queued", "test")
    assert job["params"] == {"word": "a", "number": 7}
    assert (job["event"]["source"], job["event"]["via"]) == ("/callers/test", "jobs")


def test_a_key_is_one_job(receiver):
    """The same request again is 200 with the same Job; another one under that key is 422, another caller's is his own."""
    first = _submit(receiver, key="order-1", word="a")
    again = _submit(receiver, key="order-1", word="a")
    assert (first.status, again.status) == (201, 200)
    assert again.json == {"jobs": [first.json["jobs"][0] | {"created": False}]}
    for other in (
        _submit(receiver, key="order-1", word="b"),
        _submit(receiver, key="order-1", word="a", number=7),
        _submit(receiver, "other", key="order-1", word="a"),
    ):
        assert (other.status, _name(first) in other.json["detail"]) == (422, True), other.body
    theirs = _submit(receiver, key="order-1", word="b", token="another-caller-of-the-test-0123")
    assert (theirs.status, _name(theirs) == _name(first)) == (201, False)
    assert receiver.job(_name(first))["event"]["id"] == "order-1"


def test_a_key_is_one_job_however_many_ask_at_once(receiver):
    """Sixteen at the same time, half of them for something else: one Job, and everyone is told the truth."""
    answers = []

    def ask(number):
        answers.append(_submit(receiver, "other" if number % 2 else "queued", key="at-once", word="a"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [200] * 7 + [201] + [422] * 8
    assert len({_name(answer) for answer in answers if answer.status < 300}) == 1


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"definition": "nobody"}, 404, "nobody"),
        ({"definition": "queued", "params": {"word": "NO"}}, 422, "word"),
        ({"definition": "queued"}, 422, "word"),
        ({"definition": "queued", "params": {"word": "a", "wrod": "b"}}, 422, "wrod"),
        ({"definition": "queued", "params": {"word": ["a"]}}, 422, "word"),
        ({"definition": "with-event", "params": {"word": "a"}}, 422, "event"),
        ({"params": {}}, 400, "definition"),
        ({"definition": "queued", "prams": {}}, 400, "prams"),
        ({"definition": 7}, 400, "definition"),
        ({"definition": "queued", "params": []}, 400, "params"),
        ([], 400, "object"),
        ({"definition": "queued", "params": {"word": "a"}, "labels": {"a b": "c"}}, 422, "label"),
        ({"definition": "queued", "params": {"word": "a"}, "labels": {"team": "mine"}}, 422, "team"),
        ({"definition": "queued", "params": {"word": "a"}, "labels": {"jobhook.dev/event": "x"}}, 422, "jobhook.dev"),
        (
            {"definition": "queued", "params": {"word": "a"}, "labels": {"app.kubernetes.io/managed-by": "x"}},
            422,
            "app.",
        ),
        ({"job_definition_name": "ancestor"}, 422, "greeting"),
        ({"job_definition_name": 1}, 400, "job_definition_name"),
    ],
    ids=lambda part: json.dumps(part) if isinstance(part, dict) else None,
)
def test_what_is_wrong_with_a_submit_is_said(receiver, body, status, says):
    """The answer names the part."""
    answer = _post(receiver, "/jobs", body)
    assert (answer.status, answer.json["status"]) == (status, status), answer.body
    assert answer.getheader("content-type") == "application/problem+json"
    assert says in answer.json["detail"]


def test_a_submit_is_json(receiver):
    """415 for anything else, which a form of another website could send; 400 for what only says to be JSON."""
    assert _post(receiver, "/jobs", {"definition": "queued"}, content_type="text/plain").status == 415
    broken = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    assert receiver.ask("POST", "/jobs", b"{", broken).status == 400


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\xe9"])
def test_a_key_that_is_none_is_refused(receiver, key):
    """Rather than taken for no key, which would run the Job each time."""
    assert _submit(receiver, key=key, word="a").status == 400


def test_labels_are_the_jobs_and_find_it(receiver):
    """Beside the definition's own."""
    name = _name(_submit(receiver, word="a", labels={"ticket": "T-1", "example.com/kind": "x"}))
    assert receiver.job(name)["labels"].items() >= {"ticket": "T-1", "example.com/kind": "x", "team": "core"}.items()
    found = receiver.as_caller("GET", "/jobs?label=ticket=T-1&label=example.com/kind=x").json["jobs"]
    assert [job["name"] for job in found] == [name]


def test_the_ancestors_requests_have_the_ancestors_answers(receiver):
    """Template arguments beside the definition's name, statuses by the Jobs' names."""
    answer = _post(receiver, "/jobs", {"job_definition_name": "ancestor", "greeting": "hello"})
    name = answer.json["job_name"]
    assert (answer.status, answer.json) == (200, {"job_name": name})
    listed = receiver.as_caller("GET", "/jobs?job_definition_name=ancestor").json["jobs"]
    status = receiver.as_caller("GET", f"/jobs/{name}/status")
    assert listed == {name: status.json}
    assert status.json["conditions"][0]["type"] == "Suspended"
    assert receiver.as_caller("GET", f"/jobs/{name}/logs").body == b""
    health = receiver.as_caller("GET", "/healthcheck")
    assert (health.status, health.json) == (200, {"healthy": True})


def test_a_queued_job_is_cancelled_and_stays(receiver):
    """202, and again 202 with nothing changed; its completion says by whom and why, and then it may be removed."""
    name = _name(_submit(receiver, word="a"))
    assert receiver.as_caller("DELETE", f"/jobs/{name}?purge=true").status == 409
    answer = receiver.as_caller("DELETE", f"/jobs/{name}?reason=not%20wanted")
    assert (answer.status, answer.json["name"]) == (202, name)
    job = receiver.wait_ended(name)
    assert (job["state"], job["reason"]) == ("cancelled", "Cancelled")
    assert job["message"] == "cancelled by test: not wanted"
    assert job["cancelled"] == {"by": "test", "reason": "not wanted", "at": job["cancelled"]["at"]}
    assert (job["tries"], job["started"]) == ([], None) or job["pods"]["failed"] == 0
    again = receiver.as_caller("DELETE", f"/jobs/{name}?reason=other")
    assert (again.status, again.json["state"]) == (202, "cancelled")
    assert receiver.job(name)["cancelled"] == job["cancelled"]
    until(lambda: receiver.job(name)["completion"] == "delivered", what="delivery")
    assert receiver.as_caller("DELETE", f"/jobs/{name}?purge=true").status == 202
    until(lambda: receiver.as_caller("GET", f"/jobs/{name}").status == 404, what="the removal")
    assert receiver.as_caller("DELETE", f"/jobs/{name}").status == 404
    assert [line["by"] for line in receiver.lines("job.cancelled") if line["job"] == name] == ["test"]
    assert [line["by"] for line in receiver.lines("job.purged") if line["job"] == name] == ["test"]


def test_a_key_whose_job_is_gone_says_so(receiver):
    """200 with `gone`: it was done once, and is not done again."""
    name = _name(_submit(receiver, key="gone", word="a"))
    receiver.as_caller("DELETE", f"/jobs/{name}")
    until(lambda: receiver.job(name)["completion"] == "delivered", what="delivery")
    assert receiver.as_caller("DELETE", f"/jobs/{name}?purge=true").status == 202
    until(lambda: receiver.as_caller("GET", f"/jobs/{name}").status == 404, what="the removal")
    answer = until(lambda: (a := _submit(receiver, key="gone", word="a")).status == 200 and a, what="the ledger's word")
    assert answer.json["jobs"] == [{"name": name, "definition": "queued", "created": False, "gone": True}]


def test_a_rerun_is_a_new_job_linked_both_ways(receiver):
    """With the old one's parameters and its event's source; a key makes it one."""
    old = receiver.send({"word": "abc"}, type="com.example.queued", id="for-rerun", correlationid="c-1").json["jobs"][
        0
    ]["name"]
    first = _post(receiver, f"/jobs/{old}/rerun", key="r-1")
    again = _post(receiver, f"/jobs/{old}/rerun", key="r-1")
    third = _post(receiver, f"/jobs/{old}/rerun")
    assert (first.status, again.status, third.status) == (201, 200, 201)
    assert _name(first) == _name(again) != old
    assert _name(third) not in {_name(first), old}
    new, was = receiver.job(_name(first)), receiver.job(old)
    assert (new["rerun_of"], new["params"], new["submitted_by"]) == (old, {"word": "abc", "number": 7}, "test")
    assert {one["name"] for one in was["reruns"]} == {_name(first), _name(third)}
    assert new["event"] == was["event"] | {"id": "r-1", "via": "jobs", "time": new["event"]["time"]}
    assert new["event"]["correlationid"] == "c-1"
    assert _post(receiver, "/jobs/nobody/rerun").status == 404


@pytest.mark.parametrize("definition", ["with-event", "env-event"])
def test_a_rerun_has_the_event_that_the_containers_read(receiver, definition):
    """The whole of it, from the old Job itself."""
    type_ = "com.example.with.event" if definition == "with-event" else "com.example.env"
    data = {"word": "$(HOME) $$ it's", "more": [1, {"a": None}]}
    old = receiver.send(data, type=type_, subject="s-1").json["jobs"][0]["name"]
    new = _post(receiver, f"/jobs/{old}/rerun")
    assert receiver.job(_name(new))["params"] == receiver.job(old)["params"] == {"word": "$(HOME) $$ it's"}
    third = _post(receiver, f"/jobs/{_name(new)}/rerun")
    assert receiver.job(_name(third))["rerun_of"] == _name(new)


def test_a_large_event_is_rerun_too(receiver):
    """One that its Job mounts from a record of its own."""
    data = {"word": "large", "more": "x" * 60_000}
    old = receiver.send(data, type="com.example.with.event", subject="s-1").json["jobs"][0]["name"]
    assert _post(receiver, f"/jobs/{old}/rerun").status == 201


def test_parameters_that_are_too_large_are_not_kept(receiver):
    """The Job runs; a rerun says what to do instead."""
    old = receiver.send({"word": "x" * 40_000}, type="com.example.queued").json["jobs"][0]["name"]
    assert _post(receiver, f"/jobs/{old}/rerun").status == 201
    big = _submit(receiver, "other", word="\x01" * 30_000)
    assert receiver.job(_name(big))["params"] is None
    assert "submit" in _post(receiver, f"/jobs/{_name(big)}/rerun").json["detail"]


def test_definitions_are_told(receiver):
    """What there is; for one its parameters, variables, JSON Schema, rules and last outcomes."""
    name = _name(_submit(receiver, word="a"))
    receiver.as_caller("DELETE", f"/jobs/{name}")
    receiver.wait_ended(name)
    listed = receiver.as_caller("GET", "/definitions").json["definitions"]
    assert {one["name"] for one in listed} >= {"queued", "other", "with-event", "ancestor"}
    detail = until(
        lambda: (d := receiver.as_caller("GET", "/definitions/queued").json)["last"][:1] and d, what="an outcome"
    )
    assert detail["description"] == "It waits for ever."
    assert [param["name"] for param in detail["params"]] == ["word", "number"]
    assert detail["params"][0]["from"] == "event.data.word"
    assert detail["variables"] == ["number", "word"]
    assert detail["rules"] == [{"type": "com.example.queued"}]
    assert detail["retention"] == {"succeeded": "1h"}
    assert {one["state"] for one in detail["last"]} == {"cancelled"}
    schema = detail["json_schema"]
    jsonschema.validate({"word": "abc", "number": 3}, schema)
    for wrong in ({"word": "ABC"}, {}, {"word": "abc", "x": 1}, {"word": "abc", "number": [1]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
        assert _submit(receiver, **wrong).status == 422
    assert receiver.as_caller("GET", "/definitions/nobody").status == 404


def test_a_list_is_filtered(receiver):
    """By state, label, event id and age; the newest of a page first; a misspelt filter is refused, not ignored."""
    names = [_name(_submit(receiver, word="a", labels={"list": "it"})) for _ in range(3)]
    receiver.as_caller("DELETE", f"/jobs/{names[0]}")
    receiver.wait_ended(names[0])
    found = receiver.as_caller("GET", "/jobs?label=list=it").json
    assert {job["name"] for job in found["jobs"]} == set(names)
    created = [job["created"] for job in found["jobs"]]
    assert created == sorted(created, reverse=True)
    assert found["continue"] is None
    for query, expected in {
        "label=list=it&state=cancelled": names[:1],
        "label=list=it&state=queued&since=1h": names[1:],
        "label=list=it&since=0s": [],
        "label=list=it&definition=other": [],
        f"event_id={receiver.job(names[1])['event']['id']}": names[1:2],
        f"event={receiver.job(names[1])['labels']['jobhook.dev/event']}": names[1:2],
    }.items():
        jobs = receiver.as_caller("GET", f"/jobs?{query}").json["jobs"]
        assert {job["name"] for job in jobs} == set(expected), query
    for query in (
        "stat=queued",
        "state=ill",
        "limit=0",
        "limit=501",
        "limit=x",
        "label=x",
        "since=soon",
        "state=a&state=b",
    ):
        answer = receiver.as_caller("GET", f"/jobs?{query}")
        assert (answer.status, answer.json["detail"].split(":")[0].split(".")[0]) == (400, query.split("=")[0])


def test_pages_are_told_by_tokens(receiver):
    """Every Job on exactly one page; a token that is none is 410 with the remedy."""
    names = {_name(_submit(receiver, word="a", labels={"pages": "it"})) for _ in range(5)}
    seen, token = [], ""
    while token is not None:
        query = "/jobs?label=pages=it&limit=2" + (f"&continue={urllib.parse.quote(token)}" if token else "")
        page = receiver.as_caller("GET", query).json
        assert len(page["jobs"]) <= 2
        seen += [job["name"] for job in page["jobs"]]
        token = page["continue"]
    assert sorted(seen) == sorted(names)
    gone = receiver.as_caller("GET", "/jobs?continue=bm9uZQ")
    assert (gone.status, "without continue" in gone.json["detail"]) == (410, True)


CHANGES = [("POST", "/jobs"), ("DELETE", "/jobs/x"), ("POST", "/jobs/x/rerun"), ("POST", "/jobs/x/redeliver")]
LOOKS = [
    ("GET", path) for path in ("/jobs", "/jobs/x", "/jobs/x/status", "/jobs/x/logs", "/definitions", "/definitions/x")
]


@pytest.mark.parametrize(("method", "path"), CHANGES + LOOKS)
def test_everybody_is_asked_who_they_are(receiver, method, path):
    """401 with how to sign in, before anything is looked up."""
    for headers in ({}, {"authorization": "Bearer a-token-that-nobody-has-0123"}):
        answer = receiver.ask(method, path, headers=headers)
        assert (answer.status, answer.getheader("www-authenticate")) == (401, 'Bearer realm="jobhook"')
        assert "detail" not in answer.json


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_who_may_only_read_changes_nothing(receiver, method, path):
    """403 that names the right, before anything is looked up."""
    answer = receiver.ask(method, path, headers={"authorization": f"Bearer {READER}"})
    assert (answer.status, answer.json["detail"]) == (403, "caller 'reader' may not 'write'")


@pytest.mark.parametrize(("method", "path"), [*CHANGES, ("POST", "/cleanup")])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1.evil.example"]
)
def test_other_websites_change_nothing(receiver, method, path, origin):
    """Whatever a browser sends in somebody's name: its Origin is not ours, and no answer allows any other."""
    answer = receiver.as_caller(method, path, headers={"origin": origin})
    assert (answer.status, "another website" in answer.json["detail"]) == (403, True)
    asked = receiver.ask("OPTIONS", path, headers={"origin": origin, "access-control-request-method": method})
    assert asked.getheader("access-control-allow-origin") is None


def test_our_own_page_may(receiver):
    """Its Origin is the host that it was asked for."""
    answer = _post(receiver, "/jobs", {"definition": "other"}, origin=f"http://127.0.0.1:{receiver.port}")
    assert answer.status == 201
