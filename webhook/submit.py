"""Submit a Job by its definition's name and parameters: once by the caller's own key, where there is one."""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import structlog

from . import identity, marks, times
from .definitions import Definition, DefinitionSet
from .errors import ClusterUnavailable, NotFound, ValueRefused
from .events import JOBS_DOOR, Arrival, Event, Extension
from .fates import Launched, Postponed, Refused
from .job import Job
from .json import dump_sorted
from .launch import Launcher
from .ports import Jobs
from .rendering import Rendered, render_submit

log = structlog.get_logger(__name__)

SUBMITTED = "dev.jobhook.submitted.v1"
"""The type of the event that a submit stands for: the cause of its Job."""
MAX_LABELS = 32

_LABEL_NAME = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_RESERVED = re.compile(r"(?:.*[./])?(?:jobhook\.dev|kubernetes\.io|k8s\.io)/.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What a rerun takes from the Job that it repeats.

    Attributes:
        job: that Job's name.
        cause: of that Job; the new one has its source, its type and its correlation, under an id of its own.
        hops: Jobs behind that Job in its chain.
        event: for the template and the containers; None where they need none.
    """

    job: str
    cause: marks.Cause
    hops: int = 0
    event: Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be submitted.

    Attributes:
        params: as the caller gave them; the definition converts and checks.
        labels: for the Job, beside the definition's.
        by: the caller's name; no spaces.
        key: the caller's own: the same key is the same Job. None: each is new.
        again: what it repeats, or None.
    """

    definition: str
    by: str
    params: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    again: Again | None = None

    @property
    def digest(self) -> str:
        """SHA-256 in hex over what a key may stand for only once."""
        wanted = [self.definition, dict(self.params)] if self.again is None else [self.again.job]
        return hashlib.sha256(dump_sorted(wanted)).hexdigest()


class Submitter:
    """Submit Jobs, through the launcher that events' Jobs go through."""

    def __init__(
        self,
        jobs: Jobs,
        launcher: Launcher,
        *,
        definitions: Callable[[], DefinitionSet],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._jobs, self._launcher, self._definitions, self._now = jobs, launcher, definitions, now
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def submit(self, order: Order, *, deadline: float) -> Launched:
        """Submit one Job; durable when this returns.

        Args:
            order: what is wanted.
            deadline: by the running loop's clock, in seconds; a cluster that blinks is waited for until then.

        Raises:
            NotFound: there is no such definition.
            ValueRefused: a parameter or a label is, or the key stands for something else.
            ClusterUnavailable: not now; with a key it is safe to submit it again.
        """
        arrival = self._arrival(order)
        if order.key is None:
            return await self._place(order, arrival, deadline)
        # The store refuses a second Job of one name; of one key with two definitions it sees two names.
        async with self._turns.setdefault((order.by, order.key), asyncio.Lock()):
            if (known := await self._known(order, arrival)) is not None:
                return known
            launched = await self._place(order, arrival, deadline)
            if not launched.created and not launched.gone:  # another replica was faster
                return _same(await self._jobs.read(launched.name), order)
            return launched

    async def _known(self, order: Order, arrival: Arrival) -> Launched | None:
        key = identity.event_key(arrival.via, arrival.event.source, arrival.identity)
        page = await self._jobs.list({marks.EVENT: identity.event_label(key)}, limit=1)
        return _same(page.jobs[0], order) if page.jobs else None

    async def _place(self, order: Order, arrival: Arrival, deadline: float) -> Launched:
        definition = self._definitions().get(order.definition)
        if definition is None:
            raise NotFound(f"there is no definition {order.definition[:64]!r}")
        rendering = partial(self._render, definition, order)
        fate = await self._launcher.placer.place(definition, arrival, rendering, deadline=deadline)
        if isinstance(fate, Refused):
            raise ValueRefused(fate.reason)
        if isinstance(fate, Postponed):
            raise ClusterUnavailable(fate.reason, retry_after=fate.retry_after)
        if fate.created:
            log.info("job.submitted", job=fate.name, by=order.by, rerun_of=order.again and order.again.job)
        return fate

    def _render(self, definition: Definition, order: Order) -> Rendered:
        event = order.again.event if order.again else None
        rendered = render_submit(definition, order.params, namespace=self._jobs.namespace, event=event)
        _mark(rendered, order, definition)
        return rendered

    def _arrival(self, order: Order) -> Arrival:
        """A submit as the event that it stands for: its id is the key."""
        id_, now = order.key or str(uuid.uuid4()), self._now()
        if (again := order.again) is None:
            event = Event(id=id_, source=f"/callers/{order.by}", type=SUBMITTED, time=times.show(now))
            return Arrival(event=event, via=JOBS_DOOR, identity=id_, received=now)
        old = again.cause
        inherited = {"correlationid": old.correlationid or old.id, "traceparent": old.traceparent}
        extensions: dict[str, Extension] = {name: text for name, text in inherited.items() if text}
        event = Event(
            id=id_,
            source=old.source,
            type=old.type,
            subject=old.subject,
            time=times.show(now),
            extensions=extensions,
        )
        # The source is not the caller's, so the caller is part of the key.
        return Arrival(event=event, via=JOBS_DOOR, identity=f"{order.by} {id_}", received=now, hops=again.hops)


def _same(job: Job, order: Order) -> Launched:
    """The Job of a key, where it is what the order asks for. Raises ValueRefused where it is not."""
    if job.annotations.get(marks.REQUEST) != order.digest:
        raise ValueRefused(f"this Idempotency-Key stands for the Job {job.name}, which was asked for otherwise")
    return Launched(definition=job.definition or order.definition, name=job.name, created=False)


def _mark(rendered: Rendered, order: Order, definition: Definition) -> None:
    """Put the caller's labels on the Job, and what makes the same request known again."""
    metadata = rendered.manifest.setdefault("metadata", {})
    own = metadata.get("labels") or {}
    _check_labels(order.labels, own, definition.name)
    labels, annotations = dict(order.labels), {marks.REQUEST: order.digest, marks.SUBMITTED_BY: order.by}
    if order.again is not None:
        labels[marks.RERUN_OF] = annotations[marks.RERUN_OF] = order.again.job
    metadata["labels"] = own | labels
    metadata["annotations"] = (metadata.get("annotations") or {}) | annotations


def _check_labels(labels: Mapping[str, str], own: Mapping[str, str], definition: str) -> None:
    if len(labels) > MAX_LABELS:
        raise ValueRefused(f"{len(labels)} labels, and at most {MAX_LABELS} are taken")
    for name, value in labels.items():
        if not _LABEL_NAME.fullmatch(name) or not _LABEL_VALUE.fullmatch(value):
            raise ValueRefused(f"{name[:64]!r}: {value[:64]!r} is no label that Kubernetes takes")
        if name in {marks.MANAGED_BY, marks.ANCESTOR_DEFINITION} or _RESERVED.fullmatch(name):
            raise ValueRefused(f"the label {name[:64]} is not the caller's to set")
        if name in own:
            raise ValueRefused(f"the label {name[:64]} is set by the definition {definition}")
