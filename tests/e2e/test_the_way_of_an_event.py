"""A real webhook in, a Job run, its completion out: the real process, on this machine and on Kubernetes."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest
import signing
from driving import SECRET, TOKEN, config, until

HELLO = "https://github.com/Codertocat/Hello-World"
PAYLOADS = [
    # file, event header, type, source, subject
    ("push/payload.json", "push", "com.github.push", HELLO, "refs/tags/simple-tag"),
    ("push/with-new-branch.payload.json", "push", "com.github.push", None, None),
    ("pull_request/opened.payload.json", "pull_request", "com.github.pull_request.opened", HELLO, "2"),
    ("pull_request/closed.payload.json", "pull_request", "com.github.pull_request.closed", HELLO, "2"),
    ("pull_request/labeled.payload.json", "pull_request", "com.github.pull_request.labeled", HELLO, "2"),
    ("release/published.payload.json", "release", "com.github.release.published", HELLO, "17372790"),
    ("release/created.payload.json", "release", "com.github.release.created", HELLO, "17372790"),
    ("issue_comment/created.payload.json", "issue_comment", "com.github.issue_comment.created", None, None),
    ("issues/opened.payload.json", "issues", "com.github.issues.opened", HELLO, "1"),
    ("create/payload.json", "create", "com.github.create.tag", HELLO, "simple-tag"),
    ("fork/payload.json", "fork", "com.github.fork", HELLO, None),
    ("workflow_run/completed.payload.json", "workflow_run", "com.github.workflow_run.completed", None, None),
]


@pytest.fixture
def receiver(receivers, sink, tmp_path, place):
    """A running receiver with one definition that echoes what it was given."""
    definitions = {"echo.yaml": place.echo()}
    return receivers(tmp_path, definitions=definitions, config=config(sink), environ=place.environ).start()


@pytest.fixture(scope="session")
def schema(project):
    """The published JSON Schema of the completions' data."""
    return json.loads((project / "docs/completion.schema.json").read_text())


def test_real_github_payloads_run_and_are_told_of(receiver, sink, outside_data, schema):
    """Twelve real deliveries: right type, source and subject; the Job ran with the values; a valid completion."""
    posted = []
    for file, header, type_, source, subject in PAYLOADS:
        body = (outside_data / "github/api.github.com" / file).read_bytes()
        delivery = f"delivery-{len(posted)}"
        answer = receiver.push(body, event=header, delivery=delivery)
        assert answer.status == 202, (file, answer.body)
        [job] = answer.json["jobs"]
        assert answer.json["event"] == delivery
        assert job["created"]
        assert answer.getheader("location") == f"/jobs/{job['name']}"
        posted.append((job["name"], delivery, json.loads(body), type_, source, subject))
    for name, delivery, payload, type_, source, subject in posted:
        completion = sink.wait(name)
        jsonschema.validate(completion["data"], schema)
        assert completion["type"] == "dev.jobhook.job.succeeded.v1"
        assert completion["causationid"] == delivery
        trigger = completion["data"]["trigger"]
        assert trigger["type"] == type_
        assert trigger["source"] == (source or trigger["source"])
        assert (
            trigger["source"].startswith("https://github.com/")
            or payload.get("issue", {}).get("url") == trigger["source"]
        )
        if subject is not None:
            assert trigger["subject"] == subject
        number = payload.get("number", 0)
        expected = f"{type_} {trigger['source']} {trigger['subject'] or '-'} {number}"
        assert completion["data"]["result"] == expected
        log = receiver.as_caller("GET", f"/jobs/{name}/logs").body.decode()
        assert log == f"{type_} from {trigger['source']}\n"


@pytest.mark.parametrize("mode", ["binary", "structured"])
@pytest.mark.parametrize("path", ["/events", "/"])
def test_a_cloudevent_is_launched_in_both_modes_at_both_doors(receiver, sink, mode, path):
    """The Job is there when the answer is, the Location resolves, and the completion names its cause."""
    answer = receiver.send(mode=mode, path=path, id="e-1", subject="a subject")
    assert answer.status == 202, answer.body
    [job] = answer.json["jobs"]
    assert receiver.job(job["name"])["event"]["id"] == "e-1"
    completion = sink.wait(job["name"])
    assert completion["causationid"] == "e-1"
    assert completion["data"]["result"] == "com.example.test /test a%20subject 0".replace("%20", " ")
    assert receiver.as_caller("GET", answer.getheader("location")).json["state"] == "succeeded"


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ANOTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def test_a_trace_goes_from_the_request_to_the_completion(receiver, sink):
    """By the header, or by the event's own extension before it; with the correlation, and partitioned by the Job's UID."""
    header = {"traceparent": TRACE}
    push = {
        "ref": "r",
        "before": "b",
        "after": "a",
        "commits": [],
        "repository": {"html_url": "https://github.com/a/b"},
    }
    body = json.dumps(push).encode()
    signature = signing.delivery("github", body, event="push", delivery_id="delivery-1")
    rows = [
        (receiver.send(id="e-1", headers=header, correlationid="order-7"), TRACE, "order-7"),
        (receiver.send(id="e-2", headers=header, traceparent=ANOTHER), ANOTHER, "e-2"),
        (receiver.send(id="e-3", mode="structured", headers=header), TRACE, "e-3"),
        (receiver.send(id="e-4", headers={"traceparent": TRACE.replace("4bf9", "4BF9")}), None, "e-4"),
        (receiver.ask("POST", "/hooks/github", body, signature | header), TRACE, "delivery-1"),
    ]
    for answer, trace, correlation in rows:
        assert answer.status == 202, answer.body
        job = receiver.job(answer.json["jobs"][0]["name"])
        assert job["event"].get("traceparent") == trace
        completion = sink.wait(job["name"])
        assert completion.get("traceparent") == trace
        assert completion["correlationid"] == correlation
        assert completion["partitionkey"] == completion["data"]["job"]["uid"] == job["uid"]


def test_duplicates_at_once_are_one_job(receiver, sink):
    """All are told 202 and the same name; exactly one of them created it; one process ran."""
    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda _: receiver.send(id="once"), range(120)))
    assert {answer.status for answer in answers} == {202}
    jobs = [answer.json["jobs"][0] for answer in answers]
    assert len({job["name"] for job in jobs}) == 1
    assert sum(job["created"] for job in jobs) == 1
    sink.wait(jobs[0]["name"])
    assert receiver.job(jobs[0]["name"])["pods"]["succeeded"] == 1


def test_a_delivery_again_is_a_duplicate_also_under_a_fresh_id(receiver, sink):
    """GitHub's id is not signed, so the body says what is the same; nothing is launched again."""
    body = json.dumps(
        {
            "ref": "refs/heads/x",
            "before": "0",
            "after": "1",
            "commits": [],
            "pusher": {},
            "repository": {"html_url": "https://github.com/a/b"},
        }
    ).encode()
    first = receiver.push(body, delivery="one")
    assert first.status == 202, first.body
    again = [receiver.push(body, delivery="one"), receiver.push(body, delivery="another")]
    assert [answer.json["jobs"][0]["created"] for answer in (first, *again)] == [True, False, False]
    assert len({answer.json["jobs"][0]["name"] for answer in (first, *again)}) == 1
    sink.wait(first.json["jobs"][0]["name"])


def test_killed_between_end_and_delivery_it_delivers_after_its_start(receiver, sink):
    """kill -9 while the sink refuses: the next start goes on where the last one stopped, with the same id."""
    for _ in range(1000):
        sink.statuses.put(503)
    name = receiver.send().json["jobs"][0]["name"]
    receiver.wait_ended(name)
    until(lambda: len(sink.requests) >= 2, what="two tries at the sink")
    receiver.kill()
    while not sink.statuses.empty():
        sink.statuses.get()
    assert sink.events == []
    receiver.start()
    assert sink.wait(name)["data"]["outcome"] == "succeeded"
    ids = {headers["ce-id"] for headers, _ in sink.requests}
    bodies = {body for _, body in sink.requests}
    assert (len(ids), len(bodies)) == (1, 1)
    until(lambda: receiver.job(name)["completion"] == "delivered", what="the mark")


def test_killed_right_after_the_202_the_job_still_runs(receiver, sink):
    """What was answered with 202 is on disk: another process runs it and tells of it."""
    name = receiver.send().json["jobs"][0]["name"]
    receiver.kill()
    receiver.start()
    # The try that was cut off counts, so with backoffLimit 0 it may have failed: but it is never forgotten.
    assert sink.wait(name)["data"]["outcome"] in {"succeeded", "failed"}


def test_a_receiver_that_was_down_delivers_what_ended_before(receiver, sink):
    """SIGTERM within ten seconds, exit 0; the completion that the sink refused goes out after the next start."""
    for _ in range(500):
        sink.statuses.put(503)
    name = receiver.send().json["jobs"][0]["name"]
    receiver.wait_ended(name)
    assert receiver.stop() == 0
    while not sink.statuses.empty():
        sink.statuses.get()
    receiver.start()
    sink.wait(name)


def test_cleanup_delivers_and_deletes_what_is_past_its_retention(receivers, sink, tmp_path, project, place):
    """`jobhook cleanup` calls POST /cleanup; a dry run writes nothing; the report says what was done."""
    kept = (
        place.echo()
        .replace("name: echo", "name: kept\nretention: {succeeded: 1h}", 1)
        .replace("com.example.test", "com.example.kept")
    )
    definitions = {"echo.yaml": place.echo(), "kept.yaml": kept}
    receiver = receivers(
        tmp_path,
        definitions=definitions,
        config=config(sink, retention={"succeeded": "0s"}, settle="0s"),
        environ=place.environ,
    ).start()
    names = [receiver.send(type=type_).json["jobs"][0]["name"] for type_ in ("com.example.test", "com.example.kept")]
    for name in names:
        sink.wait(name)
        until(lambda name=name: receiver.job(name)["completion"] == "delivered", what="the mark")

    def cleanup(*options):
        environ = {
            "PATH": "",
            "JOBHOOK_URL": f"http://127.0.0.1:{receiver.port}",
            "JOBHOOK_TOKEN_FILE": str(tmp_path / "token"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "webhook", "cleanup", "--json", *options],
            env=environ,
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout and json.loads(done.stdout)

    code, dry = cleanup("--dry-run")
    assert (code, dry["deleted"], dry["dry_run"]) == (0, 1, True)
    assert receiver.as_caller("GET", f"/jobs/{names[0]}").status == 200
    code, report = cleanup()
    assert (code, report["deleted"], report["kept"]["retention"], report["more"]) == (0, 1, 1, False)
    assert receiver.as_caller("GET", f"/jobs/{names[0]}").status == 404
    assert receiver.as_caller("GET", f"/jobs/{names[1]}").status == 200


def test_nothing_secret_is_logged(receiver):
    """Neither a body, a header nor a secret reaches the log."""
    receiver.push(b'{"ref": "very-private-branch"}', secret="wrong secret of somebody")
    receiver.send({"password": "very-private-value"})
    log = receiver.log.read_text()
    for private in (SECRET, TOKEN, "very-private", "sha256="):
        assert private not in log
    assert receiver.lines("hook.unauthenticated")


def test_an_event_is_known_after_its_job_is_gone(receivers, sink, tmp_path, place):
    """Cleaned up, restarted, sent again: the same name, `gone: true`, and no second Job; values do not matter any more."""
    settings = config(sink, retention={"succeeded": "0s"}, settle="0s")
    definitions = {"echo.yaml": place.echo()}
    receiver = receivers(tmp_path, definitions=definitions, config=settings, environ=place.environ).start()
    name = receiver.send(id="once and never again").json["jobs"][0]["name"]
    sink.wait(name)
    until(lambda: receiver.job(name)["completion"] == "delivered", what="the mark")
    assert receiver.as_caller("POST", "/cleanup").json["deleted"] == 1
    gone = {"name": name, "definition": "echo", "created": False, "gone": True}
    for _ in range(2):
        again = receiver.send(id="once and never again")
        assert (again.status, again.json["jobs"]) == (202, [gone])
        assert receiver.as_caller("GET", f"/jobs/{name}").status == 404
        receiver.stop()
        receiver.start()
    refused = receiver.send({"number": "not a number"}, id="once and never again")
    assert (refused.status, refused.json["jobs"]) == (202, [gone])
    assert len(sink.of(name)) == 1
