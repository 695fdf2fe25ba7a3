"""Next steps: a completion that definitions ask for launches their Jobs, as if jobhook were one more of its sinks.

So at least once, and by the Job's name once; what it could not launch now is tried again like any delivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from .definitions import DefinitionSet
from .errors import SinkRefused, SinkUnavailable, ValueRefused
from .events import JOBS_DOOR, Arrival, Event
from .fates import Clashed, Postponed, Refused
from .launch import Launcher
from .routing import match

log = structlog.get_logger(__name__)

MAX_HOPS = 16
"""Jobs in a chain; counted on the causing Jobs, never by what a sender says."""
PATIENCE = timedelta(seconds=8)
"""For a cluster that blinks, within one try."""


class NextSteps:
    """The definitions as a `ports.Sink`."""

    name = "(definitions)"
    """No declared sink can have it: names have no brackets."""

    def __init__(
        self,
        launcher: Launcher,
        definitions: Callable[[], DefinitionSet],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._launcher, self._definitions, self._now = launcher, definitions, now

    def wants(self, event: Event) -> bool:
        """Whether a definition asks for this completion, and the chain is not too long."""
        arrival = self._arrival(event)
        if not match(self._definitions(), arrival).definitions:
            return False
        if arrival.hops > MAX_HOPS:
            log.error("step.too_many_hops", job=event.subject, hops=arrival.hops)
            return False
        return True

    async def send(self, event: Event) -> None:
        """Launch what the completion calls. Raises SinkUnavailable, SinkRefused."""
        deadline = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
        try:
            fates = await self._launcher.launch(self._arrival(event), deadline=deadline)
        except ValueRefused as error:
            raise SinkRefused(str(error)) from error
        for fate in fates:
            if isinstance(fate, Postponed):
                raise SinkUnavailable(fate.reason, retry_after=fate.retry_after)
        for fate in fates:
            if isinstance(fate, Refused | Clashed):
                raise SinkRefused(f"{fate.definition}: {fate.reason}")

    def _arrival(self, event: Event) -> Arrival:
        hops = event.extensions.get("jobhookhops", 0)
        return Arrival(event=event, via=JOBS_DOOR, identity=event.id, received=self._now(), hops=int(hops))
