"""One body, one name: what launched under a type that only an unsigned header told launches under no other.

docs/webhooks.md, "Once", says what that is worth.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from weakref import WeakValueDictionary

import structlog

from . import identity
from .definitions import DefinitionSet
from .errors import ClusterUnavailable
from .events import Arrival
from .follow import Follower
from .ports import Remembers

log = structlog.get_logger(__name__)

_Parts = tuple[str, str, str]
_Name = tuple[str | None, bool]
"""A type, and whether only an unsigned header told it."""

MAX_RECENT = 8_192
"""Launches of this process, kept until the watch has surely told of their Jobs: some 2 MB."""
SILENCE = timedelta(minutes=3)
"""Without a sign of life for so long, the watch is broken: a mute one is begun anew after 75 s."""


class OneName:
    """Implement `ports.Names` from the Jobs that are followed and the ledger: its questions cost no call.

    Args:
        follower: tells of the Jobs that there are.
        memory: tells of those that there were.
        definitions: the current set.
        doors: the prefix of the types that each source brings, by its name.
    """

    def __init__(
        self,
        follower: Follower,
        memory: Remembers,
        *,
        definitions: Callable[[], DefinitionSet],
        doors: Mapping[str, str],
    ) -> None:
        self._follower, self._memory, self._definitions, self._doors = follower, memory, definitions, doors
        self._recent: OrderedDict[_Parts, tuple[_Name, ...]] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._set: DefinitionSet | None = None
        self._within_reach: dict[str, tuple[str, ...]] = {}

    def note(self, arrival: Arrival) -> None:
        """Keep an event's type in mind until the watch tells of its Jobs; only declared sources' events need that."""
        if arrival.via not in self._doors:
            return
        # Not by its label, which takes a hash: nearly every event comes here, and few are asked for.
        parts, name = _parts(arrival), (arrival.event.type, arrival.loose)
        if name not in (before := self._recent.get(parts, ())):
            self._recent[parts] = (*before, name)
        if len(self._recent) > MAX_RECENT:
            self._recent.popitem(last=False)

    async def doubted(self, arrival: Arrival, *, deadline: float) -> bool:
        """Whether an event whose body tells its type may have been launched under another, that only a header told.

        Raises:
            ClusterUnavailable: that cannot be known by `deadline`.
        """
        if arrival.via not in self._doors:
            return False
        key = identity.event_key(*_parts(arrival))
        # What may take time comes first: from here to the launch's note nothing else may happen.
        if not self._follower.synced or await self._memory.remembers(key, deadline=deadline):
            return True
        label = identity.event_label(key)
        return label in self._turns or any(loose for _, loose in self._names(arrival, label))

    @asynccontextmanager
    async def turn(self, arrival: Arrival, *, deadline: float) -> AsyncIterator[bool]:
        """Have one event to itself within this process, and tell whether it was launched under another type only.

        Raises:
            ClusterUnavailable: that cannot be known by `deadline`.
        """
        label = _label(arrival)
        lock = self._turns.setdefault(label, asyncio.Lock())
        try:
            async with asyncio.timeout_at(deadline):
                await lock.acquire()
        except TimeoutError as error:
            raise ClusterUnavailable("the same body is being launched by another request", sent=False) from error
        try:
            yield await self._relabelled(arrival, label, deadline)
        finally:
            lock.release()

    async def _relabelled(self, arrival: Arrival, label: str, deadline: float) -> bool:
        event = arrival.event
        await self._listed(deadline)
        # The same event once more: its Jobs may be gone, and some of them may never have been made.
        if self._is_named(arrival, label) or await self._was_launched_so(arrival, deadline):
            return False
        if arrival.loose:
            launched = await self._was_launched(arrival, deadline)
        else:  # one body may honestly have several names that are not loose
            launched = await self._memory.remembers(identity.event_key(*_parts(arrival)), deadline=deadline)
        if self._is_named(arrival, label):  # the ledger may have had to be listed meanwhile
            return False
        known = [type_ for type_, loose in self._names(arrival, label) if loose or arrival.loose]
        if not (known or launched):
            return False
        told = sorted({type_ for type_ in known if type_})
        log.warning("event.relabelled", event_id=event.id, type=event.type, via=arrival.via, known_as=told)
        return True

    def _names(self, arrival: Arrival, label: str) -> frozenset[_Name]:
        """Under what an event's Jobs are there, or are being made."""
        return self._follower.types_of(label).union(self._recent.get(_parts(arrival), ()))

    def _is_named(self, arrival: Arrival, label: str) -> bool:
        return any(type_ == arrival.event.type for type_, _ in self._names(arrival, label))

    async def _was_launched_so(self, arrival: Arrival, deadline: float) -> bool:
        """Whether the ledger knows a Job of this event under its very type."""
        event = arrival.event
        key = identity.typed_key(arrival.via, event.source, arrival.identity, event.type)
        return await self._memory.remembers(key, deadline=deadline)

    async def _was_launched(self, arrival: Arrival, deadline: float) -> bool:
        """Whether the ledger knows a Job of this event, by any definition that could have been called."""
        for name in self._callable_by(arrival.via):
            key = identity.job_key(name, arrival.via, arrival.event.source, arrival.identity)
            if await self._memory.remembers(key, deadline=deadline):
                return True
        return False

    async def _listed(self, deadline: float) -> None:
        """Return where the index is whole and of now. Raises ClusterUnavailable."""
        if not self._follower.synced:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._follower.wait_synced()
            except TimeoutError as error:
                raise ClusterUnavailable("the Jobs have not been listed yet", sent=False) from error
        if (age := self._follower.age()) is not None and age > SILENCE:
            raise ClusterUnavailable(f"the Jobs have not been heard of for {age.total_seconds():.0f} s", sent=False)

    def _callable_by(self, door: str) -> tuple[str, ...]:
        if self._set is not (current := self._definitions()):
            self._set = current
            self._within_reach = {name: current.within_reach(name, prefix) for name, prefix in self._doors.items()}
        return self._within_reach.get(door, ())


def _parts(arrival: Arrival) -> _Parts:
    return arrival.via, arrival.event.source, arrival.identity


def _label(arrival: Arrival) -> str:
    return identity.event_label(identity.event_key(*_parts(arrival)))
