"""Errors as answers: the one table from exceptions to statuses, in `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus

from starlette.responses import Response

from ..errors import (
    ClusterUnavailable,
    Expired,
    JobhookError,
    KeyClash,
    MalformedEvent,
    ManifestRefused,
    NotAllowed,
    NotAuthenticated,
    NotFinished,
    NotFound,
    TooLarge,
    TooManyRequests,
    TooSlow,
    UnknownSource,
    UnsupportedMedia,
    ValueRefused,
)
from ..json import dump

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[type[JobhookError], int] = {
    MalformedEvent: 400,
    NotAuthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    UnknownSource: 404,
    TooSlow: 408,
    NotFinished: 409,
    Expired: 410,
    TooLarge: 413,
    UnsupportedMedia: 415,
    ValueRefused: 422,
    ManifestRefused: 422,
    TooManyRequests: 429,
    KeyClash: 500,
    ClusterUnavailable: 503,
}

RETRY_AFTER = timedelta(seconds=5)
"""What a 503 asks for where the cluster named no time."""

SILENT = frozenset({401})
"""Statuses whose answer says nothing more than itself: why a signature failed is for the log."""


def problem(
    status: int, detail: str = "", *, headers: Mapping[str, str] | None = None, more: Mapping[str, object] | None = None
) -> Response:
    """Answer one problem; `more` are members beyond the standard's."""
    title = HTTPStatus(status).phrase
    body: dict[str, object] = {"type": "about:blank", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    return Response(dump(body | dict(more or {})), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def problem_of(error: JobhookError) -> Response:
    """Answer an exception of ours by the table; one that is not in it is a fault of ours: 500 without a word."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    detail = "" if status in SILENT or status == 500 else str(error)
    return problem(status, detail, headers=headers_for(status, getattr(error, "retry_after", None)))


def headers_for(status: int, retry_after: timedelta | None = None) -> dict[str, str]:
    """The headers that a status must have: when to come again, how to sign in, that the connection ends."""
    if status in {429, 503}:
        return {"retry-after": str(max(1, math.ceil((retry_after or RETRY_AFTER).total_seconds())))}
    if status == 401:
        return {"www-authenticate": 'Bearer realm="jobhook"'}
    # The rest of the body is not read: only a new connection can be in step again.
    return {"connection": "close"} if status in {408, 413} else {}
