"""Write an answer in one piece, and end a connection so that its last one is read.

uvicorn writes an answer's head and its body one after the other: two system calls, the peer woken twice, and a head
alone where the process is killed between them.

A socket that is closed while its peer still sends is reset, and a reset may overtake the answer (RFC 9112 §9.6). Where
the rest of a request is still coming, our side ends at once, the peer's is read and thrown away for a moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

LINGER_SECONDS = 2.0
"""How long a peer may go on sending what nobody reads."""


class Lingering:
    """A transport that keeps a head for its body, and of which `close` waits for a peer that still sends, for a moment.

    Attributes:
        ended: whether the last answer has gone out; what comes in then is to be thrown away.
    """

    def __init__(self, transport: asyncio.Transport, *, owed: Callable[[], bool]) -> None:
        self._transport, self._owed = transport, owed
        self._timer: asyncio.TimerHandle | None = None
        self._head = b""
        self._flushing: asyncio.Handle | None = None
        self.ended = False

    def write(self, data: bytes) -> None:
        """Write; the head of an answer together with what is written next, or by itself if nothing is in this turn."""
        if self._head:
            self._flush(data)
        elif data.endswith(b"\r\n\r\n") and data.startswith(b"HTTP/1.1 ") and data[9:10] != b"1":
            self._head = data
            self._flushing = asyncio.get_running_loop().call_soon(self._flush)
        else:
            self._transport.write(data)

    def _flush(self, more: bytes = b"") -> None:
        head = self._forget()
        if head or more:
            self._transport.write(head + more)

    def _forget(self) -> bytes:
        head, self._head = self._head, b""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        return head

    def abort(self) -> None:
        """End the whole connection; what is not written is lost."""
        self._forget()
        self._transport.abort()

    def close(self) -> None:
        """End our side at once; the whole connection as soon as the peer ends its own, or has had its time."""
        if self.is_closing():
            return
        self._flush()
        self.ended = True
        if not self._owed():
            self._transport.close()
            return
        self._transport.write_eof()
        self._transport.resume_reading()  # idempotent
        self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.close)

    def lost(self) -> None:
        """Forget the timer of a connection that is gone."""
        self.ended = True
        self._forget()
        if self._timer is not None:
            self._timer.cancel()

    def is_closing(self) -> bool:
        """Whether nothing may be written any more."""
        return self.ended or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)
