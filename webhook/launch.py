"""From an event to its Jobs: match, render, place each, and say what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial

import structlog

from . import identity
from .definitions import Definition, DefinitionSet
from .errors import ClusterUnavailable, KeyClash, NotFound, ValueRefused
from .events import Arrival
from .fates import Clashed, Fate, Postponed, Refused, recognise
from .metrics import Metrics
from .once import Once
from .place import SILENT, Placer
from .ports import Jobs, Names, Records, Remembers
from .rendering import render
from .routing import match

log = structlog.get_logger(__name__)

MAX_JOBS = 50
"""Jobs that one event may launch; more definitions than that asking for it is a mistake in the definitions."""


class Launcher:
    """Launch the Jobs that events ask for.

    Attributes:
        placer: creates each of them, and those that are submitted.

    Args:
        payloads: where events go that are too large for a manifest; None: they are refused.
        memory: which Jobs there were; None: a Job that is gone is forgotten.
        names: under which type events were launched; None: whatever an unsigned header says is believed.
    """

    def __init__(
        self,
        jobs: Jobs,
        *,
        definitions: Callable[[], DefinitionSet],
        signature: str,
        metrics: Metrics,
        payloads: Records | None = None,
        memory: Remembers | None = None,
        names: Names | None = None,
    ) -> None:
        self._jobs, self._definitions, self._metrics, self._names = jobs, definitions, metrics, names
        self.placer = Placer(jobs, signature=signature, metrics=metrics, payloads=payloads, memory=memory, names=names)
        # Each child is looked up once: prometheus does it under a lock.
        self._arrived = cache(metrics.events.labels)
        self._new_failure = Once()

    async def launch(self, arrival: Arrival, *, deadline: float) -> tuple[Fate, ...]:
        """Launch every Job that an event asks for, and answer each one's fate, in the definitions' order.

        Args:
            arrival: the event and how it came.
            deadline: by the running loop's clock, in seconds; a cluster that blinks is waited for until then.

        Raises:
            ValueRefused: more than `MAX_JOBS` definitions ask for it.
        """
        self._arrived(arrival.via).inc()
        routed = match(self._definitions(), arrival)
        for failure in routed.errors:
            self._metrics.condition_errors.labels(failure.definition).inc()
            if self._new_failure((failure.definition, failure.reason)):
                log.warning("definition.when_failed", definition=failure.definition, reason=failure.reason)
        if not routed.definitions:
            self._metrics.unmatched.inc()
            log.info("event.unmatched", event_id=arrival.event.id, type=arrival.event.type, via=arrival.via)
            return ()
        if len(routed.definitions) > MAX_JOBS:
            raise ValueRefused(f"{len(routed.definitions)} definitions ask for this event; at most {MAX_JOBS} may")
        if self._names is None:
            return await _each(self._one, routed.definitions, arrival, deadline)
        return await self._under_one_name(self._names, routed.definitions, arrival, deadline)

    async def _under_one_name(
        self, names: Names, called: Sequence[Definition], arrival: Arrival, deadline: float
    ) -> tuple[Fate, ...]:
        """Launch what was not launched under another type, of which only a header told: that makes no Job any more."""
        try:
            if arrival.loose or await names.doubted(arrival, deadline=deadline):
                async with names.turn(arrival, deadline=deadline) as relabelled:
                    if not (relabelled or arrival.loose):
                        names.note(arrival)
                    return await _each(self._known if relabelled else self._one, called, arrival, deadline)
            names.note(arrival)
            return await _each(self._one, called, arrival, deadline)
        except ClusterUnavailable as error:
            postponed = [Postponed.by(error, definition.name) for definition in called]
            for one in postponed:
                self.placer.count(one, arrival)
            return tuple(postponed)

    async def _one(self, definition: Definition, arrival: Arrival, deadline: float) -> Fate:
        rendering = partial(render, definition, arrival, namespace=self._jobs.namespace)
        try:
            return await self.placer.place(definition, arrival, rendering, deadline=deadline)
        except KeyClash as error:
            return Clashed(definition=definition.name, reason=str(error))

    async def _known(self, definition: Definition, arrival: Arrival, deadline: float) -> Fate:
        """Tell of a definition's Job where there is or was one, by one read, and make none."""
        key = identity.job_key(definition.name, arrival.via, arrival.event.source, arrival.identity)
        try:
            async with asyncio.timeout_at(deadline):
                fate = await self.placer.remembered(definition.name, key, deadline=deadline)
                if fate is None:
                    job = await self._jobs.read(identity.job_name(definition.name, key))
                    fate = recognise(job, definition.name, key=key)
        except NotFound:
            self._metrics.duplicates.labels("name").inc()
            reason = f"this body was launched as another type before, and no signature says {arrival.event.type!r}"
            return Refused(definition=definition.name, reason=reason)
        except KeyClash as error:
            return Clashed(definition=definition.name, reason=str(error))
        except ClusterUnavailable as error:
            fate = Postponed.by(error, definition.name)
        except TimeoutError:
            fate = Postponed(definition=definition.name, reason=SILENT)
        self.placer.count(fate, arrival)
        return fate


async def _each(
    launch: Callable[[Definition, Arrival, float], Awaitable[Fate]],
    called: Sequence[Definition],
    arrival: Arrival,
    deadline: float,
) -> tuple[Fate, ...]:
    """Give every Job its try, whatever becomes of its neighbours: no exception cuts another's create short."""
    if len(called) == 1:
        return (await launch(called[0], arrival, deadline),)
    fates = await asyncio.gather(*(launch(one, arrival, deadline) for one in called), return_exceptions=True)
    for fate in fates:
        if isinstance(fate, BaseException):
            raise fate
    return tuple(fate for fate in fates if not isinstance(fate, BaseException))
