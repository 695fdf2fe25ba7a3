"""The one way to the API server: a call goes out, bytes or one of our errors come back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from io import BytesIO
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from ...errors import ClusterUnavailable
from .call import JSON, METHODS, Call, ended
from .connection import Connection
from .stream import Stream
from .verdicts import verdict

# A page of 500 large Jobs over a slow line takes a while; who waits for less says so with asyncio.timeout.
ONE_ANSWER = aiohttp.ClientTimeout(total=60, sock_connect=5)
LARGE = 2**20
"""Bytes of a body from which on aiohttp wants a file, so that it can write it in parts."""
UNENDING = aiohttp.ClientTimeout(total=None, sock_connect=5)


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
        with ended(call):
            async with await self._ask(call, ONE_ANSWER) as response:
                return await response.read()

    async def post(self, call: Call, body: bytes) -> bytes:
        """As `send`, for a create that is made all the time, each time with another body: at a third of the cost.

        It has no limit on time of its own: whoever waits for less than for ever says so with `asyncio.timeout`.
        """
        connection = self._live(call)
        if connection.proxy:  # a way that a session knows, and few go
            return await self.send(replace(call, body=body))
        with ended(call):
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
        with ended(call):
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
