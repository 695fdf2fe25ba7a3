"""A declared source: from a raw request to an arrival, verified before anything is parsed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from . import settings
from .errors import NotAuthenticated
from .events import Arrival, Headers, traceparent_of
from .providers import PROVIDERS, Greeting, Identity, Provider, receive
from .secretfiles import SecretFile
from .signatures import SCHEMES, Scheme, verify

log = structlog.get_logger(__name__)

OURS = "dev.jobhook.job."
"""What our own completions' types begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One door under `/hooks/`.

    Attributes:
        name: its path, and the ingress in its events' keys.
        body_limit: bytes, or None for the receiver's own limit.
        events: the types that are let in, or None for all.
    """

    name: str
    scheme: Scheme
    provider: Provider
    secrets: tuple[SecretFile, ...]
    tolerance: timedelta
    identity: Identity | None = None
    body_limit: int | None = None
    events: frozenset[str] | None = None

    def receive(self, headers: Headers, body: bytes, *, now: datetime) -> Arrival | Greeting:
        """Verify a request and read its event.

        Args:
            headers: raw, names in lower case.
            body: as it came.
            now: when it came, aware.

        Raises:
            NotAuthenticated: no secret of this source made its signature; the reason is for the log alone.
            RequestError: it is signed, and no event can be made of it.
        """
        secrets = [value for file in self.secrets if (value := file.value()) is not None]
        if not secrets:
            raise NotAuthenticated("none of the source's secret files holds a secret")
        verified = verify(self.scheme, headers, body, secrets, now=now, tolerance=self.tolerance)
        if verified.secret:
            log.info("hook.verified", source=self.name, secret=verified.secret)
        delivery = receive(self.provider, headers, body, identity=self.identity)
        if isinstance(delivery, Greeting):
            log.info("hook.greeted", source=self.name)
            return delivery
        return Arrival(
            event=delivery.event,
            via=self.name,
            identity=delivery.identity,
            received=now,
            traceparent=traceparent_of(headers),
        )

    def lets_in(self, arrival: Arrival) -> bool:
        """Whether the source's `events` name the arrival's type."""
        return self.events is None or arrival.event.type in self.events


def declared(sources: Mapping[str, settings.Source]) -> dict[str, Source]:
    """Make the sources of a configuration, by name."""
    return {
        name: Source(
            name=name,
            scheme=SCHEMES[source.scheme],
            provider=PROVIDERS[source.scheme],
            secrets=tuple(SecretFile(path) for path in source.secrets),
            tolerance=source.tolerance,
            identity=source.identity,
            body_limit=source.limit,
            events=None if source.events is None else frozenset(source.events),
        )
        for name, source in sources.items()
    }


def distrusted(sources: Iterable[Source]) -> tuple[str, ...]:
    """The prefixes of types that only a signed hook, or jobhook itself, can vouch for: not believed at `/events`."""
    return (OURS, *dict.fromkeys(source.provider.PREFIX for source in sources))
