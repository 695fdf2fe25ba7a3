"""HTTP/1.1 connections that cannot be used to exhaust the process.

uvicorn's httptools protocol caps neither the header section nor the time that it may take (100 MiB of headers were
accepted), nor what surrounds a chunked body, nor how many requests wait behind one another. This one counts bytes,
lines and requests, arms a timer whenever it waits for a peer, and answers what it refuses in the form of every problem.
"""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ..json import dump
from .lingering import Lingering
from .upgrades import body_parser, framing

BEGAN = "jobhook.began"
"""The scope's key for the moment of a request's first byte, by the loop's clock, in seconds."""
WHOLE = "jobhook.whole"
"""The scope's key for whether the whole body is there, so that reading it never waits."""

PIPELINED = 32
"""Requests that may wait on a connection behind the one that is served."""
FRAMING = 8
"""Bytes on the wire that one byte of a body may take, for a sender of tiny chunks; what is above counts as header."""
STALLED_SECONDS = 30.0
"""How long a peer may read nothing of an answer that no longer fits into the buffers."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `bounded` makes the class for given limits."""

    max_header_bytes: ClassVar[int] = 32 * 1024
    max_header_lines: ClassVar[int] = 200
    header_seconds: ClassVar[float] = 10.0

    transport: Lingering  # type: ignore[assignment] # as uvicorn uses it
    cycle: RequestResponseCycle | None  # type: ignore[assignment] # None before the first request
    _in_headers: bool = True
    _begun: bool = False
    _taken: bool = False  # the application has the request whose bytes come in
    _whole: bool = True  # and all of it
    _header_bytes: int = 0
    _arrived: int = 0  # bytes in which the header section must be, and more may be
    _framing: int = 0
    _refused: bool = False
    _farewell: bytes = b""
    _data: bytes = b""
    _framed: bytes = b""  # header lines of a body that stands where another protocol was asked for
    _header_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    @classmethod
    def bounded(cls, *, header_bytes: int, header_seconds: float) -> type[BoundedProtocol]:
        """Make the protocol for these limits: bytes of a whole header section, seconds until it must be whole."""
        return type("BoundedProtocol", (cls,), {"max_header_bytes": header_bytes, "header_seconds": header_seconds})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for the first header section."""
        super().connection_made(transport)
        self.transport = Lingering(transport, owed=lambda: self._refused or self._begun or not self._whole)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._disarm()
        self.resume_writing()
        self.transport.lost()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a header section or surrounds a body, before the parser keeps it."""
        if self._refused or self.transport.ended:
            return
        in_body = not (self._in_headers or self._whole)
        idle = None if in_body or self._in_headers else self.scope
        if self._in_headers:
            self._header_bytes += len(data)
            self._arrived += len(data)
        elif in_body:
            self._framing += len(data)
        self._data = data
        super().data_received(data)
        self._data = b""
        if self._header_bytes > self.max_header_bytes and self._waiting():
            self._refuse(431, f"the header section is larger than {self.max_header_bytes} bytes")
        elif in_body and self._framing > self.max_header_bytes:
            self._refuse(400, "far more chunk sizes, chunk extensions or trailers than body")
        elif self._waiting() and self._header_timer is None:
            self._arm()  # most header sections come whole, and never see a timer
        self._framing = max(0, self._framing) if in_body else 0
        if idle is not None and idle is self.scope and self._header_timer is None and self._answered():
            self._arm()  # line breaks between requests begin none, and are no way to keep a connection for ever

    def on_message_begin(self) -> None:
        """Note the first byte of a request."""
        super().on_message_begin()
        self.scope[BEGAN] = self.loop.time()  # type: ignore[literal-required] # a key of ours
        self._begun, self._taken, self._arrived = True, False, len(self._data)
        if not self._in_headers:  # a second request on the connection
            self._in_headers, self._header_bytes = True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field without the blanks behind its value, which the parser leaves there (RFC 9112 §5.1)."""
        name, value = name.lower(), value.rstrip(b" \t")  # not by super(): a call more for every line of a request
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Hand the request to the application, unless its header section was too large all the same."""
        if self._refused:
            return
        self._in_headers = self._begun = self._whole = False
        self._disarm()
        if len(self.headers) > self.max_header_lines or self._header_size() > self.max_header_bytes:
            self._refuse(431, "the header section is too large")
        elif len(self.pipeline) >= PIPELINED:
            self._refuse(503, "too many requests at once on one connection", more="retry-after: 1\r\n")
        else:
            super().on_headers_complete()
            self._taken = True
            self._framed = framing(self.headers) if self.parser.should_upgrade() else b""
            self.headers = []  # trailers are no headers (RFC 9110 §6.5.1): the scope keeps its list as it is

    def _header_size(self) -> int:
        """Bytes of the header section; no more is asked than whether they are too many."""
        if self._arrived <= self.max_header_bytes:
            return self._arrived
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        """Pass the body on; that of a refused request goes nowhere."""
        if not self._refused:
            self._framing -= FRAMING * len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; a refused one has none."""
        if self._framed and self.parser.should_upgrade():
            return  # its body is still to come
        if not self._refused:
            self._whole = True
            self.scope[WHOLE] = True  # type: ignore[literal-required] # a key of ours
            self._disarm()
            super().on_message_complete()
            self._refused = bool(self._framed)

    def on_response_complete(self) -> None:
        """Go on with the next request, say farewell behind the last one, or wait for what is left of this one."""
        last = not self.pipeline
        super().on_response_complete()
        if not last or self.transport.is_closing():
            return
        if self._farewell:
            self.transport.write(self._farewell)
            self.transport.close()
        elif not (self._in_headers or self._whole):  # answered before its body had come, as a 401 is
            self._arm()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, in the form of every other problem."""
        self._refuse(400, msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Serve a request that asks for another protocol as it is, with its body, and end behind it."""
        upgrade = sys.exception()
        if self.cycle is not None:
            self.cycle.keep_alive = False
        if self._framed and upgrade is not None:
            try:
                self.parser = body_parser(self, self._framed)
                self.parser.feed_data(self._data[upgrade.args[0] :])
            except httptools.HttpParserError:
                self._refuse(400, "Invalid HTTP request received.")
        else:
            self._refused = True

    def pause_writing(self) -> None:
        """Begin to wait for a peer that does not read its answer."""
        super().pause_writing()
        self._watch(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Stop waiting for it."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        super().resume_writing()

    def _watch(self, unread: int) -> None:
        self._stall_timer = self.loop.call_later(STALLED_SECONDS, self._stalled, unread)

    def _stalled(self, before: int) -> None:
        unread = self.transport.get_write_buffer_size()
        if unread < before:
            self._watch(unread)  # slowly, but it reads
        else:
            self.transport.abort()

    def _waiting(self) -> bool:
        """Whether the header section is still to come; the parser's calls change that while data is fed."""
        return self._in_headers and not self._refused

    def _answered(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete

    def _arm(self) -> None:
        self._disarm()
        self._header_timer = self.loop.call_later(self.header_seconds, self._too_slow)

    def _disarm(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _too_slow(self) -> None:
        if self._begun:
            self._refuse(408, "the header section did not arrive in time")
        else:
            self.transport.close()

    def _refuse(self, status: int, detail: str, *, more: str = "") -> None:
        """Answer in place of the application, in this request's turn, and read nothing further."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._disarm()
        answer = _problem(status, detail, more)
        latest = self.cycle
        if latest is not None and self._taken and not self._whole:  # the application has begun with what is broken now
            if self.pipeline and self.pipeline[0][0] is latest:
                self.pipeline.popleft()  # or would have: others are before it
                self._farewell = answer
                return
            latest.disconnected = True
            latest.message_event.set()
            answer = b"" if latest.response_started else answer
        elif latest is not None and not latest.response_complete:
            self._farewell = answer
            return
        self.transport.write(answer)
        self.transport.close()


def _problem(status: int, detail: str, more: str) -> bytes:
    """Write a whole answer: the application, which has the means for it, knows nothing of this request."""
    phrase = HTTPStatus(status).phrase
    body = dump({"type": "about:blank", "title": phrase, "status": status, "detail": detail})
    head = (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n{more}connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


def began(scope: Any, default: float) -> float:
    """The moment of a request's first byte, by the loop's clock; `default` under another server."""
    return float(scope.get(BEGAN, default))
