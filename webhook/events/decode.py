"""HTTP → events: binary, structured and batched mode, strictly.

HTTP protocol binding 1.0.2, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
JSON format 1.0.2, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import unquote_to_bytes

from .. import json
from ..errors import MalformedEvent, TooLarge, UnsupportedMedia
from ..json import Value
from . import attributes
from .event import Event, is_json

Headers = Sequence[tuple[bytes, bytes]]
"""As ASGI has them: raw, names in lower case, in the order of the request."""

MAX_EVENTS = 100
"""Events that one batch may hold."""

_FORMATS = b"application/cloudevents"
# An unterminated quote runs to the end and stays as it is, so that hostile headers cost linear time.
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)("|\\?\Z)', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class Mode(StrEnum):
    """How the request carried its events (binding §3)."""

    BINARY = "binary"
    STRUCTURED = "structured"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one request brought.

    Attributes:
        events: exactly one, except in a batch: that may hold none, and `MAX_EVENTS` at most.
    """

    mode: Mode
    events: tuple[Event, ...]

    @property
    def batch(self) -> bool:
        """Whether the sender spoke of several events, however many there were."""
        return self.mode is Mode.BATCH


def decode(headers: Headers, body: bytes) -> Decoded:
    """Read a request's events, all or none.

    Raises:
        MalformedEvent: it is no CloudEvent 1.0; the message says why.
        UnsupportedMedia: an event format or content encoding that is not understood, or no sign of an event at all.
        TooLarge: a batch of more than `MAX_EVENTS`.
    """
    content_type, found = _scan(headers)
    if content_type is not None and content_type[: len(_FORMATS)].lower() == _FORMATS:
        media_type = content_type.partition(b";")[0].strip().lower()
        if media_type == b"application/cloudevents+json":
            return Decoded(Mode.STRUCTURED, (_event(_load(body)),))
        if media_type == b"application/cloudevents-batch+json":
            return Decoded(Mode.BATCH, _batch(_load(body)))
        raise UnsupportedMedia("the event format is not understood; application/cloudevents+json is")
    if not found:
        raise UnsupportedMedia(
            "no CloudEvent: there is no ce-… header, and the content type is not application/cloudevents+json"
        )
    return Decoded(Mode.BINARY, (_binary(content_type, found, body),))


def _scan(headers: Headers) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
    """Find the content type and the `ce-` headers (their names without the prefix)."""
    content_type = None
    found = []
    for name, value in headers:
        if name[:3] == b"ce-":
            found.append((name[3:], value))
        elif name == b"content-type":
            if content_type is not None:
                raise MalformedEvent("the content type is given twice")
            content_type = value
        elif name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            raise UnsupportedMedia("a content encoding is not understood; send the body as it is")
    return content_type, found


def _binary(content_type: bytes | None, found: Headers, body: bytes) -> Event:
    values: dict[str, Any] = {}
    for raw, value in found:
        name = raw.decode("latin-1")
        if name in values:
            raise MalformedEvent(f"the header {'ce-' + name!a} is given twice")
        values[name] = _text(name, value)
    if "datacontenttype" in values:
        raise MalformedEvent("the header ce-datacontenttype must not be there; the content type is its place")
    if content_type:  # an empty one says nothing
        values["datacontenttype"] = content_type.decode("latin-1")
    attributes.check(values)
    return attributes.build(values, _read_data(body, values.get("datacontenttype")))


def _text(name: str, value: bytes) -> str:
    """Undo a header's encoding: quoted strings first, then one round of percent-decoding (binding §3.1.3.2)."""
    if b'"' in value:
        value = _QUOTED.sub(_unquoted, value)
    if b"%" in value:
        value = unquote_to_bytes(value)
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise MalformedEvent(f"the header {'ce-' + name!a} is no UTF-8") from error


def _unquoted(match: re.Match[bytes]) -> bytes:
    return _ESCAPED.sub(rb"\1", match[1]) if match[2] == b'"' else match[0]


def _read_data(body: bytes, content_type: str | None) -> Value:
    """Read the data's bytes by their type; none are no data, and what should be JSON and is not stays opaque.

    What may be JSON and is beyond our limits is refused, as it is in structured mode: an event is the same in each.
    """
    if not body:
        return None
    if is_json(content_type):
        try:
            return json.load(body)
        except (json.TooDeep, json.OutOfRange) as error:
            raise MalformedEvent(f"the data cannot be held: {error}") from error
        except json.NotJson:
            return bytes(body)
    return bytes(body)


def _load(body: bytes) -> Value:
    try:
        return json.load_strict(body)
    except json.NotJson as error:
        raise MalformedEvent(f"the body is no JSON text as it should be: {error}") from error


def _batch(value: Value) -> tuple[Event, ...]:
    if type(value) is not list:
        raise MalformedEvent("a batch is a JSON array of events")
    if len(value) > MAX_EVENTS:
        raise TooLarge(f"the batch holds {len(value)} events; {MAX_EVENTS} are allowed")
    events = []
    for number, envelope in enumerate(value):
        try:
            events.append(_event(envelope))
        except MalformedEvent as error:
            raise MalformedEvent(f"event {number} of the batch: {error}") from error
    return tuple(events)


def _event(envelope: Value) -> Event:
    if type(envelope) is not dict:
        raise MalformedEvent("an event in JSON is an object")
    values = {name: value for name, value in envelope.items() if value is not None}
    data, encoded = values.pop("data", None), values.pop("data_base64", None)
    attributes.check(values)
    if (
        data is not None or encoded is not None
    ):  # without a type it is JSON, by the format's own rule (JSON format §3.1)
        values.setdefault("datacontenttype", "application/json")
    if encoded is not None:
        if data is not None:
            raise MalformedEvent("data and data_base64 exclude each other")
        return attributes.build(values, _read_data(_base64(encoded), values["datacontenttype"]))
    if data is not None and not is_json(values["datacontenttype"]):
        # A text under its own type is the content itself (JSON format §3.1.2); anything else is at least kept.
        data = (data.encode() or None) if type(data) is str else json.dump(data)
    return attributes.build(values, data)


def _base64(text: object) -> bytes:
    if type(text) is str and text.isascii():
        try:
            return binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error:
            pass
    raise MalformedEvent("data_base64 is no base64 text (RFC 4648 §4, with padding)")
