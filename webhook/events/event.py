"""An event, and how it came in: the values that travel through the core.

CloudEvents 1.0.2, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..json import Struct, Value, replace

Extension = str | bool | int
"""What an extension may hold here; Binary, URI and Timestamp values stay in their string form (spec §3)."""


def is_json(media_type: str | None) -> bool:
    """Tell whether a content type declares JSON: `*/json` or `*/*+json`, parameters aside (JSON format §3.1).

    >>> is_json("Application/JSON; charset=utf-8"), is_json("model/gltf+json"), is_json("text/plain"), is_json(None)
    (True, True, False, False)
    """
    if media_type is None:
        return False
    subtype = media_type.partition(";")[0].strip().lower().partition("/")[2]
    return subtype == "json" or subtype.endswith("+json")


class Event(Struct, frozen=True, kw_only=True):
    """One CloudEvent.

    Attributes:
        id, source, type: never empty.
        time: RFC 3339 text, as it came.
        data: where `datacontenttype` is JSON, the decoded value (None: no data, or null), or the bytes where
            they were not JSON after all; for every other type the bytes.
        extensions: attributes beyond the specification's, by lower-case name.
    """

    id: str
    source: str
    type: str
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    extensions: Mapping[str, Extension] = {}
    data: Value = None

    def attributes(self) -> dict[str, Extension]:
        """All attributes that are set, extensions included, without `specversion` and `data`."""
        known: dict[str, Extension] = {"id": self.id, "source": self.source, "type": self.type}
        if self.subject is not None:
            known["subject"] = self.subject
        if self.time is not None:
            known["time"] = self.time
        if self.datacontenttype is not None:
            known["datacontenttype"] = self.datacontenttype
        if self.dataschema is not None:
            known["dataschema"] = self.dataschema
        known.update(self.extensions)
        return known

    def extended(self, more: Mapping[str, Extension]) -> Event:
        """The same event with further extensions, or others in their places."""
        return replace(self, extensions={**self.extensions, **more})


EVENTS_DOOR = "events"
"""The ingress of what was posted to `/events` or `/`; a declared source's name is the ingress of its hook."""


JOBS_DOOR = "jobs"
"""The ingress of our own completions on their next step, and of what is submitted by the Job API."""


class Arrival(Struct, frozen=True, kw_only=True):
    """An event and what the receiver knows of its coming.

    Attributes:
        event: what came.
        via: the door: a declared source's name, `EVENTS_DOOR`, or `JOBS_DOOR`.
        identity: what makes it the same event when it comes again: its id, or the body's SHA-256 in hex where the
            signature covers the body but not the id (design: Once).
        received: when the request's first byte came, aware.
        hops: how many Jobs are behind it in its chain.
        loose: only a header that no signature covers tells its type, so that its body launches under one type alone.
        traceparent: W3C Trace Context of the request, for what follows from it.
    """

    event: Event
    via: str
    identity: str
    received: datetime
    hops: int = 0
    loose: bool = False
    traceparent: str | None = None
