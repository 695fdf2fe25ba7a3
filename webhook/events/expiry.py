"""Events that come too late (CloudEvents' expirytime extension)."""

from __future__ import annotations

from datetime import datetime

from .. import times
from .event import Event


def expired(event: Event, now: datetime) -> bool:
    """Tell whether an event's `expirytime` has passed; one that is no timestamp says nothing.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/expirytime.md
    """
    text = event.extensions.get("expirytime")
    if not isinstance(text, str):
        return False
    try:
        return times.parse(text) <= now
    except ValueError:
        return False
