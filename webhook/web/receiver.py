"""What the routes stand on: the use cases and limits of one process, handed in by the composition."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from starlette.requests import Request

from ..callers import Caller, Callers, bearer_token
from ..definitions import DefinitionSet
from ..errors import NotAuthenticated, TooManyRequests
from ..follow import Entry
from ..joblogs import AT_ONCE
from ..launch import Launcher
from ..metrics import Metrics
from ..ports import Jobs, Records
from ..progress import Progress
from ..purge import Remember
from ..settings import Rate
from ..sources import Source
from ..submit import Submitter
from ..sweep import Report
from .body import Budget
from .failures import Failures
from .origin import check_origin
from .protocol import began
from .rates import Gate

log = structlog.get_logger(__name__)

_CHANGING = frozenset({"write", "cleanup"})
"""Rights to what a signed-in browser must not be made to do."""


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
        sweep: (dry_run, budget) → what the sweep did.
        redeliver: (Job, sinks) → the progress at each of its sinks, after they were set back.
        failures: who has failed to authenticate how often.
        submitter: of the Job API.
        payloads: records with events that were too large for their Jobs' manifests.
        completions: the source of our completion events.
        index: our Jobs by name, as the watch knows them.
        remember: writes a Job's keys down, before the Job is removed by order.
        streams: logs that may be followed at a time.
    """

    jobs: Jobs
    launcher: Launcher
    submitter: Submitter
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
    sweep: Callable[[bool, timedelta], Awaitable[Report]]
    redeliver: Callable[[str, Sequence[str]], Awaitable[Mapping[str, Progress]]]
    readiness: Callable[[], Readiness]
    metrics: Metrics
    payloads: Records | None = None
    completions: str = ""
    index: Callable[[], Mapping[str, Entry]] = dict
    remember: Remember | None = None
    streams: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    failures: Failures = field(default_factory=Failures)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def allow(self, request: Request, right: str) -> Caller:
        """Let a caller in who has a right.

        Raises:
            NotAuthenticated: no token of ours.
            NotAllowed: the caller lacks the right, or another website asks in a browser's name.
            TooManyRequests: no token of ours, once more.
        """
        try:
            caller = await self.callers.authenticate(bearer_token(request.headers.getlist("authorization")))
        except NotAuthenticated as error:
            self.failed(request, error)
            raise
        caller.require(right)
        if right in _CHANGING:
            check_origin(request)
        return caller

    def failed(self, request: Request, error: NotAuthenticated, *, source: str | None = None) -> None:
        """Count, limit and log a failed authentication: only then, so that nobody can lock another out.

        Args:
            request: whose.
            error: why; for the log alone.
            source: the hook's; None for a bearer token.

        Raises:
            TooManyRequests: this peer has failed too often at this door.
        """
        peer = request.client.host if request.client else None
        self.metrics.refused.labels("token" if source is None else "signature").inc()
        try:
            self.failures.note(source or "", peer, asyncio.get_running_loop().time())
        except TooManyRequests:
            self.metrics.refused.labels("failures").inc()
            raise  # the answer is logged, as every one is; who it was has been said often enough
        event = "caller.unauthenticated" if source is None else "hook.unauthenticated"
        log.warning(event, source=source, peer=peer, reason=str(error))

    def deadline(self, request: Request, *, patience: float | None = None) -> float:
        """When this request must be answered, by the running loop's clock, in seconds.

        `patience`: the seconds that its sender waits, where they may be fewer than ours.
        """
        seconds = self.answer_seconds if patience is None else min(patience, self.answer_seconds)
        return began(request.scope, asyncio.get_running_loop().time()) + seconds


def receiver_of(request: Request) -> Receiver:
    """The receiver that the application was built with."""
    receiver: Receiver = request.app.state.receiver
    return receiver
