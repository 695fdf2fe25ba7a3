"""Connections against the real server: what they may cost, and that it ends well."""

import asyncio
import contextlib
import json

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from webhook.errors import ConfigurationError
from webhook.web import protocol, server
from webhook.web.protocol import BEGAN, BoundedProtocol


async def _echo(scope, receive, send):
    """Answer with what was asked, after the body, as slowly as the path says."""
    request = Request(scope, receive)
    body = await request.body()
    if scope["path"].startswith("/slow/"):
        await asyncio.sleep(float(scope["path"].removeprefix("/slow/")))
    if scope["path"] == "/large":
        await PlainTextResponse("a" * 50_000_000)(scope, receive, send)
        return
    text = f"{scope['method']} {scope['path']} {len(body)} {BEGAN in scope}"
    await PlainTextResponse(text)(scope, receive, send)


@contextlib.asynccontextmanager
async def _serving(monkeypatch=None, *, header_bytes=4096, header_seconds=None):
    if monkeypatch and header_seconds:
        monkeypatch.setattr(server, "HEADER_SECONDS", header_seconds)
    listener = server.bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    stop = asyncio.Event()
    task = asyncio.create_task(server.serve(_echo, listener, header_bytes=header_bytes, stop=stop))
    try:
        yield port, stop, task
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task


async def _talk(port, data, *, eof=False):
    """Send bytes, and answer all that comes back until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            await writer.drain()
            if eof:
                writer.write_eof()
        async with asyncio.timeout(20):
            try:
                return await reader.read()
            except ConnectionError:
                return b""
    finally:
        writer.close()


def _status(answer):
    return int(answer.split(b" ", 2)[1])


def _run(main):
    asyncio.run(main())


REQUEST = b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"


def test_a_plain_request_is_served():
    """The limits cost an honest sender nothing."""

    async def main():
        async with _serving() as (port, _, _):
            answer = await _talk(port, REQUEST)
            assert _status(answer) == 200
            assert answer.endswith(b"POST /x 2 True")

    _run(main)


@pytest.mark.parametrize(
    "head",
    [
        b"x-long: " + b"a" * 10_000 + b"\r\n",
        b"".join(b"x-%d: a\r\n" % number for number in range(1000)),
        b"a: b\r\n" * 300,
    ],
    ids=["one long line", "many lines", "more lines than any sender has"],
)
def test_a_large_header_section_is_431(head):
    """Bytes and lines of the header section are capped, as a problem document says."""

    async def main():
        async with _serving() as (port, _, _):
            answer = await _talk(port, b"POST /x HTTP/1.1\r\nhost: a\r\n" + head + b"\r\n")
            assert _status(answer) == 431
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 431

    _run(main)


def test_headers_without_end_are_cut_off():
    """A section that never ends is refused when it passes the cap, not when memory is gone."""

    async def main():
        async with _serving() as (port, _, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /x HTTP/1.1\r\nx-long: ")
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 50_000_000:
                    writer.write(b"a" * 10_000)
                    sent += 10_000
                    await writer.drain()
                    if reader.at_eof() or reader._buffer:
                        break
            assert sent < 5_000_000
            writer.close()

    _run(main)


def test_a_long_url_counts_as_header():
    """The request line is part of the section."""

    async def main():
        async with _serving() as (port, _, _):
            assert _status(await _talk(port, b"GET /" + b"a" * 8000 + b" HTTP/1.1\r\nhost: a\r\n\r\n")) == 431

    _run(main)


def test_slow_headers_are_408_and_a_silent_connection_is_closed(monkeypatch):
    """A timer runs from the connection's opening to the end of the header section."""

    async def main():
        async with _serving(monkeypatch, header_seconds=0.3) as (port, _, _):
            slow, silent = await asyncio.gather(_talk(port, b"POST /x HTTP/1.1\r\nhost: "), _talk(port, b""))
            assert _status(slow) == 408
            assert silent == b""

    _run(main)


def test_a_second_slow_header_section_on_a_connection_is_408_too(monkeypatch):
    """Keep-alive is no way around the timer."""

    async def main():
        async with _serving(monkeypatch, header_seconds=0.3) as (port, _, _):
            keep = REQUEST.replace(b"connection: close\r\n", b"")
            answer = await _talk(port, keep + b"POST /y HTTP/1.1\r\nhost: ")
            first, second = answer.split(b"HTTP/1.1 ")[1:]
            assert first.startswith(b"200")
            assert second.startswith(b"408")

    _run(main)


def test_a_slow_answer_is_not_taken_for_slow_headers(monkeypatch):
    """The timer ends with the section."""

    async def main():
        async with _serving(monkeypatch, header_seconds=0.2) as (port, _, _):
            answer = await _talk(port, REQUEST.replace(b"/x", b"/slow/0.6"))
            assert _status(answer) == 200

    _run(main)


def test_a_large_body_is_not_counted_as_header():
    """A body of many times the header cap passes, also in one piece with its headers."""

    async def main():
        async with _serving() as (port, _, _):
            head = b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\nconnection: close\r\n\r\n"
            assert (await _talk(port, head + b"b" * 300_000)).endswith(b" 300000 True")

    _run(main)


def test_an_answer_that_is_never_read_is_not_kept_for_ever(monkeypatch):
    """A peer that stops reading is given up; one that reads slowly gets all of it."""
    monkeypatch.setattr(protocol, "STALLED_SECONDS", 0.5)
    request = REQUEST.replace(b"/x", b"/large")

    async def main():
        async with _serving() as (port, _, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(request)
            await asyncio.sleep(1.5)  # nothing is read: what is under test is the other side's patience
            got = 0
            with contextlib.suppress(ConnectionError):
                while part := await reader.read(1_000_000):
                    got += len(part)
            assert got < 50_000_000
            writer.close()
            assert len(await _talk(port, request)) > 50_000_000

    _run(main)


def test_a_refusal_behind_a_request_waits_for_its_answer():
    """What is broken behind a request under way is not answered in its place."""

    async def main():
        async with _serving() as (port, _, _):
            keep = REQUEST.replace(b"connection: close\r\n", b"").replace(b"/x", b"/slow/0.3")
            for broken, status in (
                (b"\x00garbage\r\n\r\n", b"400"),
                (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n", b"431"),
            ):
                first, second = (await _talk(port, keep + broken)).split(b"HTTP/1.1 ")[1:]
                assert first.startswith(b"200")
                assert second.startswith(status)

    _run(main)


def test_garbage_is_a_400_problem():
    """What is no HTTP gets one answer, and the connection ends."""

    async def main():
        async with _serving() as (port, _, _):
            answer = await _talk(port, b"\x16\x03\x01 hello\r\n\r\n" * 10)
            assert _status(answer) == 400
            assert b"application/problem+json" in answer
            assert answer.count(b"HTTP/1.1") == 1

    _run(main)


def test_pipelined_requests_are_answered_in_order():
    """Three requests in one segment are three answers."""

    async def main():
        async with _serving() as (port, _, _):
            keep = REQUEST.replace(b"connection: close\r\n", b"")
            answer = await _talk(port, keep + keep + REQUEST)
            assert answer.count(b"POST /x 2 True") == 3

    _run(main)


def test_the_order_to_stop_lets_a_request_finish():
    """Nothing under way is lost; a new connection is refused."""

    async def main():
        async with _serving() as (port, stop, task):
            asking = asyncio.create_task(_talk(port, REQUEST.replace(b"/x", b"/slow/0.5")))
            await asyncio.sleep(0.1)  # the request is under way: what is under test is the time after
            stop.set()
            assert _status(await asking) == 200
            async with asyncio.timeout(10):
                await task
            with pytest.raises(OSError):
                await asyncio.open_connection("127.0.0.1", port)

    _run(main)


def test_an_address_that_is_taken_names_the_remedy():
    """The error says which variables to change."""
    taken = server.bind("127.0.0.1", 0)
    try:
        with pytest.raises(ConfigurationError, match="set HOST and PORT"):
            server.bind("127.0.0.1", taken.getsockname()[1])
    finally:
        taken.close()


def test_the_protocol_is_made_for_its_limits():
    """Limits are the class's, so that a connection costs nothing to configure."""
    made = BoundedProtocol.bounded(header_bytes=7, header_seconds=3.0)
    assert (made.max_header_bytes, made.header_seconds) == (7, 3.0)
