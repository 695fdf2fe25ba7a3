"""Header fields as they stand on the wire, at the real process: what the client of the other tests cannot send."""

import hashlib
import hmac
import json
import socket

import pytest
from driving import SECRET, TOKEN, Receiver, Sink, config

ANY = """
name: any
on:
  - {type: com.example.any}
  - {type: {prefix: com.github.}, via: github}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    suspend: true
    template:
      spec:
        restartPolicy: Never
        containers: [{name: one, image: busybox, command: ["true"]}]
"""
BLANKS = pytest.mark.parametrize("blanks", ["", " ", "\t", " \t  "], ids=repr)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """One for all rows; each has an id of its own."""
    sink, folder = Sink(), tmp_path_factory.mktemp("wire")
    settings = config(sink, events={"auth": "bearer", "origins": ["*"]})
    made = Receiver(folder, definitions={"any.yaml": ANY}, config=settings).start()
    yield made
    assert made.stop() == 0
    sink.close()


def _say(receiver, line, lines, body=b""):
    """Send header lines exactly so, and answer the status, the header lines of the answer, and its body."""
    head = [f"{line} HTTP/1.1", "host: a", "connection: close", f"content-length: {len(body)}", *lines]
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=20) as talk:
        talk.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        answer = b"".join(iter(lambda: talk.recv(65536), b""))
    head, _, told = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode("ascii").lower().split("\r\n")
    return int(first.split(" ", 2)[1]), fields, told


def _post(receiver, path, body, lines):
    """The status and the body's value."""
    status, _, told = _say(receiver, f"POST {path}", lines, body)
    return status, json.loads(told) if told else None


@BLANKS
def test_blanks_around_a_value_are_no_part_of_it(receiver, blanks):
    """An id, a type, a content type and a token are what stands between them: the event is one, whoever pads it how."""
    lines = {
        "ce-specversion": "1.0",
        "ce-id": "padded",
        "ce-source": "/s",
        "ce-type": "com.example.any",
        "accept": "application/json",
        "content-type": "application/json",
        "authorization": f"Bearer {TOKEN}",
    }
    plain = [f"{name}: {value}" for name, value in lines.items()]
    status, first = _post(receiver, "/events", b"{}", plain)
    assert status == 202
    status, again = _post(
        receiver, "/events", b"{}", [f"{name}:{blanks}{value}{blanks}" for name, value in lines.items()]
    )
    assert (status, again["event"]) == (202, "padded")
    assert again["jobs"] == [first["jobs"][0] | {"created": False}]


@BLANKS
def test_blanks_around_a_webhooks_fields_are_no_part_of_them(receiver, blanks):
    """Its signature is right, its event's name is known, its delivery's id is the same."""
    body = json.dumps(
        {"action": "created", "starred_at": f"2026-01-02T03:04:0{len(blanks)}Z", "repository": {}}
    ).encode()
    lines = {
        "x-hub-signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
        "x-github-event": "star",
        "x-github-delivery": "d-1",
        "content-type": "application/json",
    }
    status, told = _post(receiver, "/hooks/github", body, [f"{name}: {value}{blanks}" for name, value in lines.items()])
    assert (status, told["event"], len(told["jobs"])) == (202, "d-1", 1)


def test_a_field_of_blanks_alone_is_empty(receiver):
    """An id that is nothing but blanks is none."""
    lines = ["ce-specversion: 1.0", "ce-source: /s", "ce-type: t", f"authorization: Bearer {TOKEN}", "ce-id: \t "]
    status, told = _post(receiver, "/events", b"", lines)
    assert (status, "empty" in told["detail"]) == (400, True)


@pytest.mark.parametrize(
    "name", ["events.example.com", "EventEmitter.example.com", "localhost", "my_sender.example.com"]
)
def test_an_open_door_grants_its_handshake_to_any_name(receiver, name):
    """By the name that was given."""
    status, fields, _ = _say(receiver, "OPTIONS /events", [f"webhook-request-origin: {name} "])
    assert (status, f"webhook-allowed-origin: {name.lower()}" in fields) == (200, True)


@pytest.mark.parametrize(
    "given",
    [
        [""],
        [" "],
        ["*"],
        ["a.example, b.example"],
        ["a.example b.example"],
        ["a.example", "b.example"],
        ["a.example", "a.example"],
        ["https://a.example"],
        ["a.example:443"],
        ["a.example/"],
        ["a..example"],
        [".example"],
        ["-a.example"],
        ["a-.example"],
        ["ü.example"],
        ["a" * 64 + ".example"],
        ["a." * 127 + "aa"],
    ],
    ids=lambda given: " and ".join(given)[:30] or "empty",
)
def test_an_open_door_grants_no_handshake_to_what_is_no_name(receiver, given):
    """Nothing is granted, not even a rate (webhook 1.0.2 §4.1.1)."""
    status, fields, told = _say(receiver, "OPTIONS /events", [f"webhook-request-origin: {value}" for value in given])
    assert (status, json.loads(told)["status"]) == (403, 403)
    assert not [field for field in fields if field.startswith("webhook-allowed")]


@pytest.mark.parametrize(
    ("line", "methods"),
    [
        ("GET /events", {"post", "options"}),
        ("PUT /", {"post", "options"}),
        ("GET /hooks/github", {"post"}),
        ("PUT /jobs", {"get", "head", "post"}),
        ("POST /healthz", {"get", "head"}),
        ("PUT /jobs/x", {"get", "head", "delete"}),
    ],
)
def test_another_method_is_told_all_that_there_are_once(receiver, line, methods):
    """One field with the methods of every route of the path (RFC 9110 §15.5.6)."""
    status, fields, _ = _say(receiver, line, [])
    [allow] = [field for field in fields if field.startswith("allow:")]
    assert (status, set(allow.removeprefix("allow: ").split(", "))) == (405, methods)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/json", True),
        ("text/plain, application/json;q=0.001", True),
        ("application/json;charset=utf-8", True),
        ("application/json;q=1.0", True),
        ("application/json;q=0", False),
        ("application/json; q=0.000", False),
        ("*/*, Application/JSON ; Q=0.", False),
        ("application/json;q=0, application/json;q=1", True),
        ("*/*", False),
    ],
)
def test_a_body_is_sent_to_whom_it_is_welcome(receiver, accept, wanted):
    """A weight of nothing is no wish (RFC 9110 §12.4.2)."""
    lines = ["ce-specversion: 1.0", "ce-source: /s", "ce-type: t", "ce-id: 1", f"authorization: Bearer {TOKEN}"]
    status, told = _post(receiver, "/events", b"", [*lines, f"accept: {accept}"])
    assert (status, told is not None) == (202, wanted)
