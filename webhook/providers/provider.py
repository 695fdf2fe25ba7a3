"""A verified delivery → an event: what every provider's file offers, and what all of them share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from .. import json, times
from ..errors import MalformedEvent, UnsupportedMedia
from ..events import Event, Headers, check
from ..json import Struct, Value

Identity = Literal["body", "id"]
"""What makes a delivery the same one when it comes again."""

_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")


@dataclass(frozen=True, slots=True)
class Greeting:
    """A provider's test of the address: nothing to launch.

    Attributes:
        answer: what it wants to read back; empty where a bare acknowledgement (204) is enough.
    """

    answer: bytes = b""


class Delivery(Struct, frozen=True, kw_only=True):
    """What a provider delivered.

    Attributes:
        identity: the event's id, or the body's SHA-256 in hex.
        loose: as `Arrival.loose`.
    """

    event: Event
    identity: str
    loose: bool = False


class Provider(Protocol):
    """One provider's rules; a module of functions is one, and so is an object that holds a source's options."""

    @property
    def PREFIX(self) -> str:  # noqa: N802 (a constant where a module is the provider)
        """What its events' types begin with, dot included; such types are not believed at `/events`."""
        ...

    @property
    def REMEDY(self) -> str:  # noqa: N802
        """What to change at the provider so that it sends JSON."""
        ...

    @property
    def greeting(self) -> Callable[[Headers, Value], Greeting | None]:
        """Recognise the provider's test by headers and decoded body; None for a delivery."""
        ...

    @property
    def to_event(self) -> Callable[[Headers, Value, str], Event]:
        """Map headers, decoded body and the body's SHA-256 in hex, the id where no header gives one, to an event.

        Raises MalformedEvent, and ValueRefused where headers that are not signed belie the body.
        """
        ...

    @property
    def identity(self) -> Callable[[Event], Identity]:
        """Say what identifies this event where the source does not."""
        ...

    @property
    def loose(self) -> Callable[[Event, Identity | None], bool]:
        """Say whether only a header that is not signed tells this event's type, by the source's option too."""
        ...


def receive(
    provider: Provider, headers: Headers, body: bytes, *, identity: Identity | None = None
) -> Delivery | Greeting:
    """Read a delivery whose signature was verified; `identity` is the source's option.

    Raises:
        UnsupportedMedia: a form, or an encoded body.
        MalformedEvent: no JSON object, or one of which no event can be made.
        ValueRefused: the headers belie the body.
    """
    _refuse_forms(provider, headers)
    try:
        value = json.load(body)
    except json.NotJson as error:
        raise MalformedEvent(f"the body is no JSON text as it should be: {error}") from error
    if type(value) is not dict:
        raise MalformedEvent("the body is no JSON object")
    if greeting := provider.greeting(headers, value):
        return greeting
    digest = hashlib.sha256(body).hexdigest()
    event = check(provider.to_event(headers, value, digest))
    by = identity or provider.identity(event)
    # By an id of the source's choosing every body may come again, under whatever name.
    loose = identity != "id" and provider.loose(event, identity)
    return Delivery(event=event, identity=digest if by == "body" else event.id, loose=loose)


def header(headers: Headers, name: bytes) -> str | None:
    """Read a header that may be missing, or be there once. Raises MalformedEvent."""
    found: bytes | None = None
    for key, value in headers:
        if key == name:
            if found is not None or not value.isascii():
                raise MalformedEvent(f"the header {name.decode('ascii')} is given twice, or is not ASCII")
            found = value
    return found.decode("ascii") or None if found is not None else None


def look(value: Value, path: str) -> Value:
    """Follow a dotted path through objects, and through lists by number; None where it leads nowhere.

    >>> look({"a": [{"b": 1}]}, "a.0.b"), look({"a": None}, "a.b")
    (1, None)
    """
    for step in path.split("."):
        if type(value) is dict:
            value = value.get(step)
        elif type(value) is list and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def text(value: Value) -> str | None:
    """Show what may name a thing: a text that is not empty, or an integer; None for all else."""
    if type(value) is int:
        return str(value)
    return value or None if type(value) is str else None


def first(value: Value, *paths: str) -> str | None:
    """The first of several paths that leads to what may name a thing."""
    return next(filter(None, (text(look(value, path)) for path in paths)), None)


def first_moment(value: Value, *paths: str) -> str | None:
    """The first of several paths that leads to a moment."""
    return next(filter(None, (moment(look(value, path)) for path in paths)), None)


def moment(value: Value) -> str | None:
    """Show a moment: RFC 3339 text as it is, or seconds since 1970; milliseconds where seconds would be past 5138.

    >>> moment("2026-01-02T03:04:05Z"), moment(1767323045), moment(1767323045000), moment("soon")
    ('2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z', None)
    """
    try:
        if type(value) is int:
            return times.show(datetime.fromtimestamp(value / 1000 if value >= 10**11 else value, UTC))
        if type(value) is str:
            times.parse(value)
            return value
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _refuse_forms(provider: Provider, headers: Headers) -> None:
    for name, value in headers:
        if name == b"content-type" and value.partition(b";")[0].strip().lower() in _FORMS:
            raise UnsupportedMedia(f"the body is a form; {provider.REMEDY}")
        if name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            raise UnsupportedMedia("a content encoding is not understood; send the body as it is")
