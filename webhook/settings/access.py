"""`callers` and `events`: who may use the Job API, the page, POST /cleanup and POST /events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from .fields import Name, Origin, RateField, Some, Text, TokenPath, matching
from .model import Context, Model, Problem

MINUTE = timedelta(minutes=1)

_SERVICE_ACCOUNT = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


class Right(StrEnum):
    """What a caller may do: the closed list."""

    EVENTS = "events"
    """Post CloudEvents."""
    READ = "read"
    """Look at Jobs, logs and definitions."""
    WRITE = "write"
    """Submit, cancel and rerun Jobs."""
    CLEANUP = "cleanup"
    """POST /cleanup."""


class Caller(Model):
    """Someone with a token: from a file, or of a Kubernetes service account.

    Attributes:
        tokens: files, several during a rotation.
        service_account: `namespace/name`, known by TokenReview.
        audience: whom the service account's token must be meant for.
    """

    name: Name
    may: Annotated[frozenset[Right], Some]
    tokens: tuple[TokenPath, ...] = ()
    service_account: (
        Annotated[str, matching(_SERVICE_ACCOUNT, "is no service account; write namespace/name, such as ci/runner")]
        | None
    ) = None
    audience: Text | None = None

    def problems(self, context: Context | None) -> Iterator[Problem]:
        """Not exactly one of tokens and service account, and an account where nobody knows it."""
        if bool(self.tokens) == (self.service_account is not None):
            yield Problem((), "needs either tokens or service_account; write one of the two")
        if self.service_account is not None and self.audience is None:
            yield Problem((), "has no audience; write the one of its projected token, such as audience: jobhook")
        if self.tokens and self.service_account is None and self.audience is not None:
            yield Problem(("audience",), "is a service account's; leave it out, or write service_account")
        if self.service_account is not None and context is not None and context.cluster == "local":
            yield Problem(
                ("service_account",),
                "cannot be checked on the local cluster, which knows no service accounts (TokenReview is Kubernetes'); "
                "write tokens, or set JOBHOOK_CLUSTER=kubernetes",
            )


class Events(Model):
    """Who may post CloudEvents to /events and /.

    Attributes:
        auth: `bearer`: callers that may `events`; `none`: everyone.
        origins: whom the OPTIONS handshake grants.
        rate: granted to them.
        types: of a hook's provider, that this door may bring all the same.
    """

    auth: Literal["bearer", "none"] = "bearer"
    origins: tuple[Origin, ...] = ()
    rate: RateField | None = None
    types: tuple[Text, ...] = ()

    def problems(self, context: Context | None) -> Iterator[Problem]:
        """A rate that the handshake has no words for: it grants whole requests a minute."""
        del context
        if self.origins and self.rate is not None and self.rate.requests * MINUTE < self.rate.per:
            yield Problem(
                ("rate",),
                "is less than one request a minute, which the handshake cannot grant; write 1/m or more, or leave out "
                "origins",
            )
