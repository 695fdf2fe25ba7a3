"""What a sink's answer means (CloudEvents HTTP webhooks 1.0 §2.2, and what Knative retries)."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime, timedelta

from ..errors import SinkError, SinkGone, SinkRefused, SinkUnavailable

LONGEST_RETRY_AFTER = timedelta(hours=1)
"""A sink may ask for more; it is asked again then, so that a wrong date cannot put an event off for ever."""

_RETRIED = frozenset({404, 408, 409, 429})


def verdict(status: int, *, retry_after: timedelta | None = None, body: bytes = b"") -> SinkError | None:
    """Judge a status: None where the event was taken, else the exception that says what to do now.

    Redirects are not followed: a sink that moved has to be configured anew.
    """
    message = f"answered {status}"
    if 200 <= status < 300:
        return None
    if status in _RETRIED or status >= 500:
        return SinkUnavailable(message, status=status, body=body, retry_after=retry_after)
    if status == 410:
        return SinkGone(message, status=status, body=body)
    return SinkRefused(message, status=status, body=body)


def retry_after(text: str | None, *, now: datetime) -> timedelta | None:
    """Read a Retry-After header (RFC 9110 §10.2.3): seconds or an HTTP-date, between zero and an hour; else None.

    >>> retry_after("120", now=datetime(2026, 1, 1, tzinfo=UTC))
    datetime.timedelta(seconds=120)
    >>> retry_after("Thu, 01 Jan 2026 00:00:30 GMT", now=datetime(2026, 1, 1, tzinfo=UTC))
    datetime.timedelta(seconds=30)
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        # Nine digits are more than an hour already, and cannot overflow.
        return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        # An HTTP-date is in GMT; the parser gives "-0000" no zone.
        wait = moment.replace(tzinfo=moment.tzinfo or UTC) - now
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    return max(timedelta(0), min(wait, LONGEST_RETRY_AFTER))
