"""One session to one API server, and who we are there."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlencode

import aiohttp
import structlog

from ... import __version__
from ...errors import ConfigurationError
from .configuration import Loaded, Place
from .exchange import Exchange
from .sockets import Sockets

log = structlog.get_logger(__name__)

PAUSE = 10.0
"""Seconds between two readings of the credentials at least: each may run an exec plugin."""

HEADERS = {
    "User-Agent": f"jobhook/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # the API server would compress pages at the cost of its own CPU
}


class Connection:
    """The official client's session, and its credentials, which are read again when they age or are refused.

    Attributes:
        session: the tuned aiohttp session; another one after a client certificate was renewed.
        tls: the session's, where the API server speaks it.
        host: the API server's URL, without a path's last slash.
    """

    def __init__(self, place: Place, loaded: Loaded, *, proxy: str | None, connections: int) -> None:
        self._place, self._connections = place, connections
        self._authorization, self._fresh_for = loaded.authorization, loaded.fresh_for
        self._read_at, self._renewed_at = time.monotonic(), float("-inf")
        self._retired: list[aiohttp.ClientSession] = []
        self._lock = asyncio.Lock()
        configuration = loaded.configuration
        self.host = configuration.host.rstrip("/")
        self.proxy = configuration.proxy or proxy
        self.server_name = configuration.tls_server_name or None
        self._sockets = Sockets()
        self.session, self.tls = _session(loaded, connections, self._sockets)
        self._exchanges: dict[str, Exchange] = {}

    @classmethod
    async def open(cls, place: Place, *, proxy: str | None, connections: int) -> Self:
        """Read the configuration; nothing is sent yet. Raises ConfigurationError."""
        return cls(place, await place.load(), proxy=proxy, connections=connections)

    async def close(self) -> None:
        """Close all connections."""
        for exchange in self._exchanges.values():
            exchange.close()
        for session in (self.session, *self._retired):
            await session.close()
        await self._sockets.closed(tls=self.host.startswith("https"))

    def exchange(self, path: str, query: Mapping[str, str]) -> Exchange:
        """The way for POSTs to one path of the API server, always with the same query."""
        exchange = self._exchanges.get(path)
        if exchange is None:
            exchange = self._exchanges[path] = Exchange(
                f"{self.host}{path}?{urlencode(query)}",
                tls=self.tls,
                server_name=self.server_name,
                headers=HEADERS,
                connections=self._connections,
            )
        return exchange

    async def authorization(self) -> str | None:
        """Answer the header's value, read again first where it has aged."""
        if self._fresh_for is not None and time.monotonic() >= self._read_at + self._fresh_for:
            await self.renew(self._authorization)
        return self._authorization

    async def renew(self, refused: str | None) -> bool:
        """Read the credentials again, unless that was done since `refused` was in use; whether to try once more."""
        async with self._lock:
            if self._authorization != refused:
                return True
            if time.monotonic() < self._renewed_at + PAUSE:
                return False
            self._read_at = self._renewed_at = time.monotonic()
            try:
                self._take(await self._place.load())
            except ConfigurationError as error:
                log.warning("credentials.kept", problem=str(error))
                return False
            return True

    def _take(self, loaded: Loaded) -> None:
        # A plugin that fails leaves no token: the old one may still serve.
        self._authorization = loaded.authorization or self._authorization
        self._fresh_for = loaded.fresh_for
        if loaded.configuration.cert_file:
            # Open connections keep the old certificate; a watch on one of them goes on to its end.
            self._retired.append(self.session)
            self.session, self.tls = _session(loaded, self._connections, self._sockets)
            retired, self._exchanges = self._exchanges, {}
            for exchange in retired.values():
                exchange.retire()


def _session(loaded: Loaded, connections: int, sockets: Sockets) -> tuple[aiohttp.ClientSession, ssl.SSLContext | None]:
    from kubernetes.aio.client.rest import RESTClientObject  # as `Place.load`: only who has a cluster pays it

    class Client(RESTClientObject):
        def _create_connector(self) -> aiohttp.TCPConnector:  # its documented seam, as the next
            return aiohttp.TCPConnector(limit=connections, ssl=self.ssl_context, socket_factory=sockets.make)

    configuration = loaded.configuration
    configuration.client_session_kwargs = {
        # Without the environment's proxies and netrc, and without cookies, a request costs a third less.
        "trust_env": False,
        "cookie_jar": aiohttp.DummyCookieJar(),
        "headers": HEADERS,
        "read_bufsize": 2**17,
    }
    try:
        client = Client(configuration)
    except (OSError, ValueError) as error:  # a certificate or a key that cannot be read
        raise ConfigurationError(f"{configuration.host}: TLS cannot be set up: {error}") from error
    session: aiohttp.ClientSession = client._create_pool_manager()  # noqa: SLF001
    return session, client.ssl_context if configuration.host.startswith("https") else None
