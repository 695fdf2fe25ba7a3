"""Stripe's webhooks, https://docs.stripe.com/api/events/object; id and type are in the signed body."""

from __future__ import annotations

from ..events import Event, Headers
from ..json import Value
from .provider import Greeting, Identity, first, first_moment

PREFIX = "com.stripe."
REMEDY = "Stripe sends JSON; take what changes it on the way out"


def greeting(headers: Headers, value: Value) -> Greeting | None:  # noqa: ARG001 (the Protocol's)
    """None: Stripe does not test an address."""
    return None


def to_event(headers: Headers, value: Value, digest: str) -> Event:  # noqa: ARG001
    """Map an event; its source is the connected account, where it is of one."""
    account = first(value, "account", "context")
    return Event(
        id=first(value, "id") or digest,
        source=f"https://api.stripe.com/v1/accounts/{account}" if account else "https://api.stripe.com",
        type=PREFIX + (first(value, "type") or "delivery"),
        subject=first(value, "data.object.id", "related_object.id"),
        time=first_moment(value, "created"),
        datacontenttype="application/json",
        data=value,
    )


def identity(event: Event) -> Identity:  # noqa: ARG001
    """The id: it is signed, and a repetition's body differs (`pending_webhooks`)."""
    return "id"


def loose(event: Event, chosen: Identity | None) -> bool:  # noqa: ARG001
    """False: the type is in the signed body."""
    return False
