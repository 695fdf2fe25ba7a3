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
    made = Receiver(folder, definitions={"any.yaml": ANY}, config=config(sink)).start()
    yield made
    assert made.stop() == 0
    sink.close()


def _post(receiver, path, body, lines):
    """Send header lines exactly so, and answer the status and the body's value."""
    head = ["host: a", "connection: close", f"content-length: {len(body)}", *lines]
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=20) as talk:
        talk.sendall(f"POST {path} HTTP/1.1\r\n".encode() + "\r\n".join(head).encode() + b"\r\n\r\n" + body)
        answer = b"".join(iter(lambda: talk.recv(65536), b""))
    head, _, told = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), json.loads(told) if told else None


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
