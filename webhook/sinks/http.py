"""One sink behind an HTTP URL: the one module, beside the Kubernetes transport, that opens connections."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

import aiohttp

from .. import __version__
from ..errors import ConfigurationError, MalformedEvent, SinkRefused, SinkUnavailable
from ..events import Event, Extension, to_binary, to_structured
from ..secretfiles import SecretFile
from ..signatures import UnusableKey, sign, signing_key
from .answers import retry_after, verdict

ANSWER_BYTES = 1024
"""Read of an answer's body: what a dead letter holds."""
CONNECTIONS = 64


class Mode(StrEnum):
    """How an event is put into a request (CloudEvents HTTP binding 1.0.2 §3)."""

    BINARY = "binary"
    STRUCTURED = "structured"


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkConfig:
    """A sink as the operator declares it.

    Attributes:
        name: stable, as progress is kept under it.
        headers: sent with every event, after the event's own; may hold a secret, so they are never shown.
        types: the event types wanted; all where empty.
        timeout: of one try, from connecting to the answer's status.
        extensions: set on every event (`K_CE_OVERRIDES`), in the place of the event's own.
        secrets: files of shared secrets, read again when they change; each of them signs (Standard Webhooks).
        ca_certs: PEM text of further authorities to trust (`K_CA_CERTS`), or empty.
    """

    name: str
    url: str = field(repr=False)
    mode: Mode = Mode.BINARY
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    types: frozenset[str] = frozenset()
    timeout: timedelta = timedelta(seconds=10)
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    secrets: tuple[Path, ...] = field(default=(), repr=False)
    ca_certs: str = ""


class HttpSink:
    """Send events to one URL; enter it to open its session, leave it to close that."""

    def __init__(self, config: SinkConfig, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._config, self._now = config, now
        self._encode = to_structured if config.mode is Mode.STRUCTURED else to_binary
        self._secrets = [SecretFile(path) for path in config.secrets]
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        """The configured name."""
        return self._config.name

    def wants(self, event: Event) -> bool:
        """Whether the sink asked for events of that type."""
        return not self._config.types or event.type in self._config.types

    async def __aenter__(self) -> Self:
        self._check_secrets()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=_trust(self._config)),
            timeout=aiohttp.ClientTimeout(total=self._config.timeout.total_seconds()),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": f"jobhook/{__version__}"},
            trust_env=False,
            # An answer is shown to nobody but a dead letter: nothing of it is unpacked.
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, event: Event) -> None:
        """Send one event; return when it was taken.

        Raises:
            SinkUnavailable: no answer in time, or 404, 408, 409, 429, 5xx; or no secret that can sign.
            SinkGone: 410.
            SinkRefused: any other status; or an event that no header can carry.
        """
        if self._session is None:
            raise SinkUnavailable("the sink is not open")
        event = event.extended(self._config.extensions)
        try:
            headers, body = self._encode(event)
            # Last, so that no configured header takes the place of a signature.
            headers = {**headers, **self._config.headers, **self._signature(event.id, body)}
            async with self._session.post(
                self._config.url, data=body, headers=headers, allow_redirects=False
            ) as response:
                if 200 <= response.status < 300:
                    return
                error = verdict(
                    response.status,
                    retry_after=retry_after(response.headers.get("retry-after"), now=self._now()),
                    body=await _beginning(response),
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as failure:
            # Its type only: the text of some holds the URL, and a URL may hold a secret.
            raise SinkUnavailable(f"no answer: {type(failure).__name__}") from failure
        except (MalformedEvent, ValueError) as failure:
            raise SinkRefused("the event cannot be put into a request") from failure
        if error is not None:
            raise error

    def _check_secrets(self) -> None:
        """Refuse to start with a secret that will never sign; one that is away now may come back."""
        for path, file in zip(self._config.secrets, self._secrets, strict=True):
            try:
                if (secret := file.value()) is not None:
                    signing_key(secret)
            except UnusableKey as error:
                raise ConfigurationError(f"sink {self.name}: {path}: {error}") from error

    def _signature(self, id_: str, body: bytes) -> dict[str, str]:
        """The headers that sign a body; with secrets declared and none to be had nothing is sent at all."""
        if not self._secrets:
            return {}
        keys = []
        for file in self._secrets:
            with contextlib.suppress(UnusableKey):
                keys.append(signing_key(file.value() or b""))
        if not keys:
            raise SinkUnavailable("no secret that can sign")
        return sign(body, id_=id_, moment=self._now(), keys=keys)


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """The body's first bytes; a sink that breaks off here has answered all the same."""
    body = b""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
        while len(body) < ANSWER_BYTES and (chunk := await response.content.read(ANSWER_BYTES - len(body))):
            body += chunk
    return body


def _trust(config: SinkConfig) -> ssl.SSLContext | bool:
    """Trust the system's authorities, and the configured ones beside them."""
    if not config.ca_certs:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cadata=config.ca_certs)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(
            f"sink {config.name}: its CA certificates are no PEM text; give the authorities' certificates, in PEM"
        ) from error
    return context
