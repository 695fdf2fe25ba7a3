"""JSON goes to one address of the API server, and its answer comes back: what a launch waits for.

`ClientSession.request` weighs redirects, cookies, proxies, encodings and traces at each call, none of which a POST to
the API server has; that was a quarter of the way from an event to its Job. Here the bytes go straight to a connection,
and httptools, which parses our senders' requests too, parses the answers. All other calls go by the session.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import cast
from urllib.parse import urlsplit

import httptools

from ...errors import ClusterUnavailable
from ...json import Struct

CONNECT = 5.0
"""Seconds for a connection and its TLS."""
IDLE = 15.0
"""Seconds after which a connection is not used again: the other side may be about to close it."""
LARGEST_HEAD = 2**16
LARGEST_BODY = 2**24
"""Bytes of an answer. A Job and its Status have 1.5 MiB at most."""


class Answer(Struct, frozen=True):
    """What came back, read whole.

    Attributes:
        retry_after: the header's text, or None.
    """

    status: int
    body: bytes
    retry_after: str | None


class Exchange:
    """POSTs to one address, each on a connection that is its own meanwhile and is kept for the next.

    Args:
        url: the whole address, quoted.
        tls: for https.
        server_name: whom the certificate must name; None: the address's host.
        headers: that each request has.
        connections: at most so many at once; who comes later waits.
    """

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext | None,
        server_name: str | None,
        headers: dict[str, str],
        connections: int,
    ) -> None:
        parts = urlsplit(url)
        self._host, self._tls = parts.hostname or "", tls
        self._port = parts.port or (443 if tls else 80)
        self._server_name = (server_name or self._host) if tls else None
        lines = {"Host": parts.netloc.rpartition("@")[2], "Content-Type": "application/json", **headers}
        target = f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}"
        head = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
        self._head = "".join(f"{line}\r\n" for line in head).encode("ascii")
        self._lines: set[_Line] = set()
        self._idle: deque[tuple[_Line, float]] = deque()
        self._retired = False
        self._outbox: list[tuple[_Line, bytes]] = []
        self._room = asyncio.Semaphore(connections)
        self._now = asyncio.get_running_loop().time

    async def post(self, body: bytes, authorization: str | None) -> Answer:
        """Send one body; whoever waits bounds the time.

        Raises:
            ClusterUnavailable: no connection.
            OSError: it broke before the answer was whole, or the answer is no HTTP.
        """
        credentials = f"Authorization: {authorization}\r\n".encode("ascii") if authorization else b""
        request = b"%b%bContent-Length: %d\r\n\r\n%b" % (self._head, credentials, len(body), body)
        async with self._room:
            line = self._kept() or await self._connect()
            try:
                answer = await self._ask(line, request)
            except BaseException:
                line.abort()  # what is half said or half heard is nobody else's
                raise
            if line.reusable and not self._retired:
                self._idle.append((line, self._now()))
            else:
                line.abort()
            return answer

    def _ask(self, line: _Line, request: bytes) -> asyncio.Future[Answer]:
        """Send by the end of this turn of the event loop, one request after the other.

        Each write wakes the other side, which costs more than the write; it is awake yet when more follow at once.
        """
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._send)
        self._outbox.append((line, request))
        return line.expect()

    def _send(self) -> None:
        outbox, self._outbox = self._outbox, []
        for line, request in outbox:
            line.write(request)

    def retire(self) -> None:
        """Keep no connection any more; those that are in use end after their answers."""
        self._retired = True
        while self._idle:
            self._idle.pop()[0].abort()

    def close(self) -> None:
        """Close every connection; whoever waits for an answer is told."""
        self.retire()  # who still waits for a connection keeps none behind its answer
        for line in tuple(self._lines):
            line.abort()

    def _kept(self) -> _Line | None:
        """The connection that was used last, so that those that are not needed grow old and go."""
        oldest = self._now() - IDLE
        while self._idle and self._idle[0][1] < oldest:
            self._idle.popleft()[0].abort()
        while self._idle:
            line, _ = self._idle.pop()
            if line.reusable:
                return line
        return None

    async def _connect(self) -> _Line:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT):
                _, line = await loop.create_connection(
                    lambda: _Line(self._lines),
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._server_name,
                )
        except (OSError, ValueError) as error:  # a name that cannot be, or a certificate that must not
            where = f"{self._host}:{self._port}"
            reason = f"nothing within {CONNECT:.0f} s" if isinstance(error, TimeoutError) else error
            raise ClusterUnavailable(f"no connection to {where}: {reason}", sent=False) from error
        return line


class _Line(asyncio.Protocol):
    """One connection: a request, its answer, and the next request."""

    def __init__(self, lines: set[_Line]) -> None:
        self._lines = lines
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._keep = False
        self._begin()

    def _begin(self) -> None:
        self._size = self._head_size = 0
        self._in_head = True
        self._body: list[bytes] = []
        self._retry_after: str | None = None

    @property
    def reusable(self) -> bool:
        """Whether another request may go out."""
        return self._keep and self._transport is not None and not self._transport.is_closing()

    def expect(self) -> asyncio.Future[Answer]:
        """Make a future for the answer to the next request, or an OSError."""
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        self._keep = False
        if self._transport is None:
            self._fail(ConnectionResetError("the server closed the connection"))
        return waiter

    def write(self, request: bytes) -> None:
        """Send a request, if its answer is still waited for."""
        if self._transport is not None and self._waiter is not None and not self._waiter.done():
            self._transport.write(request)

    def abort(self) -> None:
        """End the connection at once."""
        self._keep = False
        if self._transport is not None:
            self._transport.abort()

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._lines.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        self._lines.discard(self)
        self._transport = None
        self._fail(exc if isinstance(exc, OSError) else ConnectionResetError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._end(f"the server does not speak HTTP as it should: {error}")
        else:
            if self._size > (LARGEST_HEAD if self._in_head else LARGEST_BODY):
                self._end("the server's answer is too large")

    # What the parser says.

    def on_message_begin(self) -> None:
        """See an answer come; one that nobody asked for must not be taken for the next one's."""
        if self._waiter is None:
            self._end("")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the one header that is asked for."""
        self._head_size += len(name) + len(value)
        if name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Allow for a body."""
        self._in_head = False
        if self._head_size > LARGEST_HEAD:
            self._end("the server's headers are too large")

    def on_body(self, body: bytes) -> None:
        """Keep a piece."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand the answer over; an interim one (RFC 9110 §15.2) only announces it."""
        status = self._parser.get_status_code()
        answer = Answer(status, b"".join(self._body), self._retry_after)
        self._begin()
        if status < 200:
            return
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            self._keep = self._parser.should_keep_alive()
            waiter.set_result(answer)

    def _end(self, reason: str) -> None:
        self._fail(ConnectionError(reason))
        self.abort()

    def _fail(self, error: OSError) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
