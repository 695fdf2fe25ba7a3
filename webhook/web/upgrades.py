"""The body of a request that also asks for another protocol.

`Upgrade` may be ignored (RFC 9110 §7.8), and Java's HttpClient sends `Upgrade: h2c` with every first request. httptools
takes what follows such a header section for the other protocol; here a second parser reads the body that it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import httptools


class Reader(Protocol):
    """Whoever wants the body."""

    def on_body(self, body: bytes) -> None:
        """Take a part of it."""
        ...

    def on_message_complete(self) -> None:
        """Take its end."""
        ...


class _Body:
    """The two callbacks alone, so that the head which was made up for the parser is told to nobody."""

    def __init__(self, reader: Reader) -> None:
        self.on_body, self.on_message_complete = reader.on_body, reader.on_message_complete


def framing(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The header lines that frame a body; none where there is no body."""
    lines = [b"%s: %s\r\n" % pair for pair in headers if pair[0] in {b"content-length", b"transfer-encoding"}]
    return b"" if lines == [b"content-length: 0\r\n"] else b"".join(lines)


def body_parser(reader: Reader, lines: bytes) -> httptools.HttpRequestParser:
    """Make a parser that stands right before a body with this framing. Raises HttpParserError."""
    parser = httptools.HttpRequestParser(_Body(reader))
    parser.feed_data(b"POST / HTTP/1.1\r\n" + lines + b"\r\n")
    return parser
