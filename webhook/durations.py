"""Durations as people write them: `500ms`, `90s`, `1h`, `7d`, and sums such as `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
LONGEST = timedelta(days=36500)


def parse(text: str) -> timedelta:
    """Read a duration.

    Raises:
        ValueError: no number with a unit, or more than a century; the message says what is allowed.

    >>> parse("1h30m"), parse("0s"), parse("1.5s")
    (datetime.timedelta(seconds=5400), datetime.timedelta(0), datetime.timedelta(seconds=1, microseconds=500000))
    """
    if len(text) > 64 or not _WHOLE.fullmatch(text):
        raise ValueError(
            f"{text[:64]!r} is no duration; write a number and a unit (ms, s, m, h, d, w), such as 90s or 1h30m"
        )
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"{text!r} is more than a century")
    return timedelta(seconds=seconds)


def show(duration: timedelta) -> str:
    """Write a duration so that `parse` reads it again.

    >>> show(timedelta(hours=1, minutes=30)), show(timedelta(0)), show(timedelta(seconds=0.25))
    ('1h30m', '0s', '250ms')
    """
    milliseconds = round(duration.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        number, milliseconds = divmod(milliseconds, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"
