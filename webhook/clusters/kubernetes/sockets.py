"""The sockets of one session, so that their end can be waited for."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from weakref import WeakSet

SOON = 0.05
"""Seconds that TLS has in any case: uvloop takes its sockets over, and nobody sees their end."""
LONGEST = 2.0
"""Seconds for the other side to hang up, too."""


class Sockets:
    """Makes sockets, and knows which of them are open.

    aiohttp leaves a request that was cancelled to TLS' goodbye, for which both sides are needed, and waits for none.
    """

    def __init__(self) -> None:
        self._made: WeakSet[socket.socket] = WeakSet()

    def make(self, address: tuple[Any, ...]) -> socket.socket:
        """Make one for an entry of `getaddrinfo`."""
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        self._made.add(made)
        return made

    async def closed(self, *, tls: bool) -> None:
        """Return when all are closed, or have had their time."""
        now = asyncio.get_running_loop().time
        over = now() + LONGEST
        await asyncio.sleep(SOON if tls else 0)
        while any(one.fileno() >= 0 for one in tuple(self._made)) and now() < over:  # noqa: ASYNC110 # no event tells
            await asyncio.sleep(SOON / 10)
