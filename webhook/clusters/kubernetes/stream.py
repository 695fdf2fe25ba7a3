"""An answer that comes in pieces: a watch, or a log that is followed."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress

import aiohttp

from .call import Call, ended

BREATH = 0.02
"""Seconds between two readings of a stream that brings one small piece after the other."""
SMALL_PIECE = 2**17
"""Bytes of a small piece at most."""


class Stream:
    """An answer that comes in pieces."""

    def __init__(self, response: aiohttp.ClientResponse, call: Call) -> None:
        self._response, self._content, self._call = response, response.content, call
        self._now = asyncio.get_running_loop().time
        self._next = 0.0

    async def read(self, seconds: float | None = None) -> bytes:
        """Wait for the next piece; empty at the end.

        What comes after a silence is handed out at once; what follows it closely is gathered for a moment.

        Raises:
            ClusterUnavailable: the connection broke, or nothing came for so many seconds.
        """
        with ended(self._call):
            piece = b""
            if (early := self._next - self._now()) > 0:
                piece = await self._gather(early)
            if not piece:
                async with asyncio.timeout(seconds):
                    piece = await self._content.readany()
        if len(piece) <= SMALL_PIECE:
            self._next = self._now() + BREATH
        return piece

    async def _gather(self, seconds: float) -> bytes:
        """Let pieces come together: to be woken for each of a thousand changes a second costs more than to read them.

        The kernel wakes nobody for fewer bytes (socket(7), SO_RCVLOWAT), except for the end, and does so at once when
        it is told to again (Linux 4.18). There is always a reader: aiohttp keeps back what came before a break where
        nobody waited for it.
        """
        connection = self._response.connection
        transport = connection.transport if connection is not None else None
        sock = transport.get_extra_info("socket") if transport is not None and sys.platform == "linux" else None
        gathered: list[bytes] = []
        _wake_for(sock, SMALL_PIECE)
        try:
            async with asyncio.timeout(seconds):
                while sum(map(len, gathered)) < SMALL_PIECE and (piece := await self._content.readany()):
                    gathered.append(piece)
        except TimeoutError:
            pass
        except (aiohttp.ClientError, OSError):
            if not gathered:  # else it comes again at the next reading
                raise
        finally:
            _wake_for(sock, 1)
        return b"".join(gathered)


def _wake_for(sock: socket.socket | None, count: int) -> None:
    if sock is not None:
        with suppress(OSError, ValueError):  # it is closed
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
