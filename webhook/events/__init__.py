"""Events: the value, and HTTP ⇄ Event in binary, structured and batched mode."""

from .event import EVENTS_DOOR, Arrival, Event, Extension, is_json

__all__ = ["EVENTS_DOOR", "Arrival", "Event", "Extension", "is_json"]
