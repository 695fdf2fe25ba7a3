"""One request and its answer over a session's pool of connections, past the session's own layers.

`ClientSession.request` weighs redirects, cookies, proxies, encodings and retries at each call, none of which a POST to
the API server has; that costs as much as a third of the way from an event to its Job. The session's connector (its
TLS, its pool, its name look-ups) and aiohttp's parser of answers are used as they are.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection as Held
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

CONNECTING = aiohttp.ClientTimeout(sock_connect=5)
READ_SIZE = 2**17


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read whole.

    Attributes:
        retry_after: the header's text, or None.
    """

    status: int
    body: bytes
    retry_after: str | None


class Exchange:
    """POSTs of JSON to one address, over one session.

    Args:
        session: whose connector and headers are used.
        url: the whole address.
        server_name: whom the certificate must name; None: the address's host.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, *, server_name: str | None) -> None:
        self.session = session
        # What the connector wants to know of a request: to whom, and by which TLS.
        loop, address = asyncio.get_running_loop(), URL(url, encoded=True)
        self._to = aiohttp.ClientRequest("POST", address, loop=loop, session=session, server_hostname=server_name)
        parts = urlsplit(url)
        lines = [
            f"POST {parts.path}{'?' * bool(parts.query)}{parts.query} HTTP/1.1",
            f"Host: {self._to.headers['Host']}",
            *(f"{name}: {value}" for name, value in session.headers.items()),
            "Content-Type: application/json",
        ]
        self._head = "".join(f"{line}\r\n" for line in lines).encode("ascii")

    async def post(self, body: bytes, authorization: str | None) -> Answer:
        """Send one body; whoever waits bounds the time.

        Raises:
            aiohttp.ClientError: no connection, or it broke before the answer was whole.
        """
        connector = self.session.connector
        if connector is None:
            raise aiohttp.ClientConnectionError("the session is closed")
        held = await connector.connect(self._to, traces=[], timeout=CONNECTING)
        try:
            answer = await self._talk(held, self._request(body, authorization))
        except BaseException:
            held.close()  # what is half said or half heard is nobody else's
            raise
        held.release()
        return answer

    def _request(self, body: bytes, authorization: str | None) -> bytes:
        credentials = f"Authorization: {authorization}\r\n".encode("ascii") if authorization else b""
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (self._head, credentials, len(body), body)

    async def _talk(self, held: Held, request: bytes) -> Answer:
        protocol = held.protocol
        if protocol is None or protocol.transport is None:
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=READ_SIZE)
        protocol.transport.write(request)
        return await _answer(protocol)


async def _answer(protocol: ResponseHandler) -> Answer:
    try:
        message, content = await protocol.read()
        while message.code < 200 and message.code != 101:  # an interim answer (RFC 9110 §15.2)
            message, content = await protocol.read()
    except HttpProcessingError as error:
        raise aiohttp.ClientPayloadError(f"no HTTP: {error.message}") from error
    return Answer(message.code, await content.read(), message.headers.get("Retry-After"))
