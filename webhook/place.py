"""One Job of an event: created exactly once by its key, and what became of it.

The order of steps and the reading of each refusal are prescribed in docs/reliability.md ("Launch").
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import cache

import structlog

from . import identity
from .definitions import Definition
from .errors import ClusterUnavailable, JobExists, KeyClash, ManifestRefused, NotFound, NotPermitted, ValueRefused
from .events import Arrival
from .fates import Launched, Placed, Postponed, Refused, recognise
from .metrics import Metrics
from .newjob import NewJob, new_job
from .payloads import Payloads
from .ports import Jobs, Names, Records, Remembers
from .rendering import Rendered

log = structlog.get_logger(__name__)

SILENT = "the cluster did not answer in time"
"""Why a launch is postponed that was asked for, and not heard of again."""

RETRY_FIRST = 0.1
RETRY_LONGEST = 1.0
"""Seconds between tries while the cluster blinks; the request waits meanwhile."""


class Placer:
    """Create Jobs; arguments as `Launcher`'s."""

    def __init__(
        self,
        jobs: Jobs,
        *,
        signature: str,
        metrics: Metrics,
        payloads: Records | None,
        memory: Remembers | None,
        names: Names | None,
    ) -> None:
        self._jobs, self._signature, self._metrics = jobs, signature, metrics
        self._payloads = Payloads(records=payloads, jobs=jobs) if payloads is not None else None
        self._memory, self._names = memory, names
        # Each child is looked up once: prometheus does it under a lock.
        self._launched = cache(metrics.launched.labels)

    async def place(
        self, definition: Definition, arrival: Arrival, rendering: Callable[[], Rendered], *, deadline: float
    ) -> Placed:
        """Create one Job, once by its key, and answer its fate. Raises KeyClash.

        Args:
            definition: what makes it.
            arrival: what it comes of.
            rendering: its manifest; asked for only where there was no such Job yet. May raise ValueRefused.
            deadline: as `launch`.
        """
        key = identity.job_key(definition.name, arrival.via, arrival.event.source, arrival.identity)
        try:
            # A store that takes a request and never answers is waited for no longer than one that cannot be reached.
            async with asyncio.timeout_at(deadline):
                # Before rendering: what was launched once stays so, whatever today's definition makes of its values.
                fate: Launched | Postponed | None = await self.remembered(definition.name, key, deadline=deadline)
                if fate is None:
                    new = self._new(definition, arrival, rendering())
                    fate = await self._create(definition.name, new, deadline=deadline)
        except ValueRefused as error:
            return self._refuse(definition, "values", str(error), arrival)
        except ManifestRefused as error:
            return self._refuse(definition, "manifest", str(error), arrival)
        except TimeoutError:
            fate = Postponed(definition=definition.name, reason=SILENT)
        self.count(fate, arrival)
        return fate

    async def remembered(self, definition: str, key: str, *, deadline: float) -> Launched | Postponed | None:
        """Tell of a Job that there was, by one read; None where there was none."""
        name = identity.job_name(definition, key)
        try:
            if self._memory is None or not await self._memory.remembers(key, deadline=deadline):
                return None
            job = await self._jobs.read(name)
        except NotFound:
            return Launched(definition=definition, name=name, created=False, gone=True)
        except ClusterUnavailable as error:
            return Postponed.by(error, definition)
        recognise(job, definition, key=key)
        return Launched(definition=definition, name=name, created=False, gone=job.deleting)

    def _new(self, definition: Definition, arrival: Arrival, rendered: Rendered) -> NewJob:
        namespace = self._jobs.namespace
        if rendered.payload is not None and self._payloads is None:
            raise ValueRefused(f"{definition.name}: the event has {len(rendered.payload)} bytes, and no place to be")
        receipt = secrets.token_hex(8)
        return new_job(definition, rendered, arrival, receipt=receipt, namespace=namespace, signature=self._signature)

    async def _create(self, definition: str, new: NewJob, *, deadline: float) -> Launched | Postponed:
        clock = asyncio.get_running_loop().time
        wait, vanished = RETRY_FIRST, 0
        while True:
            try:
                return await self._send(definition, new)
            except NotFound as error:
                # Deleted between the two calls: the name is free again, once. Twice: a stranger's Job has it.
                vanished += 1
                if vanished > 1:
                    raise KeyClash(f"another's Job has the name {new.name}") from error
                # A sweep may have taken it, and written its key down before.
                if (fate := await self.remembered(definition, new.key, deadline=deadline)) is not None:
                    return fate
            except NotPermitted as error:  # nobody grants a right within a request
                return Postponed(definition=definition, reason=str(error))
            except ClusterUnavailable as error:
                pause = max(wait * random.uniform(0.5, 1.0), _seconds(error.retry_after))  # noqa: S311 # jitter
                if clock() + pause >= deadline:
                    return Postponed.by(error, definition)
                await asyncio.sleep(pause)
                wait = min(wait * 2, RETRY_LONGEST)

    async def _send(self, definition: str, new: NewJob) -> Launched | Postponed:
        """One try, with the record that the Job mounts before it, and owned by it after."""
        if new.payload is not None and self._payloads is not None:
            await self._payloads.prepare(new.payload, new.name)
        try:
            job = await self._jobs.create(new.manifest)
            fate: Launched | Postponed = Launched(definition=definition, name=new.name, created=True)
        except JobExists:
            job = await self._jobs.read(new.name)
            fate = recognise(job, definition, key=new.key, receipt=new.receipt)
        if new.payload is not None and self._payloads is not None and isinstance(fate, Launched):
            await self._payloads.own(new.payload, job)
        return fate

    def _refuse(self, definition: Definition, kind: str, reason: str, arrival: Arrival) -> Refused:
        self._metrics.refused.labels(kind).inc()
        log.warning("job.refused", definition=definition.name, event_id=arrival.event.id, by=kind, reason=reason)
        return Refused(definition=definition.name, reason=reason)

    def count(self, fate: Launched | Postponed, arrival: Arrival) -> None:
        """Count a fate, and write it into the log."""
        event_id = arrival.event.id
        if isinstance(fate, Postponed):
            self._metrics.refused.labels("unavailable").inc()
            log.error("job.postponed", definition=fate.definition, event_id=event_id, reason=fate.reason)
        elif fate.created:
            if arrival.loose and self._names is not None:
                self._names.note(arrival)
            self._launched(fate.definition).inc()
            log.info("job.launched", job=fate.name, definition=fate.definition, event_id=event_id)
        else:
            # By what it was known: the event's id, or its body in the id's place.
            by = "ledger" if fate.gone else "job" if arrival.identity == event_id else "body"
            self._metrics.duplicates.labels(by).inc()
            log.info("job.duplicate", job=fate.name, definition=fate.definition, event_id=event_id, gone=fate.gone)


def _seconds(period: timedelta | None) -> float:
    return period.total_seconds() if period is not None else 0.0
