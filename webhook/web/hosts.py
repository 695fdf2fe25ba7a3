"""The names by which a receiver on loopback may be called: against DNS rebinding.

A page of a stranger can make its own name resolve to 127.0.0.1 and then read answers as its own; its `Host` header
gives it away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from .problems import problem

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[^:]*)(?::[0-9]*)?")  # RFC 9110 §7.2


class OwnHosts:
    """Let requests through that name one of our hosts, exactly once; port and letters' case do not matter."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.encode("ascii").lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 400."""
        if scope["type"] != "http" or self._ours([value for name, value in scope["headers"] if name == b"host"]):
            await self._app(scope, receive, send)
        else:
            await problem(400, "the Host header names nobody here")(scope, receive, send)

    def _ours(self, named: list[bytes]) -> bool:
        match = _HOST.fullmatch(named[0]) if len(named) == 1 else None
        return match is not None and match[1].lower() in self._hosts
