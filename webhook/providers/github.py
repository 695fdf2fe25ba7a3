"""GitHub's webhooks, https://docs.github.com/en/webhooks/webhook-events-and-payloads."""

from __future__ import annotations

import re

from ..events import Event, Headers
from ..json import Value
from .github_types import REPEATS, SHAPES
from .named import name_in, shape_of
from .provider import Greeting, Identity, first, first_moment, header
from .shape import Shape

PREFIX = "com.github."
REMEDY = "set the webhook's Content type to application/json"

UNNAMED = PREFIX + "delivery"
"""The type of what came without an event's name."""

_EVENT = b"x-github-event"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_UNKNOWN = Shape(suffix="action")
# The page of a repository and no API address, so that one prefix finds all events of an owner.
_SOURCES = ("repository.html_url", "organization.html_url", "organization.url", "sender.html_url", "sender.url")
_SOMEWHERE = "https://github.com"


def greeting(headers: Headers, value: Value) -> Greeting | None:  # noqa: ARG001 (the Protocol's)
    """Recognise the ping that GitHub sends when a webhook is made."""
    return Greeting() if header(headers, _EVENT) == "ping" else None


def to_event(headers: Headers, value: Value, digest: str) -> Event:
    """Map a delivery by CloudEvents' adapter, with `repository.html_url` as the source throughout.

    Raises:
        MalformedEvent: a header that is no event's name.
        ValueRefused: the body is not one of the type that its header names.
    """
    name = name_in(headers, _EVENT, _NAME)
    shape = shape_of(SHAPES, _UNKNOWN, name=name, at=_EVENT, body=value)
    return Event(
        id=header(headers, b"x-github-delivery") or digest,
        source=first(value, *_SOURCES) or _SOMEWHERE,
        type=PREFIX + name + shape.ending(value) if name else UNNAMED,
        subject=first(value, shape.subject) if shape.subject else None,
        time=first_moment(value, *shape.times),
        datacontenttype="application/json",
        data=value,
    )


def identity(event: Event) -> Identity:
    """Say whether the body makes a delivery the same one: its id is not signed, and so proves nothing."""
    name, _, action = event.type.removeprefix(PREFIX).partition(".")
    actions = REPEATS.get(name)
    return "body" if actions is None or (actions and action not in actions) else "id"


def loose(event: Event, chosen: Identity | None) -> bool:  # noqa: ARG001
    """Whether the name is none that is known here: a body of each that is holds to its own alone."""
    return event.type.removeprefix(PREFIX).partition(".")[0] not in SHAPES
