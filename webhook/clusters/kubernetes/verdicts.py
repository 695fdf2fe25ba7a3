"""What an answer of the API server means to us: one table, read from the top.

Two questions decide a row: may the same request pass later (`ClusterUnavailable`), or never (`ManifestRefused`)?
Statuses and reasons are those of Kubernetes' `Status` objects (API conventions, "Response status kind").
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import timedelta

from ...errors import (
    ClusterError,
    ClusterUnavailable,
    Conflict,
    Expired,
    JobExists,
    ManifestRefused,
    NotFound,
    NotPermitted,
)
from ...json import NotJson, Struct, as_type

LONGEST_MESSAGE = 1000
"""In characters: a 422 may quote the whole manifest."""
LONGEST_RETRY = timedelta(hours=1)


class Details(Struct, rename="camel", frozen=True):
    """StatusDetails."""

    retry_after_seconds: int | None = None


class Status(Struct, frozen=True):
    """The API server's answer to what it did not do."""

    kind: str = ""
    reason: str | None = None
    message: str | None = None
    code: int | None = None
    details: Details | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An answer, and what it is to us.

    Attributes:
        verbs: Kubernetes' verbs, and `log`; empty for all.
        reason: the Status' reason; empty for any.
        words: found in its message; empty for any.
    """

    statuses: Container[int]
    error: type[ClusterError]
    verbs: frozenset[str] = frozenset()
    reason: str = ""
    words: str = ""

    def fits(self, verb: str, code: int, status: Status) -> bool:
        """Whether it speaks of this answer."""
        return (
            code in self.statuses
            and (not self.verbs or verb in self.verbs)
            and (not self.reason or self.reason == status.reason)
            and self.words in (status.message or "")
        )


TABLE = (
    # An admission webhook says the first, a ValidatingAdmissionPolicy the second; its author chooses the status.
    Row({401, 403}, ManifestRefused, words="denied the request"),
    Row({401, 403}, ManifestRefused, words="denied request"),
    Row({401}, NotPermitted),
    Row({403}, NotPermitted, words=" cannot "),  # RBAC: User "…" cannot create resource "jobs"
    Row({403}, ClusterUnavailable, verbs=frozenset({"create", "patch", "update"})),  # over quota, namespace terminating
    Row({403}, NotPermitted),
    Row({404}, ClusterUnavailable, verbs=frozenset({"create"})),  # only the namespace can be missing
    Row({404}, NotFound),
    Row({409}, JobExists, verbs=frozenset({"create"}), reason="AlreadyExists"),
    Row({409}, ClusterUnavailable, verbs=frozenset({"create"})),  # the quota's own status changed meanwhile
    Row({409}, Conflict),
    Row({410}, Expired),
    Row(
        {504}, Expired, verbs=frozenset({"watch"})
    ),  # a resourceVersion that this replica of the API server has not reached
    Row({400}, Expired, verbs=frozenset({"list"}), words="continue"),  # a token that is none
    Row({400}, NotFound, verbs=frozenset({"log"})),  # no such container, or it has not started
    Row({422}, Conflict, verbs=frozenset({"update"}), words="immutable"),
    Row({400, 413, 422}, ManifestRefused),  # under fieldValidation=Strict an unknown field is a 400
    Row({500}, ManifestRefused, words="request is too large"),  # etcd's limit on one object
)


def verdict(verb: str, code: int, body: bytes, *, about: str, retry_after: str | None = None) -> ClusterError:
    """Make our error of an answer that is none of 2xx.

    Args:
        verb: Kubernetes' word for what was asked: create, get, list, watch, patch, update, delete; or log.
        code: the HTTP status.
        body: a Status; anything else was said by a proxy, which knows nothing of Jobs: it may pass.
        about: what was asked, for the message.
        retry_after: the header (RFC 9110 §10.2.3), of which only seconds are understood.
    """
    try:
        status = as_type(body, Status)
    except NotJson:
        status = Status()
    return judge(verb, code, status, about=about, retry_after=retry_after)


def judge(verb: str, code: int, status: Status, *, about: str, retry_after: str | None = None) -> ClusterError:
    """Make our error of a Status, as `verdict`."""
    message = f"{about}: {(status.message or status.reason or '')[:LONGEST_MESSAGE] or f'status {code}'}"
    row = next((row for row in TABLE if status.kind == "Status" and row.fits(verb, code, status)), None)
    error = row.error if row else ClusterUnavailable
    if issubclass(error, ClusterUnavailable):
        # A 4xx was decided before anything was stored; after a 5xx nobody knows.
        return error(message, retry_after=_wait(retry_after, status), sent=code >= 500)
    return error(message)


def _wait(header: str | None, status: Status) -> timedelta | None:
    if header and header.isascii() and header.isdigit() and len(header) < 10:
        return min(timedelta(seconds=int(header)), LONGEST_RETRY)
    asked = status.details.retry_after_seconds if status.details else None
    return timedelta(seconds=min(asked, 3600)) if asked and asked > 0 else None
