"""Attacks by size, number and slowness, each against the real process with its memory measured."""

import contextlib
import itertools
import socket
import threading
import time

import pytest
from driving import until
from honest import BODY, TOKEN, post, say, statuses

MIB = 1024 * 1024
BEARER = f"authorization: Bearer {TOKEN}"

CLOSE = "connection: close"


def _chunked(path, *headers):
    lines = [f"POST {path} HTTP/1.1", "host: a", "transfer-encoding: chunked", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/events", [BEARER], 413), ("/hooks/github", [], 413), ("/events", [CLOSE], 401), ("/nothing", [CLOSE], 404)],
    ids=["events", "hook", "without a token", "nowhere"],
)
def test_300_mib_of_chunked_body(guarded, path, headers, status):
    """Cut off at the cap, or unread where nobody is let in; the sender still gets its answer."""
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    answer = say(guarded, _chunked(path, *headers), *itertools.repeat(chunk * 16, 300), b"0\r\n\r\n")
    assert statuses(answer) == [status]


def test_300_gib_declared(guarded):
    """Refused by the declaration, before a byte of it is waited for."""
    for path in ("/events", "/hooks/github"):
        head = post(path, b"", f"content-length: {300 * 1024 * MIB}", token=True, length=False)
        assert statuses(say(guarded, head)) == [413]


@pytest.mark.parametrize(
    "length", ["-1", "1e3", "+5", "0x10", "5, 5", "5 5", "", "5;q=1", "９", "99999999999999999999"]
)
def test_a_content_length_that_is_no_number(guarded, length):
    """Is no HTTP."""
    head = f"POST /events HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n".encode()
    assert statuses(say(guarded, head + b"hello")) in ([400], [413])


def test_two_content_lengths(guarded):
    """Even equal ones: which of them a proxy believed is not ours to guess."""
    for other in (5, 6):
        answer = say(guarded, post("/events", b"hello", f"content-length: {other}"))
        assert statuses(answer) == [400]


def test_a_body_longer_than_it_says(guarded):
    """The declared part is the request; what is behind it is another, and garbage."""
    head = f"POST /events HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n{BEARER}\r\n\r\n".encode()
    assert statuses(say(guarded, head + b"hello, and more\r\n\r\n")) == [415, 400]


def test_a_body_shorter_than_it_says(guarded):
    """Is waited for until the deadline."""
    start = time.monotonic()
    answer = say(guarded, post("/hooks/github", b"hello", "content-length: 500", length=False))
    assert statuses(answer) == [408]
    assert time.monotonic() - start < 8


def test_100_mib_of_headers(guarded):
    """Refused at the cap; the rest is thrown away or cut off."""
    line = b"x-long: " + b"a" * MIB
    answer = say(guarded, b"POST /events HTTP/1.1\r\nhost: a\r\n", *itertools.repeat(line, 100), b"\r\n\r\n")
    assert statuses(answer) == [431]


def test_50_000_header_lines(guarded):
    """And as many without an end to the section."""
    lines = b"".join(b"x-%d: a\r\n" % number for number in range(50_000))
    for end in (b"\r\n", b""):
        assert statuses(say(guarded, b"POST /events HTTP/1.1\r\nhost: a\r\n", lines, end)) == [431]


def test_100_mib_of_trailers(guarded):
    """What follows a chunked body counts as header, on every door."""
    for path, headers in (("/events", [BEARER]), ("/hooks/github", []), ("/events", [])):
        for trailer in (b"x: " + b"a" * MIB, b"x: a\r\n" * (MIB // 6)):
            begin = _chunked(path, *headers) + b"5\r\nhello\r\n0\r\n"
            found = statuses(say(guarded, begin, *itertools.repeat(trailer, 100), b"\r\n\r\n"))
            assert found in ([400], [401])


def test_100_mib_of_chunk_extensions(guarded):
    """What surrounds a body may be several times the body, and no more."""
    begin = _chunked("/events", BEARER) + b"5;x="
    assert statuses(say(guarded, begin, *itertools.repeat(b"a" * MIB, 100))) == [400]


def test_a_body_in_tiny_chunks_passes(guarded):
    """An honest sender of single bytes is not mistaken for one."""
    body = b'{"after": "' + b"a" * 20_000 + b'"}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    ce = ["ce-id: 1", "ce-source: /s", "ce-type: com.example.none", "ce-specversion: 1.0", "connection: close"]
    assert statuses(say(guarded, _chunked("/events", BEARER, *ce), chunks)) == [202]


def test_a_byte_a_second(guarded):
    """In the first headers, in a second request's, in a body, in a body after its answer: all end in time, side by side."""
    once = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"
    slow = itertools.repeat(b"a", 100)
    attacks = {
        "headers": ([b"GET /healthz HTTP/1.1\r\nx: ", *slow], [408]),
        "second headers": ([once + b"GET /healthz HTTP/1.1\r\nx: ", *itertools.repeat(b"a", 100)], [200, 408]),
        "body": ([post("/hooks/github", b"", "content-length: 99", length=False), *itertools.repeat(b"a", 99)], [408]),
        "body after a 401": ([_chunked("/events"), *itertools.repeat(b"1\r\na\r\n", 100)], [401]),
        "line": ([b"G", *itertools.repeat(b"E", 100)], [400]),
        "line breaks": ([once, *itertools.repeat(b"\r\n", 100)], [200]),
    }
    ends = {}

    def attack(name):
        start = time.monotonic()
        chunks, _ = attacks[name]
        ends[name] = (_slowly(guarded, chunks), time.monotonic() - start)

    threads = [threading.Thread(target=attack, args=[name]) for name in attacks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, (_, expected) in attacks.items():
        answer, seconds = ends[name]
        assert statuses(answer) == expected, name
        assert seconds < 25, name


def _slowly(receiver, chunks):
    """Send a chunk a second until the other side ends, and answer what it said."""
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=1) as talk:
        said, chunks = bytearray(), iter(chunks)
        while True:
            with contextlib.suppress(ConnectionError):
                talk.sendall(next(chunks))
            try:
                part = talk.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                return bytes(said)
            if not part:
                return bytes(said)
            said += part


def test_a_thousand_idle_connections(guarded):
    """Silent ones and half-sent ones are held for a while, and then ended, with nothing that honest senders notice."""
    idle = []
    try:
        for number in range(1000):
            talk = socket.create_connection(("127.0.0.1", guarded.port), timeout=30)
            if number % 3 == 1:
                talk.sendall(b"POST /events HTTP/1.1\r\nx: ")
            elif number % 3 == 2:
                talk.sendall(b"POST /hooks/github HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nhello")
            idle.append(talk)
        assert guarded.push(BODY).status == 202
        for talk in idle:
            while talk.recv(65536):
                pass
    finally:
        for talk in idle:
            talk.close()


def test_pipelined_requests_without_number(guarded):
    """A few dozen are served in order, the rest is told to come again."""
    answer = say(guarded, b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n" * 50_000)
    found = statuses(answer)
    assert 1 <= found.count(200) <= 50_000
    assert found[-1] in {200, 503}
    assert set(found[:-1]) == {200}


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01" * MIB,
        b"\x00" * MIB,
        b"\r\n" * MIB + b"x",
        b"GET \xff\xfe HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_garbage_behind_a_request(guarded, garbage):
    """The request is answered first, as what it is; the garbage with a 400 behind it, or not at all."""
    sent = post("/events", b"{}", token=True).replace(b"connection: close\r\n", b"") + garbage
    assert statuses(say(guarded, sent, timeout=15)) in ([415, 400], [415, 408])
    assert statuses(say(guarded, garbage, timeout=15)) in ([400], [431])


def test_garbage_instead_of_a_chunk(guarded):
    """Ends the request that it was to be part of, with one answer."""
    assert statuses(say(guarded, _chunked("/events", BEARER) + b"hello\r\n", b"more")) == [400]
    assert statuses(say(guarded, _chunked("/events", BEARER) + b"ffffffffffffffffff\r\n")) == [400]


def test_an_answer_that_is_never_read(guarded):
    """Costs what the buffers hold."""
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=5) as talk:
        with contextlib.suppress(TimeoutError, ConnectionError):
            for _ in range(200):
                talk.sendall(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n" * 30)
                time.sleep(0.002)  # so that they are not too many at once
        until(lambda: guarded.push(BODY).status == 202)
