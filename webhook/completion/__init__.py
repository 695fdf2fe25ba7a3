"""A finished Job → what is frozen of it → its completion event."""

from .event import TYPES, completion_event, source
from .frozen import Counts, Decider, Frozen, freeze

__all__ = ["TYPES", "Counts", "Decider", "Frozen", "completion_event", "freeze", "source"]
