"""An event as expressions and templates see it: the mapping `event`."""

from __future__ import annotations

import base64
from typing import Any

from ..events import Event


def view(event: Event) -> dict[str, Any]:
    """All attributes, extensions included, and `data`; optional attributes that are not set are null.

    Data that is not JSON is its text where it is UTF-8, else base64.
    """
    seen: dict[str, Any] = {"subject": None, "time": None, "datacontenttype": None, "dataschema": None}
    seen |= event.attributes()
    seen["data"] = _text(event.data) if isinstance(event.data, bytes | bytearray | memoryview) else event.data
    return seen


def _text(data: bytes | bytearray | memoryview) -> str:
    try:
        return bytes(data).decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii")
