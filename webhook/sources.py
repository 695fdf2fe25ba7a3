"""A declared source: from a raw request to an arrival, verified before anything is parsed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from . import settings
from .errors import ConfigurationError, NotAuthenticated
from .events import Arrival, Headers, traceparent_of
from .providers import (
    PROVIDERS,
    Generic,
    Greeting,
    Identity,
    Provider,
    expression,
    receive,
    standard_webhooks,
    svix,
)
from .secretfiles import SecretFile
from .signatures import SCHEMES, Layout, Scheme, check_secret, generic, verify

log = structlog.get_logger(__name__)

OURS = "dev.jobhook.job."
"""What our own completions' types begin with."""

ANSWER_SECONDS = {"slack": 2.5, "shopify": 4.0, "gitea": 4.0, "forgejo": 4.0}
"""By scheme, of those that hang up early: Slack after 3 s; Shopify and, by default, Gitea and Forgejo after 5 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One door under `/hooks/`.

    Attributes:
        name: its path, and the ingress in its events' keys.
        body_limit: bytes, or None for the receiver's own limit.
        answer_seconds: from a request's first byte to its answer, or None for the receiver's own limit.
        events: the types that are let in, or None for all.
    """

    name: str
    scheme: Scheme
    provider: Provider
    secrets: tuple[SecretFile, ...]
    tolerance: timedelta
    identity: Identity | None = None
    body_limit: int | None = None
    answer_seconds: float | None = None
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
        held = [file.recent() for file in self.secrets]
        try:
            self._verify(headers, body, held, now)
        except NotAuthenticated:
            looked_again = [file.value() for file in self.secrets]
            if looked_again == held:
                raise
            self._verify(headers, body, looked_again, now)  # a secret has come within these milliseconds
        delivery = receive(self.provider, headers, body, identity=self.identity)
        if isinstance(delivery, Greeting):
            log.info("hook.greeted", source=self.name)
            return delivery
        return Arrival(
            event=delivery.event,
            via=self.name,
            identity=delivery.identity,
            received=now,
            loose=delivery.loose,
            traceparent=traceparent_of(headers),
        )

    def _verify(self, headers: Headers, body: bytes, held: Sequence[bytes | None], now: datetime) -> None:
        secrets = [secret for secret in held if secret is not None]
        if not secrets:
            raise NotAuthenticated("none of the source's secret files holds a secret")
        verified = verify(self.scheme, headers, body, secrets, now=now, tolerance=self.tolerance)
        if len(held) > 1:  # which of them it was matters while they are rotated
            index = [index for index, secret in enumerate(held) if secret is not None][verified.secret]
            log.info("hook.verified", source=self.name, secret=index)

    def lets_in(self, arrival: Arrival) -> bool:
        """Whether the source's `events` name the arrival's type."""
        return self.events is None or arrival.event.type in self.events


def declared(sources: Mapping[str, settings.Source]) -> dict[str, Source]:
    """Make the sources of a configuration, by name.

    Raises:
        ConfigurationError: a secret has not its scheme's form, or an expression cannot be used; all of them, by place.
    """
    made: dict[str, Source] = {}
    problems: list[str] = []
    for name, source in sources.items():
        try:
            made[name] = _source(name, source)
        except ConfigurationError as error:
            problems.append(str(error))
    if problems:
        raise ConfigurationError("\n".join(problems))
    return made


def distrusted(sources: Iterable[Source]) -> tuple[str, ...]:
    """The prefixes of types that only a signed hook, or jobhook itself, can vouch for: not believed at `/events`."""
    return (OURS, *dict.fromkeys(source.provider.PREFIX for source in sources))


def _source(name: str, source: settings.Source) -> Source:
    scheme = SCHEMES[source.scheme] if source.scheme != "generic" else _generic_scheme(source)
    files = tuple(SecretFile(path) for path in source.secrets)
    _check_secrets(name, scheme, files)
    return Source(
        name=name,
        scheme=scheme,
        provider=_provider(name, source),
        secrets=files,
        tolerance=source.tolerance,
        identity=source.identity,
        body_limit=source.limit,
        answer_seconds=ANSWER_SECONDS.get(source.scheme),
        events=None if source.events is None else frozenset(source.events),
    )


def _check_secrets(name: str, scheme: Scheme, files: tuple[SecretFile, ...]) -> None:
    remedy = "write a longer one into it, for example from `openssl rand -hex 32`"
    if scheme.layout is Layout.VERSIONED:
        remedy = "write it as the provider shows it, whsec_… (or the public key, whpk_…)"
    for index, file in enumerate(files):
        try:
            check_secret(scheme, file.value() or b"")
        except ConfigurationError as error:
            raise ConfigurationError(f"sources.{name}.secrets[{index}]: {file.path}: {error}; {remedy}") from error


def _generic_scheme(source: settings.Source) -> Scheme:
    return generic(
        header=source.header or "",
        prefix=source.prefix,
        algorithm=source.algorithm,
        encoding=source.encoding,
        signed=source.signed,
        timestamp_header=source.timestamp_header,
        id_header=source.id_header,
    )


def _provider(name: str, source: settings.Source) -> Provider:
    door = f"/hooks/{name}"
    match source.scheme:
        case "standard-webhooks":
            return standard_webhooks(door)
        case "svix":
            return svix(door)
        case "generic":
            return _generic(name, source, door)
        case scheme:
            return PROVIDERS[scheme]


def _generic(name: str, source: settings.Source, door: str) -> Generic:
    compiled = {}
    for key in ("id", "type", "source", "subject"):
        if (text := getattr(source, key)) is None:
            continue
        try:
            compiled[key] = expression(text, signed=key == "source")
        except ConfigurationError as error:
            raise ConfigurationError(f"sources.{name}.{key}: {error}") from error
    return Generic(
        prefix=source.type_prefix or f"hook.{name}.",
        door=door,
        id_header=source.id_header.lower().encode() if source.id_header else None,
        **compiled,
    )
