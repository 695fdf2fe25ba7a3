"""The trace that a request belongs to (W3C Trace Context, https://www.w3.org/TR/trace-context/)."""

from __future__ import annotations

import re

from .decode import Headers

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-[ -~]*)?")


def is_traceparent(text: str) -> bool:
    """Tell whether a text is a usable `traceparent` (§3.2): no all-zero ids, no version ff, version 00 ends there.

    >>> is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    True
    >>> is_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01")
    False
    """
    match = _TRACEPARENT.fullmatch(text)
    if not match:
        return False
    version, trace, parent, more = match.groups()
    return version != "ff" and bool(trace.strip("0") and parent.strip("0")) and not (more and version == "00")


def traceparent_of(headers: Headers) -> str | None:
    """Find the trace that a request belongs to, where it names exactly one and that is valid.

    An event's own `traceparent` extension goes before it: the extension is the producer's, the header the last hop's
    (CloudEvents' distributed tracing extension).
    """
    given = [value.decode("latin-1") for name, value in headers if name == b"traceparent"]
    return given[0] if len(given) == 1 and is_traceparent(given[0]) else None
