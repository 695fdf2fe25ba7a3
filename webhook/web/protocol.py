"""HTTP/1.1 connections that cannot be used to exhaust the process.

uvicorn's httptools protocol caps neither the header section nor the time that it may take (100 MiB of headers were
accepted). This one counts its bytes and lines, and arms a timer when the connection opens.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..json import dump

BEGAN = "jobhook.began"
"""The scope's key for the moment of a request's first byte, by the loop's clock, in seconds."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `bounded` makes the class for given limits."""

    max_header_bytes: ClassVar[int] = 32 * 1024
    max_header_lines: ClassVar[int] = 200
    header_seconds: ClassVar[float] = 10.0

    _in_headers: bool = True
    _begun: bool = False
    _header_bytes: int = 0
    _refused: bool = False
    _header_timer: asyncio.TimerHandle | None = None

    @classmethod
    def bounded(cls, *, header_bytes: int, header_seconds: float) -> type[BoundedProtocol]:
        """Make the protocol for these limits: bytes of a whole header section, seconds until it must be whole."""
        return type("BoundedProtocol", (cls,), {"max_header_bytes": header_bytes, "header_seconds": header_seconds})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for the first header section."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a header section, before the parser keeps it."""
        if self._refused:
            return
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._header_bytes > self.max_header_bytes and self._waiting():
            self._refuse(431, f"the header section is larger than {self.max_header_bytes} bytes")

    def on_message_begin(self) -> None:
        """Note the first byte of a request."""
        super().on_message_begin()
        self.scope[BEGAN] = self.loop.time()  # type: ignore[literal-required] # a key of ours
        self._begun = True
        if not self._in_headers:  # a second request on the connection
            self._in_headers, self._header_bytes = True, 0
            self._arm()

    def on_headers_complete(self) -> None:
        """Hand the request to the application, unless its header section was too large all the same."""
        if self._refused:
            return
        self._in_headers = self._begun = False
        self._disarm()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.max_header_bytes or len(self.headers) > self.max_header_lines:
            self._refuse(431, "the header section is too large")
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass the body on; that of a refused request goes nowhere."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; a refused one has none."""
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, in the form of every other problem."""
        if not self._refused:
            self._refuse(400, msg)

    def _waiting(self) -> bool:
        """Whether the header section is still to come; the parser's calls change that while data is fed."""
        return self._in_headers and not self._refused

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

    def _refuse(self, status: int, detail: str) -> None:
        self._refused = True
        self._disarm()
        phrase = HTTPStatus(status).phrase
        body = dump({"type": "about:blank", "title": phrase, "status": status, "detail": detail})
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        if not self.transport.is_closing():
            self.transport.write(head.encode("ascii") + body)
            self.transport.close()


def began(scope: Any, default: float) -> float:
    """The moment of a request's first byte, by the loop's clock; `default` under another server."""
    moment = scope.get(BEGAN, default)
    return float(moment)
