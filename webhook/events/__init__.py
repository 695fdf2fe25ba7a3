"""Events: the value, and HTTP ⇄ Event in binary, structured and batched mode."""

from .decode import MAX_EVENTS, Decoded, Headers, Mode, decode
from .encode import check, envelope, to_batch, to_binary, to_structured
from .event import EVENTS_DOOR, JOBS_DOOR, Arrival, Event, Extension, is_json
from .expiry import expired
from .trace import is_traceparent, traceparent_of

__all__ = [
    "EVENTS_DOOR",
    "JOBS_DOOR",
    "MAX_EVENTS",
    "Arrival",
    "Decoded",
    "Event",
    "Extension",
    "Headers",
    "Mode",
    "check",
    "decode",
    "envelope",
    "expired",
    "is_json",
    "is_traceparent",
    "to_batch",
    "to_binary",
    "to_structured",
    "traceparent_of",
]
