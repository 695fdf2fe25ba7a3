"""A delivery whose event's name comes in a header that no signature covers: from its shape to an event."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import MalformedEvent, ValueRefused
from ..events import Headers
from ..json import Value
from .provider import header
from .shape import Shape


def name_in(headers: Headers, name: bytes, pattern: re.Pattern[str]) -> str | None:
    """Read a header that names an event, or None where there is none. Raises MalformedEvent."""
    value = header(headers, name)
    if value is not None and not pattern.fullmatch(value):
        raise MalformedEvent(f"the header {name.decode('ascii')} is no event's name")
    return value


def shape_of(shapes: Mapping[str, Shape], unknown: Shape, *, name: str | None, at: bytes, body: Value) -> Shape:
    """Find the shape of a name, and hold the body to it; what is not known has no shape to be held to.

    Raises:
        ValueRefused: the body is of another name.
    """
    found = shapes.get(name, unknown) if name else unknown
    if refusal := found.refusal(body):
        raise ValueRefused(f"a body that {refusal} is none of {name!r}, which the header {at.decode('ascii')} says")
    return found


def alone(shapes: Mapping[str, Shape], *, name: str, body: Value) -> bool:
    """Whether a body that holds to a name tells it by itself: the name is known, and no other one would take it."""
    return name in shapes and not any(row.refusal(body) is None for other, row in shapes.items() if other != name)
