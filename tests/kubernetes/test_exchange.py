"""The way of a create to the API server: one connection, one answer, and whose it is."""

import asyncio
import contextlib
import itertools
import json
import ssl

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook import errors
from webhook.clusters.kubernetes import exchange as module
from webhook.clusters.kubernetes.exchange import LARGEST_BODY, LARGEST_HEAD, Exchange
from webhook.loop import Loop


@contextlib.asynccontextmanager
async def exchanging(server, *, path="/jobs?a=b", connections=10, **options):
    """An exchange with a server, closed in the end."""
    options = {"tls": None, "server_name": None, "headers": {"Accept": "application/json"}} | options
    made = Exchange(server.url + path, connections=connections, **options)
    try:
        yield made
    finally:
        made.close()


async def echo(asked):
    """Answer with the request's own body, so that an answer tells whose it is."""
    await asked.reply(201, asked.body)


def connections(server):
    """Over how many connections the requests came."""
    return len({id(asked.writer) for asked in server.asked})


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop, Loop])
def test_every_answer_is_its_requests_own(scripted, loop):
    """Hundreds at once over a few connections, some given up at any moment, some answered late, some cut."""

    async def answer(asked):
        number = json.loads(asked.body)["number"]
        await asyncio.sleep(number % 7 / 1000)
        if number % 11 == 0:
            await asked.cut()
        elif number % 13 == 0:
            await asked.raw(b"HTTP/1.1 201 Created\r\nContent-Length: 9999\r\n\r\n{")
            await asked.cut()
        else:
            await echo(asked)

    async def one(way, number):
        body = json.dumps({"number": number, "x": "x" * (number * 97 % 5000)}).encode()
        try:
            async with asyncio.timeout(0.003 if number % 5 == 0 else 20):
                answer = await way.post(body, "Bearer t")
        except TimeoutError:
            assert number % 5 == 0
        except OSError:
            assert number % 11 == 0 or number % 13 == 0
        else:
            assert (answer.status, answer.body) == (201, body)

    async def run():
        async with scripted(answer) as server, exchanging(server, connections=8) as way:
            await asyncio.gather(*(one(way, number) for number in range(300)))
            assert len(way._lines) <= 8

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


def test_what_goes_out(scripted):
    """One request line, the host, each header once, the body's length; no credentials where there are none."""

    async def run():
        async with scripted(echo) as server, exchanging(server) as way:
            await way.post(b"{}", "Bearer t")
            await way.post(b"", None)
            with_token, without = server.asked
            assert (with_token.method, with_token.path, with_token.query) == ("POST", "/jobs", {"a": "b"})
            assert with_token.headers == {
                "host": server.url.removeprefix("http://"),
                "content-type": "application/json",
                "accept": "application/json",
                "authorization": "Bearer t",
                "content-length": "2",
            }
            assert "authorization" not in without.headers
            assert connections(server) == 1

    asyncio.run(run())


STRAY = {
    "a whole answer more": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "half an answer more": b"HTTP/1.1 200 OK\r\nContent-Le",
    "no HTTP": b"\x00\x01",
}


@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
@pytest.mark.parametrize("late", [False, True], ids=["with the answer", "after it"])
def test_what_was_not_asked_for_is_nobodys_answer(scripted, eventually, stray, late):
    """The connection that brought it is not used again."""

    async def answer(asked):
        await asked.raw(
            b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b" % (len(asked.body), asked.body) + stray * (not late)
        )
        if late:
            await asyncio.sleep(0.02)
            await asked.raw(stray)

    async def run():
        async with scripted(answer) as server, exchanging(server) as way:
            assert (await way.post(b"1", None)).body == b"1"
            if late:
                await eventually(lambda: not way._lines)
            assert (await way.post(b"2", None)).body == b"2"
            assert connections(server) == 2

    asyncio.run(run())


def test_a_connection_that_the_server_closed_is_not_used_again(scripted, eventually):
    """It was idle: nothing is lost, and the next request goes by another."""

    async def answer(asked):
        await echo(asked)
        asked.writer.close()

    async def run():
        async with scripted(answer) as server, exchanging(server) as way:
            for number in b"123":
                assert (await way.post(bytes([number]), None)).body == bytes([number])
                await eventually(lambda: not way._lines)
            assert connections(server) == 3

    asyncio.run(run())


def test_an_idle_connection_grows_old(scripted, monkeypatch, eventually):
    """What a burst opened is closed again, though one connection is in use all the while."""

    async def run():
        async with scripted(echo) as server, exchanging(server) as way:
            await asyncio.gather(*(way.post(b"x" * number, None) for number in range(5)))
            assert len(way._lines) == 5
            now = asyncio.get_running_loop().time
            way._now = lambda: now() + module.IDLE + 1
            await way.post(b"next", None)
            await eventually(lambda: len(way._lines) == 1)
            assert connections(server) == 6

    asyncio.run(run())


def test_a_request_beyond_the_limit_waits(scripted, eventually):
    """No more connections than are allowed, and the one that waits comes when another has its answer, or gives up."""
    free = asyncio.Event()

    async def answer(asked):
        await free.wait()
        await echo(asked)

    async def run():
        async with scripted(answer) as server, exchanging(server, connections=2) as way:
            several = [asyncio.create_task(way.post(bytes([number]), None)) for number in b"1234"]
            await eventually(lambda: len(server.asked) == 2)
            several[3].cancel()
            free.set()
            found = await asyncio.gather(*several, return_exceptions=True)
            assert [answer.body for answer in found[:3]] == [b"1", b"2", b"3"]
            assert isinstance(found[3], asyncio.CancelledError)
            assert (len(server.asked), connections(server)) == (3, 2)

    asyncio.run(run())


@pytest.mark.parametrize("ending", ["close", "retire"])
def test_an_exchange_that_ends(scripted, eventually, ending):
    """Closed, whoever waits is told; retired, they get their answers first. No connection is left."""
    free = asyncio.Event()

    async def answer(asked):
        await free.wait()
        await echo(asked)

    async def run():
        async with scripted(answer) as server, exchanging(server) as way:
            waiting = asyncio.create_task(way.post(b"1", None))
            await eventually(lambda: server.asked)
            getattr(way, ending)()
            free.set()
            if ending == "close":
                with pytest.raises(OSError, match="closed"):
                    await waiting
            else:
                assert (await waiting).body == b"1"
            await eventually(lambda: not way._lines)

    asyncio.run(run())


TOO_LARGE = {
    "many headers": [b"HTTP/1.1 201 Created\r\n", b"X: 1234567890\r\n" * (LARGEST_HEAD // 10)],
    "one header": [b"HTTP/1.1 201 Created\r\nX: ", b"x" * (LARGEST_HEAD + 1)],
    "headers at once": [b"HTTP/1.1 201 Created\r\nX: " + b"x" * (LARGEST_HEAD + 1) + b"\r\n\r\n"],
    "a body": [
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n",
        *[b"100000\r\n" + b"x" * 2**20 + b"\r\n"] * 17,
    ],
}


@pytest.mark.parametrize("pieces", TOO_LARGE.values(), ids=TOO_LARGE)
def test_an_answer_without_an_end_is_cut(scripted, pieces):
    """However it comes; the connection goes with it."""

    async def answer(asked):
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                await asked.raw(piece)
            await asked.hang()

    async def run():
        async with scripted(answer) as server, exchanging(server) as way:
            with pytest.raises(OSError, match="too large"):
                async with asyncio.timeout(20):
                    await way.post(b"{}", None)
            assert not way._idle

    asyncio.run(run())


def test_large_bodies_go_both_ways(scripted):
    """A Job of a megabyte and a half, which no buffer holds at once."""

    async def run():
        async with scripted(echo) as server, exchanging(server) as way:
            body = bytes(range(256)) * 6 * 1024
            assert len(body) < LARGEST_BODY
            for _ in range(2):
                assert (await way.post(body, None)).body == body
            assert connections(server) == 1

    asyncio.run(run())


def test_where_nobody_listens_nothing_was_sent(scripted):
    """Also by a name that cannot be."""

    async def run():
        async with scripted(echo) as server:
            pass
        for url in (server.url, "http://jobhook.invalid", f"http://{'a' * 64}.example"):
            server.url = url
            async with exchanging(server) as way:
                with pytest.raises(errors.ClusterUnavailable, match="no connection to") as caught:
                    await way.post(b"{}", None)
                assert caught.value.sent is False

    asyncio.run(run())


class Mute(asyncio.Transport):
    """Take what is written, and stay open."""

    def write(self, data):
        pass

    def is_closing(self):
        return False

    def abort(self):
        pass


@given(
    cuts=st.lists(st.integers(0, 400), max_size=6),
    data=st.binary(max_size=120),
    form=st.sampled_from(["length", "chunked", "interim"]),
)
@settings(max_examples=200, deadline=None)
def test_an_answer_may_come_in_any_pieces(cuts, data, form):
    """Cut wherever, the same answer is read; what is missing is waited for."""
    whole = {
        "length": b"HTTP/1.1 409 Conflict\r\nRetry-After: 7\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data),
        "chunked": b"HTTP/1.1 409 Conflict\r\nretry-after: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"%x\r\n%b\r\n" % (len(data), data) if data else b"")
        + b"0\r\n\r\n",
        "interim": b"HTTP/1.1 103 Early Hints\r\nRetry-After: 1\r\n\r\nHTTP/1.1 409 Conflict\r\nRetry-After: 7\r\n"
        + b"Content-Length: %d\r\n\r\n%b" % (len(data), data),
    }[form]
    edges = [0, *sorted(min(cut, len(whole) - 1) for cut in cuts), len(whole)]

    async def run():
        line = module._Line(set())
        line.connection_made(Mute())
        for _ in range(2):
            waiting = line.expect()
            for start, end in itertools.pairwise(edges):
                assert not waiting.done()
                line.data_received(whole[start:end])
            assert waiting.result() == module.Answer(409, data, "7")
            assert line.reusable

    asyncio.run(run())


LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, Loop], ids=["asyncio", "ours"])


@LOOPS
@pytest.mark.parametrize("how", ["hangs", "hangs, and is given up", "closes", "says something else"])
def test_a_handshake_that_comes_to_nothing(monkeypatch, loop, how):
    """Nothing was sent, and neither side keeps a connection."""
    monkeypatch.setattr(module, "CONNECT", 20 if "given up" in how else 0.3)

    async def run():
        closed = asyncio.Queue()

        async def serve(reader, writer):
            if how == "closes":
                writer.close()
            elif how == "says something else":
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                while await reader.read(2**16):
                    pass
            writer.close()
            await closed.put(True)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/jobs"
        way = Exchange(url, tls=ssl.create_default_context(), server_name="api", headers={}, connections=1)
        for _ in range(3):
            if "given up" in how:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.3):
                        await way.post(b"{}", "Bearer secret")
            else:
                with pytest.raises(errors.ClusterUnavailable, match="no connection to 127") as caught:
                    await way.post(b"{}", "Bearer secret")
                assert caught.value.sent is False
            async with asyncio.timeout(20):
                await closed.get()
        assert not way._lines
        way.close()
        server.close()
        await server.wait_closed()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


HTTP_PIECES = st.sampled_from(
    [
        b"HTTP/1.1 201 Created\r\n",
        b"HTTP/1.0 200\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Retry-After: \xff\r\n",
        b"\r\n",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"abc",
    ]
)


@given(st.lists(st.one_of(HTTP_PIECES, st.binary(max_size=30)), max_size=12))
@settings(max_examples=500, deadline=None)
def test_whatever_comes_is_an_answer_or_an_end(pieces):
    """No bytes of a server raise anything into the event loop, and none of them leave a request without an end."""

    async def run():
        line = module._Line(set())
        line.connection_made(Mute())
        waiting = line.expect()
        for piece in pieces:
            line.data_received(piece)
        line.connection_lost(None)
        assert waiting.done()
        assert waiting.exception() is None or isinstance(waiting.exception(), OSError)
        if waiting.exception() is None:
            assert waiting.result().status >= 200

    asyncio.run(run())
