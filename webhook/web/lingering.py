"""End a connection so that its last answer is read.

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
    """A transport of which `close` waits for a peer that still sends, for a moment.

    Attributes:
        ended: whether the last answer has gone out; what comes in then is to be thrown away.
    """

    def __init__(self, transport: asyncio.Transport, *, owed: Callable[[], bool]) -> None:
        self._transport, self._owed = transport, owed
        self._timer: asyncio.TimerHandle | None = None
        self.write = transport.write
        self.ended = False

    def close(self) -> None:
        """End our side at once; the whole connection as soon as the peer ends its own, or has had its time."""
        if self.is_closing():
            return
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
        if self._timer is not None:
            self._timer.cancel()

    def is_closing(self) -> bool:
        """Whether nothing may be written any more."""
        return self.ended or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)
