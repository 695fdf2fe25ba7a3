"""Every provider's hook over HTTP against the real process: launched once, whoever sends it again and how."""

import base64
import json
import re
import socket
import subprocess
import sys
import time

import pytest
import signing
from driving import Receiver, Sink, config

ANY = """
name: any
on:
  - {type: {prefix: com.}}
  - {type: {prefix: hook.}}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      spec:
        restartPolicy: Never
        containers: [{name: any, image: busybox, command: ["true"]}]
"""
SECOND = b"another secret of the test, and long enough"
GENERIC = {
    "scheme": "generic",
    "header": "X-Acme-Signature",
    "prefix": "v1=",
    "signed": "{timestamp}.{body}",
    "timestamp_header": "X-Acme-Timestamp",
    "type": 'headers["X-Acme-Event"]',
    "source": '"https://acme.example/" ~ body.shop',
    "type_prefix": "com.acme.",
}
ALL = (*signing.SCHEMES, "generic")
EACH = pytest.mark.parametrize("scheme", ALL)


def _sources(folder):
    sources = {}
    for scheme in signing.SCHEMES:
        (folder / f"{scheme}-secret").write_bytes(signing.secret_file(scheme))
        sources[scheme] = {"scheme": scheme, "secrets": [f"{scheme}-secret"]}
    (folder / "first").write_bytes(signing.SECRET)
    (folder / "second").write_bytes(SECOND)
    (folder / "public").write_bytes(signing.WHPK)
    return sources | {
        "generic": GENERIC | {"secrets": ["first"]},
        "rotating": {"scheme": "github", "secrets": ["gone-soon", "second"], "events": ["com.github.push"]},
        "public": {"scheme": "standard-webhooks", "secrets": ["public"]},
        "by-id": {"scheme": "github", "secrets": ["first"], "identity": "id"},
    }


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """One receiver with a source of every scheme; each test has bodies of its own."""
    sink, folder = Sink(), tmp_path_factory.mktemp("webhooks")
    (folder / "gone-soon").write_bytes(signing.SECRET)
    made = Receiver(folder, definitions={"any.yaml": ANY}, config=config(sink, sources=_sources(folder))).start()
    yield made
    assert made.stop() == 0
    sink.close()


def _body(value, mark):
    """A body that no other test sends."""
    ids = {
        name: f"{value[name]} {mark}" for name in ("id", "event_id") if str(value.get(name)).startswith(("evt", "Ev"))
    }
    return json.dumps(value | ids | {"mark": mark}).encode()


def _rows(scheme):
    if scheme == "generic":
        return [{"event": "order.paid", "body": {"shop": "north"}, "type": "com.acme.order.paid", "another": []}]
    return signing.rows(scheme)


def _post(receiver, scheme, body, *, event=None, delivery_id="1", at=None, key=signing.SECRET, source=None, more=()):
    if scheme == "generic":
        at = str(int(time.time() if at is None else at))
        signed = f"{at}.".encode() + body
        headers = {"X-Acme-Signature": f"v1={signing._hex(signed, key=key)}", "X-Acme-Timestamp": at}
        headers |= {"X-Acme-Event": event} if event else {}
        headers |= {"Content-Type": "application/json"}
    else:
        headers = signing.delivery(scheme, body, event=event, delivery_id=delivery_id, at=at, key=key)
    return receiver.ask("POST", f"/hooks/{source or scheme}", body, headers | dict(more))


def _created(answer):
    return [job["name"] for job in answer.json.get("jobs", ()) if job.get("created")]


@EACH
def test_a_delivery_launches_its_job_once(receiver, scheme):
    """202 with the Job; sent again as its provider does, the same Job and no new one."""
    for number, row in enumerate(_rows(scheme)):
        body = _body(row["body"], f"once {number}")
        first = _post(receiver, scheme, body, event=row["event"], delivery_id=f"once-{number}")
        assert first.status == 202, first.body
        [name] = _created(first)
        again = _post(receiver, scheme, body, event=row["event"], delivery_id=f"once-{number}")
        assert (again.status, [job["name"] for job in again.json["jobs"]], _created(again)) == (202, [name], [])


@EACH
def test_a_captured_body_under_a_fresh_id_launches_nothing(receiver, scheme):
    """An id that is not signed proves nothing, and one that is cannot be changed."""
    row = _rows(scheme)[0]
    body = _body(row["body"], "fresh id")
    assert _created(_post(receiver, scheme, body, event=row["event"], delivery_id="captured"))
    if scheme in signing.SIGNED_ID:
        headers = signing.delivery(scheme, body, event=row["event"], delivery_id="captured")
        fresh = receiver.ask("POST", f"/hooks/{scheme}", body, headers | {signing.SIGNED_ID[scheme]: "fresh"})
        assert fresh.status == 401
        return
    fresh = _post(receiver, scheme, body, event=row["event"], delivery_id="fresh")
    assert (fresh.status, len(fresh.json["jobs"]), _created(fresh)) == (202, 1, [])
    if scheme in signing.ID:
        assert fresh.json["event"] == "fresh"


@EACH
def test_a_captured_body_under_another_event_launches_nothing(receiver, scheme):
    """It does not fit the other name (422), or the name is in the body (the same Job)."""
    for number, row in enumerate(_rows(scheme)):
        body = _body(row["body"], f"another event {number}")
        [name] = _created(_post(receiver, scheme, body, event=row["event"], delivery_id=f"event-{number}"))
        for another in [*row.get("another", ()), "unheard_of"]:
            answer = _post(receiver, scheme, body, event=another, delivery_id=f"event-{number}")
            assert answer.status in {202, 400, 422}, answer.body
            assert _created(answer) == []
            assert answer.status != 202 or [job["name"] for job in answer.json["jobs"]] == [name]


@pytest.mark.parametrize("scheme", [scheme for scheme in ALL if scheme != "gitlab"])
def test_a_changed_body_is_401(receiver, scheme):
    """One byte, and nothing is said about it."""
    row = _rows(scheme)[0]
    body = _body(row["body"], "changed")
    if scheme == "generic":
        answer = _post(receiver, scheme, body, event=row["event"], key=SECOND)
    else:
        headers = signing.delivery(scheme, body, event=row["event"])
        answer = receiver.ask("POST", f"/hooks/{scheme}", body.replace(b"changed", b"Changed"), headers)
    assert answer.status == 401
    assert "detail" not in answer.json


@pytest.mark.parametrize("scheme", ["stripe", "slack", "svix", "standard-webhooks", "gitlab-signing", "generic"])
@pytest.mark.parametrize("off", [-310, 310])
def test_a_signed_timestamp_holds_for_five_minutes(receiver, scheme, off):
    """Either way; a captured delivery is refused afterwards whatever is remembered."""
    row = _rows(scheme)[0]
    body = _body(row["body"], f"time {off}")
    assert _post(receiver, scheme, body, event=row["event"], at=time.time() + off).status == 401
    assert _post(receiver, scheme, body, event=row["event"], at=time.time() + off / 2).status == 202


@pytest.mark.parametrize("type_", [f"{prefix}anything" for prefix in sorted({*signing.PREFIX.values(), "com.acme."})])
@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_what_a_hooks_provider_sends_is_not_believed_at_events(receiver, type_, mode):
    """A caller of /events cannot speak for any of them."""
    answer = receiver.send(type=type_, mode=mode)
    assert (answer.status, "hook" in answer.json["detail"]) == (403, True)


def test_a_generic_source_cannot_speak_for_another(receiver):
    """Its own prefix comes before whatever name the sender gives."""
    answer = _post(receiver, "generic", _body({"shop": "s"}, "speaks"), event="com.github.push")
    [name] = _created(answer)
    job = receiver.as_caller("GET", f"/jobs/{name}").body.decode()
    assert '"com.github.push"' not in job


@EACH
def test_a_form_is_415_with_the_remedy(receiver, scheme):
    """After the check of its signature; without one it is 401 as all else."""
    form = [("Content-Type", "application/x-www-form-urlencoded")]
    answer = _post(receiver, scheme, b"payload=%7B%7D", event="push", more=form)
    assert (answer.status, "JSON" in answer.json["detail"] or "json" in answer.json["detail"]) == (415, True)
    assert receiver.ask("POST", f"/hooks/{scheme}", b"payload=%7B%7D", dict(form)).status == 401


def test_slacks_url_verification_is_answered_after_its_check(receiver):
    """With the challenge as plain text, and 401 for whoever cannot sign it."""
    body = json.dumps({"type": "url_verification", "token": "t", "challenge": "<b>3eZbrw1aB</b>"}).encode()
    answer = _post(receiver, "slack", body)
    assert (answer.status, answer.body) == (200, b"<b>3eZbrw1aB</b>")
    assert answer.getheader("content-type").startswith("text/plain")
    assert answer.getheader("x-content-type-options") == "nosniff"
    assert _post(receiver, "slack", body, key=SECOND).status == 401


def test_bitbuckets_test_of_a_connection_is_204(receiver):
    """And launches nothing."""
    assert _post(receiver, "bitbucket", b'{"test": true}', event="diagnostics:ping").status == 204


@pytest.mark.parametrize(("scheme", "seconds"), [("slack", 2.5), ("shopify", 4.0), ("gitea", 4.0)])
def test_the_answer_comes_before_the_provider_hangs_up(receiver, scheme, seconds):
    """Also where the body never does: the deadline runs from the first byte."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=20) as connection:
        head = f"POST /hooks/{scheme} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert seconds - 0.5 < time.monotonic() - began < seconds + 0.5


def test_an_older_secret_counts_until_its_file_is_gone(receiver):
    """Which one matched is in the log by its place in the configuration; a removed one lets nothing in at once."""

    def push(key, mark):
        return _post(receiver, "github", _body(signing.PUSH, mark), event="push", key=key, source="rotating").status

    def matched():
        return [entry["secret"] for entry in receiver.lines("hook.verified") if entry["source"] == "rotating"]

    assert push(signing.SECRET, "rotation 1") == 202
    assert push(SECOND, "rotation 2") == 202
    assert matched() == [0, 1]
    (receiver.folder / "gone-soon").unlink()
    assert push(signing.SECRET, "rotation 3") == 401
    assert push(SECOND, "rotation 4") == 202
    assert matched() == [0, 1, 1]
    assert signing.SECRET.decode() not in receiver.log.read_text()


def test_only_the_types_that_a_source_names_come_in(receiver):
    """`events`: others are answered as events that nobody asks for."""
    body = _body({"action": "published", "release": {"id": 1}}, "types")
    answer = _post(receiver, "github", body, event="release", key=SECOND, source="rotating")
    assert (answer.status, answer.json["jobs"]) == (202, [])


def test_a_public_key_lets_in_what_its_private_one_signed(receiver):
    """Standard Webhooks v1a."""
    at, body = str(int(time.time())), b'{"type": "invoice.paid", "mark": "v1a"}'
    sealed = base64.b64encode(signing.PRIVATE.sign(f"m1.{at}.".encode() + body)).decode()
    headers = {"webhook-id": "m1", "webhook-timestamp": at, "webhook-signature": f"v1a,{sealed}"}
    assert _created(receiver.ask("POST", "/hooks/public", body, headers))
    assert receiver.ask("POST", "/hooks/public", body + b" ", headers).status == 401


def _duplicates(receiver):
    text = receiver.ask("GET", "/metrics").body.decode()
    return {
        by: float(count)
        for by, count in re.findall(r'^jobhook_duplicates_total\{by="(\w+)"\} (\S+)', text, re.MULTILINE)
    }


@pytest.mark.parametrize(
    ("scheme", "source", "by"), [("gitea", "gitea", "body"), ("stripe", "stripe", "job"), ("github", "by-id", "job")]
)
def test_duplicates_are_counted_by_what_they_were_known_by(receiver, scheme, source, by):
    """The body where it took the id's place, else the event's id."""
    row = _rows(scheme)[0]
    body = _body(row["body"], f"counted {source}")
    before = _duplicates(receiver).get(by, 0)
    for _ in range(3):
        answer = _post(receiver, scheme, body, event=row["event"], delivery_id="counted", source=source)
        assert answer.status == 202
    assert _duplicates(receiver)[by] - before == 2


def test_with_identity_id_a_fresh_id_is_a_fresh_event(receiver):
    """What a source may choose where bodies repeat honestly."""
    body = _body(signing.PUSH, "identity")
    answers = [_post(receiver, "github", body, event="push", delivery_id=id_, source="by-id") for id_ in "112"]
    assert [len(_created(answer)) for answer in answers] == [1, 0, 1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"scheme": "svix", "secrets": ["token"]}, "sources.bad.secrets[0]"),
        ({"scheme": "generic", "secrets": ["token"], "header": "X-A", "type": "body."}, "sources.bad.type"),
        ({"scheme": "github", "secrets": ["short"]}, "fewer than 16 bytes"),
        ({"scheme": "github", "secrets": ["empty"]}, "is empty"),
        ({"scheme": "none", "secrets": ["token"]}, "is signed"),
        ({"secrets": ["token"]}, "is missing"),
        ({"scheme": "github"}, "is missing"),
    ],
    ids=lambda value: value if type(value) is str else None,
)
def test_a_source_that_could_be_passed_by_anybody_does_not_start(tmp_path, options, says):
    """Exit code 2, and the place with the remedy."""
    (tmp_path / "short").write_text("short")
    (tmp_path / "empty").write_text("\n")
    sink = Sink()
    try:
        made = Receiver(tmp_path, definitions={}, config=config(sink, sources={"bad": options}))
        environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "JOBHOOK_CLUSTER": "local", "PORT": "0"}
        command = [sys.executable, "-m", "webhook", "serve"]
        ended = subprocess.run(
            command, cwd=made.folder, env=environ, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        sink.close()
    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
