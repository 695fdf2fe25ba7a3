"""What the routes stand on: the use cases and limits of one process, handed in by the composition."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.requests import Request

from ..callers import Caller, Callers, bearer_token
from ..definitions import DefinitionSet
from ..launch import Launcher
from ..metrics import Metrics
from ..ports import Jobs
from ..settings import Rate
from ..sources import Source
from ..sweep import Report
from .body import Budget
from .protocol import began
from .rates import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether requests should come here, and why not.

    Attributes:
        reasons: what is missing; empty means ready.
        warnings: what is wrong and does not stop the work.
    """

    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """The collaborators of every route.

    Attributes:
        events_open: True where `events.auth` is `none`: anybody may post to /events.
        distrusted: type prefixes that /events does not take from anybody.
        trusted: types that it takes all the same.
        origins: whom the webhook handshake grants, in lower case.
        events_rate: what the handshake says; None for any.
        gates: the rates of doors that have one, on this replica, by `events` or the source's name.
        body_limit: bytes of a body, where a source does not say its own.
        answer_seconds: from a request's first byte to its answer.
        sweep: (dry_run) → what the sweep did.
    """

    jobs: Jobs
    launcher: Launcher
    definitions: Callable[[], DefinitionSet]
    sources: Mapping[str, Source]
    callers: Callers
    events_open: bool
    distrusted: tuple[str, ...]
    trusted: frozenset[str]
    origins: frozenset[str]
    events_rate: Rate | None
    gates: Mapping[str, Gate]
    body_limit: int
    answer_seconds: float
    budget: Budget
    sweep: Callable[[bool], Awaitable[Report]]
    readiness: Callable[[], Readiness]
    metrics: Metrics
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def allow(self, request: Request, right: str) -> Caller:
        """Let a caller in who has a right.

        Raises:
            NotAuthenticated: no token of ours.
            NotAllowed: the caller lacks the right.
        """
        caller = await self.callers.authenticate(bearer_token(request.headers.getlist("authorization")))
        caller.require(right)
        return caller

    def deadline(self, request: Request) -> float:
        """When this request must be answered, by the running loop's clock, in seconds."""
        return began(request.scope, asyncio.get_running_loop().time()) + self.answer_seconds


def receiver_of(request: Request) -> Receiver:
    """The receiver that the application was built with."""
    receiver: Receiver = request.app.state.receiver
    return receiver
