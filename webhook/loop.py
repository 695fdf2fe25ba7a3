"""The event loop: uvloop, with one owner for each descriptor."""

from __future__ import annotations

import socket
from typing import Any

import uvloop


class Loop(uvloop.Loop):
    """uvloop that takes a connected socket over whole.

    aiohttp connects a socket and hands it to `create_connection`. uvloop then closes its descriptor, and where the
    connection breaks off early (a TLS handshake that is cancelled or fails, as while an API server goes down) the
    Python socket closes the same number once more. By then it may be another connection's: one sender gets another's
    answer, and libuv aborts the process (uvloop 0.23.0; https://github.com/MagicStack/uvloop/issues/738 is a sibling).
    """

    async def create_connection(
        self,
        protocol_factory: Any,
        host: str | None = None,
        port: int | None = None,
        *,
        sock: socket.socket | None = None,
        **options: Any,
    ) -> Any:
        """Connect, or take over a socket that is connected: nobody else's `close` reaches its descriptor any more."""
        where: Any = (host, port)
        taken: Any = None if sock is None else _Taken(sock)
        return await super().create_connection(protocol_factory, *where, sock=taken, **options)


class _Taken:
    """As much of a socket as uvloop asks for; libuv alone closes what it stands for."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.family, self.type, self.proto = sock.family, sock.type, sock.proto
        self._descriptor = sock.detach()

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 # the socket's form
        """Stay as it is: not blocking."""

    def detach(self) -> int:
        """Give the descriptor away, which libuv has."""
        return self._descriptor

    def close(self) -> None:
        """Leave it to libuv."""
