"""Points in time as RFC 3339 text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_HOUR, _SIXTY = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
_RFC3339 = re.compile(
    rf"([0-9]{{4}})(-[0-9]{{2}}-[0-9]{{2}})[Tt]({_HOUR}:{_SIXTY}):({_SIXTY}|60)(\.[0-9]+)?([Zz]|[+-]{_HOUR}:{_SIXTY})"
)
_DAY = timedelta(days=1)


def show(moment: datetime) -> str:
    """Write an aware moment in UTC, with microseconds only where there are some.

    >>> show(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03:04:05Z'
    """
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def parse(text: str) -> datetime:
    """Read an RFC 3339 date-time; digits past microseconds are dropped.

    datetime has neither leap seconds nor a year 0: the former count as the second before them, and all of the latter as
    the first moment that there is.

    Raises:
        ValueError: no RFC 3339 date-time.

    >>> parse("2026-01-02T03:04:05.123456789+01:00").isoformat()
    '2026-01-02T03:04:05.123456+01:00'
    """
    match = _RFC3339.fullmatch(text)
    if not match:
        raise ValueError(f"{text[:64]!r} is no RFC 3339 date-time, such as 2026-01-02T03:04:05Z")
    year, day, clock, second, fraction, offset = match.groups()
    leap, zone = second == "60", "+00:00" if offset in "Zz" else offset
    # Year 4 has the days of year 0 (RFC 3339, appendix C).
    date = ("0004" if year == "0000" else year) + day
    moment = datetime.fromisoformat(f"{date}T{clock}:{'59' if leap else second}{(fraction or '')[:7]}{zone}")
    if leap and not _ends_day(moment):
        raise ValueError(f"{text[:64]!r} is no leap second: those are 23:59:60 in UTC")
    return datetime.min.replace(tzinfo=UTC) if year == "0000" else moment


def _ends_day(moment: datetime) -> bool:
    """Whether it is a day's last minute in UTC; RFC 3339 §5.7 has leap seconds nowhere else."""
    local = timedelta(hours=moment.hour, minutes=moment.minute)
    return (local - (moment.utcoffset() or timedelta())) % _DAY == timedelta(hours=23, minutes=59)
