"""Events → HTTP: what `decode` reads again as the same event, in every mode."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .. import json
from ..errors import MalformedEvent
from ..json import Value
from . import attributes
from .event import Event, is_json

if TYPE_CHECKING:
    from .sdk import Message

_OPAQUE = "application/octet-stream"
"""The type of bytes that came without one (RFC 9110 §8.3): in the JSON format, no type would say that they are JSON."""
_TEXTUAL = ("text/", "application/xml", "application/x-www-form-urlencoded")


def to_binary(event: Event) -> Message:
    """Write attributes into headers and the data into the body.

    Raises:
        MalformedEvent: an attribute that the specification does not allow, or data that is neither JSON nor bytes.
    """
    from . import sdk  # late: see there

    values = {name: _canonical(value) for name, value in _checked(event).items()}
    return sdk.binary(values, _as_bytes(event))


def to_structured(event: Event) -> Message:
    """Write one JSON object that holds all. Raises MalformedEvent, as `to_binary`."""
    from . import sdk  # late: see there

    return sdk.structured(envelope(event))


def to_batch(events: Iterable[Event]) -> Message:
    """Write one JSON array of events. Raises MalformedEvent, as `to_binary`."""
    envelopes = [envelope(event) for event in events]
    return {"content-type": "application/cloudevents-batch+json"}, _dump(envelopes)


def check(event: Event) -> Event:
    """Hold an event that we made from foreign values against the specification. Raises MalformedEvent."""
    _checked(event)
    return event


def envelope(event: Event) -> dict[str, Value]:
    """Show an event as the JSON format has it, as a value. Raises MalformedEvent, as `to_binary`."""
    whole: dict[str, Value] = _checked(event)
    data = event.data
    if isinstance(data, bytes):
        whole.setdefault("datacontenttype", _OPAQUE)
        text = _as_text(data, event.datacontenttype)
        if text is None:
            whole["data_base64"] = base64.b64encode(data).decode("ascii")
        else:
            whole["data"] = text
    elif data is not None:
        if not is_json(event.datacontenttype):
            raise MalformedEvent("data of a type that is not JSON is bytes")
        whole["data"] = data
    return whole


def _checked(event: Event) -> dict[str, Any]:
    if taken := attributes.KNOWN & event.extensions.keys():
        raise MalformedEvent(f"an extension cannot be named {min(taken)!r}")
    values: dict[str, Any] = {"specversion": "1.0", **event.attributes()}
    attributes.check(values)
    return values


def _canonical(value: object) -> str:
    """Write a value as the specification's type system does: booleans in lower case, integers in digits."""
    return value if isinstance(value, str) else str(value).lower()


def _as_bytes(event: Event) -> bytes:
    if event.data is None:
        return b""
    if isinstance(event.data, bytes):
        return event.data
    if not is_json(event.datacontenttype):
        raise MalformedEvent("data of a type that is not JSON is bytes")
    return _dump(event.data)


def _as_text(data: bytes, content_type: str | None) -> str | None:
    """Show bytes as text where their type is one of texts, so that people can read the envelope."""
    if content_type is None or not content_type.lower().startswith(_TEXTUAL) or is_json(content_type):
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _dump(value: Value) -> bytes:
    try:
        return json.dump(value)
    except json.NotJson as error:
        raise MalformedEvent(f"the data is not JSON: {error}") from error
