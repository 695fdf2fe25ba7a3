"""Points in time as RFC 3339 text."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def show(moment: datetime) -> str:
    """Write an aware moment in UTC, with microseconds only where there are some.

    >>> show(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03:04:05Z'
    """
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def parse(text: str) -> datetime:
    """Read an RFC 3339 date-time; a leap second counts as the second before it, digits past microseconds are dropped.

    Raises:
        ValueError: no RFC 3339 date-time.

    >>> parse("2026-01-02T03:04:05.123456789+01:00").isoformat()
    '2026-01-02T03:04:05.123456+01:00'
    """
    match = _RFC3339.fullmatch(text)
    if not match or not text.isascii():
        raise ValueError(f"{text[:64]!r} is no RFC 3339 date-time, such as 2026-01-02T03:04:05Z")
    date, clock, fraction, offset = match.groups()
    if clock.endswith(":60"):
        clock = clock[:-2] + "59"
    if offset not in "Zz" and (int(offset[1:3]) > 23 or int(offset[4:6]) > 59):
        raise ValueError(f"{text[:64]!r} has an offset out of range")
    zone = "+00:00" if offset in "Zz" else offset
    return datetime.fromisoformat(f"{date}T{clock}{(fraction or '')[:7]}{zone}")
