"""Requests that try to be understood in two ways, or to be taken for what they are not."""

import gzip
import json
import re
import socket
import subprocess
import sys
import uuid

import pytest
from driving import TOKEN, until
from honest import BODY, post, say, signed, statuses

EVENT = '"specversion": "1.0", "id": "%s", "source": "/s", "type": "com.example.none"'
STRUCTURED = "content-type: application/cloudevents+json"
BATCH = "content-type: application/cloudevents-batch+json"
JSON = "content-type: application/json"
PUSH = "x-github-event: push"
BINARY = ["ce-specversion: 1.0", "ce-source: /s", "ce-type: com.example.none"]
DEEP = b"[" * 100_000 + b"]" * 100_000


def _event(more=b""):
    return b"{" + (EVENT % uuid.uuid4()).encode() + more + b"}"


def _ask(receiver, path, body, *headers, token=False):
    [status] = statuses(say(receiver, post(path, body, *headers, token=token)))
    return status


def _hook(receiver, body, *headers, **options):
    return _ask(receiver, "/hooks/github", body, JSON, PUSH, signed(body), *headers, **options)


@pytest.mark.parametrize("body", [b"{}", gzip.compress(b"a" * 1_000_000), gzip.compress(BODY)])
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "GZIP"])
def test_an_encoded_body_is_415_and_never_unpacked(guarded, coding, body):
    """At both doors; at a hook only after the signature was found right."""
    assert _hook(guarded, body, f"content-encoding: {coding}") == 415
    assert _ask(guarded, "/hooks/github", body, f"content-encoding: {coding}") == 401
    assert _ask(guarded, "/events", body, STRUCTURED, f"content-encoding: {coding}", token=True) == 415


def test_a_300_mib_bomb_is_not_unpacked(guarded):
    """Its few hundred kilobytes are read, and no more comes of them."""
    bomb = gzip.compress(bytes(300 * 1024 * 1024), compresslevel=1)
    assert _hook(guarded, bomb, "content-encoding: gzip") == 415
    assert _ask(guarded, "/events", bomb, STRUCTURED, "content-encoding: gzip", token=True) == 415


@pytest.mark.parametrize("form", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_is_415_after_its_signature(guarded, form):
    """A ping, too; without a signature 401; at /events it is no event."""
    body = b"payload=%7B%7D"
    for event in ("push", "ping"):
        head = [f"content-type: {form}", f"x-github-event: {event}"]
        assert _ask(guarded, "/hooks/github", body, *head, signed(body)) == 415
        assert _ask(guarded, "/hooks/github", body, *head) == 401
    assert _ask(guarded, "/events", body, f"content-type: {form}", token=True) == 415


def test_json_nested_100_000_deep_is_400(guarded):
    """In every mode, with and without an end."""
    for deep in (DEEP, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b"[" * 100_000):
        assert _hook(guarded, b'{"ref": ' + deep + b"}") == 400
        assert _ask(guarded, "/events", _event(b', "data": ' + deep), STRUCTURED, token=True) == 400
        assert _ask(guarded, "/events", deep, BATCH, token=True) == 400
    for deep in (DEEP, b'{"a":' * 100_000 + b"1" + b"}" * 100_000):
        assert _ask(guarded, "/events", deep, JSON, "ce-id: 1", *BINARY, token=True) == 400


@pytest.mark.parametrize(
    "broken",
    [
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf1",
        b"01",
        b"1,",
        b"'a'",
        b'"\\ud800"',
    ],
)
def test_what_is_no_json_is_400(guarded, broken):
    """In a webhook, and in an event's envelope."""
    assert _hook(guarded, b'{"ref": ' + broken + b"}") == 400
    assert _ask(guarded, "/events", _event(b', "data": ' + broken), STRUCTURED, token=True) == 400


def test_a_repeated_key_is_400_in_an_envelope(guarded):
    """Which of two ids is meant is not ours to guess; within the data the last one counts, as everywhere."""
    assert _ask(guarded, "/events", _event(b', "id": "2"'), STRUCTURED, token=True) == 400
    assert _ask(guarded, "/events", b"[" + _event(b', "type": "x"') + b"]", BATCH, token=True) == 400
    assert _ask(guarded, "/events", _event(b', "data": {"a": 1, "a": 2}'), STRUCTURED, token=True) == 202


@pytest.mark.parametrize("bad", [b"\xff\xfe", b"\xc0\xa0", b"gr\xfcn"])
def test_invalid_utf_8_in_a_header_is_400(guarded, bad):
    """Raw, and by percent."""
    for value in (bad, b"".join(b"%%%02X" % byte for byte in bad)):
        request = post("/events", b"", "ce-id: VALUE", *BINARY, token=True).replace(b"VALUE", value)
        assert statuses(say(guarded, request)) == [400]


def test_a_security_header_twice_is_401(guarded):
    """Even where both are right: which of them a proxy looked at is not ours to guess."""
    wrong = signed(BODY, "some other secret of theirs")
    for others in ([signed(BODY)], [wrong], ["x-hub-signature-256: "]):
        assert _hook(guarded, BODY, *others) == 401
    bearer = f"authorization: Bearer {TOKEN}"
    for other in (bearer, "authorization: Bearer wrong", "authorization: Basic eDp5"):
        assert _ask(guarded, "/events", _event(), STRUCTURED, bearer, other) == 401
    assert _ask(guarded, "/events", _event(), STRUCTURED, bearer) == 202


@pytest.mark.parametrize("value", ["sha256=é", "\xff" * 71, "sha256=" + "٣" * 32, "sha256=" + "0" * 63 + "\xb2"])
def test_a_signature_that_is_not_ascii_is_401(guarded, value):
    """And no fault."""
    request = post("/hooks/github", BODY, "x-hub-signature-256: VALUE").replace(b"VALUE", value.encode())
    assert statuses(say(guarded, request)) == [401]
    token = post("/events", BODY, "authorization: Bearer VALUE").replace(b"VALUE", value.encode())
    assert statuses(say(guarded, token)) == [401]


def test_a_signature_in_a_trailer_is_none(guarded):
    """Trailers are not headers: a proxy that guards the headers never sees them."""
    head = b"POST /hooks/github HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n"
    rest = b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)
    mark = b"\r\n".join(line.encode() for line in (signed(BODY), JSON, PUSH))
    assert statuses(say(guarded, head + b"\r\n" + rest + mark + b"\r\n\r\n")) == [401]
    assert statuses(say(guarded, head + mark + b"\r\n\r\n" + rest + b"\r\n")) == [202]


@pytest.mark.parametrize(
    "framing",
    [
        ["transfer-encoding: chunked", "content-length: 5"],
        ["content-length: 5", "transfer-encoding: chunked"],
        ["transfer-encoding: xchunked"],
        ["transfer-encoding: chunked, identity"],
        ["transfer-encoding : chunked"],
        ["transfer-encoding: chunked", "transfer-encoding: identity"],
        ["content-length: 5", " folded: 6"],
    ],
)
def test_a_body_framed_in_two_ways_is_400(guarded, framing):
    """The ways of request smuggling: one answer, and the connection ends."""
    smuggled = b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n"
    lines = ["POST /events HTTP/1.1", "host: a", *framing]
    answer = say(guarded, "\r\n".join(lines).encode() + b"\r\n\r\n0\r\n\r\n" + smuggled)
    assert statuses(answer) == [400]


@pytest.mark.parametrize("ending", ["\n", "\r", "\r\r\n"])
def test_a_header_line_with_another_ending_hides_nothing(guarded, ending):
    """A lone line feed or carriage return is an error, or a separator; never part of a value."""
    request = (
        f"POST /events HTTP/1.1\r\nhost: a\r\nx: 1{ending}authorization: Bearer {TOKEN}\r\nconnection: close\r\n\r\n"
    )
    assert statuses(say(guarded, request.encode()))[0] in {400, 401}


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://evil.example:1", "http://127.0.0.1:1", "http://[::1]"]
)
def test_an_absolute_target_is_its_path(guarded, origin):
    """As HTTP wants it; the name in it leads nowhere."""
    get = "GET {} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    assert statuses(say(guarded, get.format(f"{origin}/healthz").encode())) == [200]
    assert statuses(say(guarded, get.format(f"{origin}/jobs").encode())) == [401]
    assert statuses(say(guarded, get.format(f"{origin}/nothing").encode())) == [404]
    assert _ask(guarded, f"{origin}/hooks/github", BODY) == 401


@pytest.mark.parametrize(
    "target",
    [
        "*",
        "evil.example:443",
        "http://",
        "http:///",
        "//evil.example/healthz",
        "?",
        "healthz",
        "/a b",
        "/\x00",
        "/é",
        "http://a:b/c",
        "javascript:1",
    ],
)
def test_an_odd_target_is_refused(guarded, target):
    """With a 400 or a 404, and nothing behind it."""
    for method in ("GET", "CONNECT", "OPTIONS", "POST"):
        request = f"{method} {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode()
        [status] = statuses(say(guarded, request))
        assert status in {400, 401, 404, 405}, method


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/..",
        "/jobs/%2e%2e",
        "/jobs/%2e%2e%2f%2e%2e%2fsecrets",
        "/jobs/..%2f..%2fpods",
        "/jobs/a%00b",
        "/jobs/%00",
        "/jobs/%",
        "/jobs/%zz",
        "/jobs/%ff%fe",
        "/jobs/%ed%a0%80",
        "/jobs/a%3flimit=1",
        "/jobs/a%23b",
        "/jobs/a;b",
        "/jobs/%0d%0aset-cookie:x",
        "/jobs/%2e%2e/logs",
        "/jobs/a%2flogs",
        "/jobs/" + "a" * 5000,
        "/jobs/%252e%252e",
        "/jobs/\\..\\..",
        "/../jobs",
        "/%2e%2e/etc/passwd",
        "//jobs",
        "/jobs/",
        "/events/",
        "/hooks/",
        "/hooks/github/",
        "/hooks/%2e%2e/jobs",
        "/hooks/github%00",
        "/hooks/github%2f",
        "/hooks/GITHUB",
    ],
)
def test_an_odd_path_is_404(guarded, path):
    """With a token, too: no file, no other object of the store, no redirect."""
    for method in ("GET", "POST"):
        line = f"{method} {path} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n"
        request = f"{line}authorization: Bearer {TOKEN}\r\ncontent-length: 0\r\n\r\n".encode("latin-1")
        answer = say(guarded, request)
        [status] = statuses(answer)
        assert status in {404, 405}, method
        assert b"location" not in answer.lower()
        assert b"evil.example" not in answer


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "foo"])
def test_an_upgrade_is_declined(guarded, upgrade):
    """The request is served as it is, and nothing behind it."""
    head = (
        f"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: {upgrade}\r\nsec-websocket-key: x\r\n\r\n"
    )
    assert statuses(say(guarded, head.encode(), b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n")) == [200]
    body = post("/hooks/github", BODY, JSON, PUSH, signed(BODY), f"upgrade: {upgrade}")
    body = body.replace(b"connection: close", b"connection: upgrade")
    for cut in (len(body), len(body) - 40, len(body) - len(BODY), 60):
        assert statuses(say(guarded, body[:cut], body[cut:])) == [202]
    chunked = body.replace(b"content-length: %d" % len(BODY), b"transfer-encoding: chunked")
    chunked = chunked.removesuffix(BODY) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    assert statuses(say(guarded, chunked)) == [202]
    assert statuses(say(guarded, chunked + b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n")) == [202]
    assert statuses(say(guarded, chunked.replace(b"\r\n%x\r\n" % len(BODY), b"\r\nxyz\r\n"))) == [400]


def test_expect_100_continue_is_not_needed_for_a_refusal(guarded):
    """Nobody is asked for a body that would not be read."""
    request = post("/events", b"", "expect: 100-continue", "content-length: 100", length=False)
    assert statuses(say(guarded, request)) == [401]


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "OPTIONS"])
@pytest.mark.parametrize("path", ["/events", "/", "/hooks/github", "/healthz", "/cleanup"])
def test_another_method_is_405_with_those_that_there_are(receiver, method, path):
    """As a problem document, and with all methods of the path."""
    answer = receiver.ask(method, path)
    allowed = {"/events": {"POST", "OPTIONS"}, "/": {"POST", "OPTIONS"}, "/healthz": {"GET", "HEAD"}}.get(
        path, {"POST"}
    )
    if method in allowed:
        assert answer.status in {200, 204}
        return
    assert answer.status == 405
    assert set(answer.getheader("allow").split(", ")) == allowed
    assert answer.getheader("content-type") == "application/problem+json"


def test_nothing_hostile_reaches_the_log_raw(receiver):
    """Every line of the log is one JSON object, whatever was sent."""
    evil = '\\u0000\\u001b[31m\\n{\\"event\\": \\"forged\\"}'
    _ask(receiver, "/events", _event(f', "id": "{evil}"'.encode()), STRUCTURED, token=True)
    receiver.push(b'{"ref": "\\u001b[2J\\n"}', event="push\x9b[31m", delivery="x" * 3000)
    receiver.send(type="com.example." + "x" * 3000 + "%E2%80%AE", id="%0a%0d")
    for line in receiver.log.read_text().splitlines():
        entry = json.loads(line)
        assert entry["event"] != "forged"
        assert "\x1b" not in line
        assert len(line) < 5000


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    """A real `jobhook dev`, and its port."""
    folder = tmp_path_factory.mktemp("dev")
    (folder / "definitions").mkdir()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "webhook", "dev", "--port", "0"], cwd=folder, stdout=log, stderr=log
        )
    try:
        found = until(lambda: re.search(r"http://127\.0\.0\.1:(\d+)", (folder / "log").read_text()), what="dev")
        yield int(found[1])
    finally:
        process.terminate()
        process.wait(timeout=15)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 400),
        ("evil.example:PORT", 400),
        ("localhost.evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("", 400),
        ("localhost@evil.example", 400),
        ("[::1]", 400),
        (None, 400),
        ("127.0.0.1", 200),
        ("127.0.0.1:PORT", 200),
        ("LOCALHOST:PORT", 200),
    ],
)
def test_dns_rebinding_on_dev_is_400(dev, host, status):
    """A page whose name was made to lead here gives itself away by its Host header."""
    line = "" if host is None else f"host: {host.replace('PORT', str(dev))}\r\n"
    with socket.create_connection(("127.0.0.1", dev), timeout=10) as talk:
        talk.sendall(f"GET /healthz HTTP/1.1\r\n{line}connection: close\r\n\r\n".encode())
        assert statuses(b"".join(iter(lambda: talk.recv(65536), b""))) == [status]


def test_two_hosts_on_dev_are_400(dev):
    """Even where one of them is ours."""
    with socket.create_connection(("127.0.0.1", dev), timeout=10) as talk:
        talk.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n")
        assert statuses(b"".join(iter(lambda: talk.recv(65536), b""))) == [400]
