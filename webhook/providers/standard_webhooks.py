"""Standard Webhooks, https://www.standardwebhooks.com, which many providers send; Svix' are the same by other names.

The specification's payload: `type`, `timestamp`, `data`; only the id is in a header, and it is signed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..events import Event, Headers
from ..json import Value
from .provider import Greeting, Identity, first, first_moment, header


@dataclass(frozen=True, slots=True)
class StandardWebhooks:
    """One source by that specification.

    Attributes:
        name: of the two forms, in types.
        id_header: that holds the delivery's id.
        source: of its events: its door, as nothing in a delivery says whose it is.
    """

    name: str
    id_header: bytes
    source: str

    @property
    def PREFIX(self) -> str:  # noqa: N802 (the Protocol's)
        """What its events' types begin with."""
        return f"com.{self.name}."

    @property
    def REMEDY(self) -> str:  # noqa: N802
        """What to change there."""
        return "let the sender send JSON"

    def greeting(self, headers: Headers, value: Value) -> Greeting | None:  # noqa: ARG002 (the Protocol's)
        """None: there is no test of an address."""
        return None

    def to_event(self, headers: Headers, value: Value, digest: str) -> Event:
        """Map a delivery by the specification's payload."""
        return Event(
            id=header(headers, self.id_header) or digest,
            source=self.source,
            type=self.PREFIX + (first(value, "type", "event_type", "eventType") or "delivery"),
            subject=first(value, "data.id"),
            time=first_moment(value, "timestamp"),
            datacontenttype="application/json",
            data=value,
        )

    def identity(self, event: Event) -> Identity:  # noqa: ARG002
        """The id: it is signed."""
        return "id"

    def loose(self, event: Event, chosen: Identity | None) -> bool:  # noqa: ARG002
        """False: the type is in the signed body."""
        return False


def standard_webhooks(source: str) -> StandardWebhooks:
    """The provider of a source that declares `standard-webhooks`."""
    return StandardWebhooks("standardwebhooks", b"webhook-id", source)


def svix(source: str) -> StandardWebhooks:
    """The provider of a source that declares `svix`."""
    return StandardWebhooks("svix", b"svix-id", source)
