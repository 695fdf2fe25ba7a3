"""The one way to the API server: a call goes out, bytes or one of our errors come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from io import BytesIO
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from ...errors import ClusterUnavailable
from .connection import Connection
from .verdicts import verdict

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"

METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
"""Asks for a list's metadata alone (API concepts, "Receiving resources as partial object metadata")."""

METHODS = {"create": "POST", "patch": "PATCH", "update": "PUT", "delete": "DELETE"}
"""Of Kubernetes' verbs; all others are a GET."""

# A page of 500 large Jobs over a slow line takes a while; who waits for less says so with asyncio.timeout.
ONE_ANSWER = aiohttp.ClientTimeout(total=60, sock_connect=5)
LARGE = 2**20
"""Bytes of a body from which on aiohttp wants a file, so that it can write it in parts."""
UNENDING = aiohttp.ClientTimeout(total=None, sock_connect=5)
BREATH = 0.01
"""Seconds between two readings of a stream that brings one small piece after the other."""
LARGE_PIECE = 2**16
"""Bytes from which on a piece is not small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked of the API server.

    Attributes:
        verb: Kubernetes' verb: create, get, list, watch, patch, update, delete; or log.
        path: from the root, of parts that need no quoting.
    """

    verb: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON

    @property
    def about(self) -> str:
        """The call in words, for messages."""
        return f"{self.verb} {self.path}"


class Stream:
    """An answer that comes in pieces."""

    def __init__(self, response: aiohttp.ClientResponse, call: Call) -> None:
        self._content, self._call = response.content, call
        self._now = asyncio.get_running_loop().time
        self._next = 0.0

    async def read(self, seconds: float | None = None) -> bytes:
        """Wait for the next piece; empty at the end.

        What comes after a silence is handed out at once; what follows it closely is gathered for a moment, as a reader
        that is woken for each of a thousand changes a second does little else.

        Raises:
            ClusterUnavailable: the connection broke, or nothing came for so many seconds.
        """
        if (early := self._next - self._now()) > 0:
            await asyncio.sleep(early)
        with _ours(self._call):
            async with asyncio.timeout(seconds):
                piece = await self._content.readany()
        if len(piece) < LARGE_PIECE:
            self._next = self._now() + BREATH
        return piece


class Transport:
    """Carries calls over the one connection that `open` gives it, and knows when the API server was last heard.

    Args:
        clock: in seconds from anywhere.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: float | None = None
        self._connection: Connection | None = None

    def open(self, connection: Connection) -> None:
        """Use this connection until `close`."""
        self._connection = connection

    async def close(self) -> None:
        """Close every connection; streams that are still read break."""
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()

    def heard(self) -> None:
        """Note that the API server has said something."""
        self._heard = self._clock()

    def age(self) -> timedelta | None:
        """Since the API server was last heard; None where it never was."""
        return None if self._heard is None else timedelta(seconds=self._clock() - self._heard)

    def _answered(self, status: int) -> None:
        # Refusals are answers, too. A 5xx may be that of a proxy which hears as little, or of a server without a store.
        if status < 500:
            self.heard()

    async def send(self, call: Call) -> bytes:
        """Ask, and answer with the body of a 2xx. Raises what the table of verdicts says."""
        with _ours(call):
            async with await self._ask(call, ONE_ANSWER) as response:
                return await response.read()

    async def post(self, call: Call, body: bytes) -> bytes:
        """As `send`, for a create that is made all the time, each time with another body: at a third of the cost.

        It has no limit on time of its own: whoever waits for less than for ever says so with `asyncio.timeout`.
        """
        connection = self._live(call)
        if connection.proxy:  # a way that a session knows, and few go
            return await self.send(replace(call, body=body))
        with _ours(call):
            authorization = await connection.authorization()
            answer = await connection.exchange(call.path, call.query).post(body, authorization)
            if answer.status == 401 and await connection.renew(authorization):
                again = await connection.authorization()
                answer = await connection.exchange(call.path, call.query).post(body, again)
        self._answered(answer.status)
        if 200 <= answer.status < 300:
            return answer.body
        raise verdict(call.verb, answer.status, answer.body, about=call.about, retry_after=answer.retry_after)

    def _live(self, call: Call) -> Connection:
        connection = self._connection
        if connection is None or connection.session.closed:
            raise ClusterUnavailable(f"{call.about}: not connected", sent=False)
        return connection

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[Stream]:
        """Ask for an answer without an end. Raises as `send`."""
        with _ours(call):
            response = await self._ask(call, UNENDING)
        try:
            yield Stream(response, call)
        finally:
            # What is still to come is not wanted, and TLS' goodbye would wait for it.
            if response.connection and response.connection.transport:
                response.connection.transport.abort()
            response.close()

    async def _ask(self, call: Call, patience: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        connection = self._live(call)
        authorization = await connection.authorization()
        response = await _request(connection, call, patience, authorization)
        if response.status == 401 and await connection.renew(authorization):
            response.close()
            response = await _request(connection, call, patience, await connection.authorization())
        self._answered(response.status)
        if 200 <= response.status < 300:
            return response
        async with response:
            body, wait = await response.read(), response.headers.get("Retry-After")
        raise verdict(call.verb, response.status, body, about=call.about, retry_after=wait)


async def _request(
    connection: Connection, call: Call, patience: aiohttp.ClientTimeout, authorization: str | None
) -> aiohttp.ClientResponse:
    headers = {"Authorization": authorization} if authorization else {}
    if call.accept != JSON:
        headers["Accept"] = call.accept
    body: bytes | BytesIO | None = call.body
    if call.body is not None:
        headers["Content-Type"] = call.content_type
        if len(call.body) > LARGE:
            body = BytesIO(call.body)
    return await connection.session.request(
        METHODS.get(call.verb, "GET"),
        _url(connection.host + call.path, tuple(call.query.items())),
        data=body,
        headers=headers,
        timeout=patience,
        allow_redirects=False,  # credentials go nowhere else
        proxy=connection.proxy,
        server_hostname=connection.server_name,
    )


@lru_cache
def _url(address: str, query: tuple[tuple[str, str], ...]) -> URL:
    """The whole address, kept: most calls go to a few, and to put one together costs as much as to sign a request."""
    return URL(f"{address}?{urlencode(query)}" if query else address, encoded=True)


class _ours:  # noqa: N801 # used as a function
    """Make our error of every way in which a call can end without an answer."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            raise ClusterUnavailable(f"{self._call.about}: no connection: {error}", sent=False) from error
        if isinstance(error, aiohttp.ClientError | TimeoutError | OSError):
            raise ClusterUnavailable(f"{self._call.about}: no answer: {str(error) or type(error).__name__}") from error
