"""The one door to the CloudEvents SDK: its HTTP binding for emission, over a JSON format of our own.

Imported when the first event is emitted: it costs 70 ms. The SDK decides header names and percent-encoding, for which
it is right; its own JSON format writes text for `+json` types that it does not know, and Python's repr for lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Never

from cloudevents.core.base import BaseCloudEvent, EventFactory
from cloudevents.core.bindings import http
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.base import Format
from cloudevents.core.v1.event import CloudEvent

from .. import json
from ..errors import MalformedEvent
from ..json import Value

Message = tuple[dict[str, str], bytes]
"""Headers in lower case, and the body."""


class _Checked(CloudEvent):
    """An event that we checked: the SDK's constructor would take only a datetime as time, and lose its text."""

    def __init__(self, attributes: dict[str, Any], data: Value) -> None:
        self._attributes, self._data = attributes, data


class _Json(Format):
    """Bytes go out as they are, envelopes by our own encoder."""

    def write(self, event: BaseCloudEvent) -> bytes:
        return json.dump(event.get_attributes())

    def write_data(self, data: Value, datacontenttype: str | None) -> bytes:  # noqa: ARG002 (the Protocol's)
        return bytes(data)

    def read(self, event_factory: EventFactory | None, data: str | bytes) -> Never:
        raise NotImplementedError("receiving is decode.py's")

    def read_data(self, body: bytes, datacontenttype: str | None) -> Never:
        raise NotImplementedError("receiving is decode.py's")

    def get_content_type(self) -> str:
        return "application/cloudevents+json"


_FORMAT = _Json()


def binary(attributes: Mapping[str, str], data: bytes) -> Message:
    """Write an event in binary mode. Raises MalformedEvent."""
    try:
        message = http.to_binary(_Checked(dict(attributes), data), _FORMAT)
    except (BaseCloudEventException, ValueError, TypeError, AttributeError) as error:
        raise MalformedEvent(f"the SDK does not write this event: {error}") from error
    return message.headers, message.body


def structured(envelope: Mapping[str, Value]) -> Message:
    """Write an event's envelope, data included, in structured mode. Raises MalformedEvent."""
    try:
        message = http.to_structured(_Checked(dict(envelope), None), _FORMAT)
    except (BaseCloudEventException, ValueError, TypeError, AttributeError, json.NotJson) as error:
        raise MalformedEvent(f"the SDK does not write this event: {error}") from error
    return message.headers, message.body
