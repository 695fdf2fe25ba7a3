"""GitHub's webhooks, https://docs.github.com/en/webhooks/webhook-events-and-payloads."""

from __future__ import annotations

import re

from .. import times
from ..errors import MalformedEvent, ValueRefused
from ..events import Event, Headers
from ..json import Value
from .github_types import REPEATS, SHAPES, Shape
from .provider import Greeting, Identity, header, look, text

PREFIX = "com.github."
REMEDY = "set the webhook's Content type to application/json"

UNNAMED = PREFIX + "delivery"
"""The type of what came without an event's name."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_UNKNOWN = Shape((), (), None, (), frozenset(), "action", bare=False)
# The page of a repository and no API address, so that one prefix finds all events of an owner.
_SOURCES = ("repository.html_url", "organization.html_url", "organization.url", "sender.html_url", "sender.url")
_SOMEWHERE = "https://github.com"


def greeting(headers: Headers, value: Value) -> Greeting | None:  # noqa: ARG001 (the Protocol's)
    """Recognise the ping that GitHub sends when a webhook is made."""
    return Greeting() if header(headers, b"x-github-event") == "ping" else None


def to_event(headers: Headers, value: Value, digest: str) -> Event:
    """Map a delivery by CloudEvents' adapter, with `repository.html_url` as the source throughout.

    Raises:
        MalformedEvent: a header that is no event's name.
        ValueRefused: the body is not one of the type that its header names.
    """
    name = header(headers, b"x-github-event")
    if name is not None and not _NAME.fullmatch(name):
        raise MalformedEvent("the header x-github-event is no event's name")
    shape = SHAPES.get(name, _UNKNOWN) if name else _UNKNOWN
    if refusal := shape.refusal(value):
        raise ValueRefused(f"a body that {refusal} is none of {name!r}, which the header x-github-event says")
    return Event(
        id=header(headers, b"x-github-delivery") or digest,
        source=next(filter(None, (text(look(value, path)) for path in _SOURCES)), _SOMEWHERE),
        type=_type(name, shape, value) if name else UNNAMED,
        subject=text(look(value, shape.subject)) if shape.subject else None,
        time=next(filter(None, (_moment(look(value, path)) for path in shape.times)), None),
        datacontenttype="application/json",
        data=value,
    )


def identity(event: Event) -> Identity:
    """Say whether the body makes a delivery the same one: its id is not signed, and so proves nothing."""
    name, _, action = event.type.removeprefix(PREFIX).partition(".")
    actions = REPEATS.get(name)
    return "body" if actions is None or (actions and action not in actions) else "id"


def _type(name: str, shape: Shape, value: Value) -> str:
    suffix = look(value, shape.suffix) if shape.suffix else None
    return f"{PREFIX}{name}.{suffix}" if type(suffix) is str and suffix else PREFIX + name


def _moment(value: Value) -> str | None:
    if type(value) is not str:
        return None
    try:
        times.parse(value)
    except ValueError:
        return None
    return value
