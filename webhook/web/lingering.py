"""Write answers in one piece and in batches, and end a connection so that its last one is read.

uvicorn writes an answer's head and its body one after the other: two system calls, and a head alone where the process
is killed between them. And each write wakes its peer, which costs more than the write: where many peers were asleep,
those whose answers are made in one turn of the event loop are written to one after the other at its end, so that the
first is still awake when the others are woken.

A socket that is closed while its peer still sends is reset, and a reset may overtake the answer (RFC 9112 §9.6). Where
the rest of a request is still coming, our side ends at once, the peer's is read and thrown away for a moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

LARGE = 2**15
"""Bytes that are kept for the end of a turn at most."""
LINGER_SECONDS = 2.0
"""How long a peer may go on sending what nobody reads."""


class Lingering:
    """A transport that writes answers at the end of a turn, and of which `close` waits for a peer that still sends.

    Attributes:
        ended: whether the last answer has gone out; what comes in then is to be thrown away.
    """

    def __init__(self, transport: asyncio.Transport, *, owed: Callable[[], bool]) -> None:
        self._transport, self._owed = transport, owed
        self._timer: asyncio.TimerHandle | None = None
        self._kept = b""
        self._flushing: asyncio.Handle | None = None
        self.ended = False

    def write(self, data: bytes) -> None:
        """Write by the end of this turn; at once what is large, and an interim answer, which is waited for."""
        if self.ended:
            return  # an answer to what was pipelined before the last one: it can reach nobody
        if len(self._kept) + len(data) > LARGE or (not self._kept and data.startswith(b"HTTP/1.1 1")):
            self._transport.write(self._forget() + data)
        elif self._kept:
            self._kept += data
        elif data:
            self._kept = data
            self._flushing = asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        if kept := self._forget():
            self._transport.write(kept)

    def _forget(self) -> bytes:
        kept, self._kept = self._kept, b""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        return kept

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
