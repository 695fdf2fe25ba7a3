"""What is known of sinks that are not declared here: removed ones, whose dead letters are still owed, and new ones.

Each replica writes down the sinks that it was started with, in one record of the receiver's own namespace. So a sink
that was removed still has its dead letter, and a replica with yesterday's configuration does not give up, during a
rollout, what another was configured to deliver. Nothing of it stands on the Jobs, which others may write: an address
that we post to comes from the operator.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog

from .. import json, times
from ..errors import ClusterError, Conflict, NotFound
from ..ports import Record, Records
from .target import Target

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=60)
"""How often the record is read again: by then a replica with another configuration may have started."""
GRACE = timedelta(minutes=5)
"""How long a sink that nobody has written down yet is waited for, from the Job's first claim on."""
UNREAD = timedelta(hours=24)
"""How long it is waited for where the record cannot be read at all."""
AGAIN = timedelta(seconds=5)
"""Before the record is tried again that could not be read."""
KEY = "sinks.json"

Memento = Mapping[str, json.Value]
"""What is to be kept of a declared sink, so that its dead letter can be sent without it."""


class Removed(Protocol):
    """What there is to know of sinks that are not declared here."""

    def decided(self, name: str, *, since: datetime, now: datetime) -> bool:
        """Whether it is certain that a sink was removed, and is not one of a newer configuration."""
        ...

    def target(self, name: str) -> Target | None:
        """Its dead letter; None where it had none."""
        ...


class Forgotten:
    """Nothing is known: what is not declared was removed, and had no dead letter."""

    def decided(self, name: str, *, since: datetime, now: datetime) -> bool:
        """Yes."""
        del name, since, now
        return True

    def target(self, name: str) -> Target | None:
        """None."""
        del name
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    seen: datetime
    memento: Memento


class Remembered:
    """The sinks that were ever declared; `run` keeps them."""

    def __init__(
        self,
        records: Records,
        declared: Mapping[str, Memento],
        *,
        signature: str,
        restore: Callable[[str, Memento], Awaitable[Target | None]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._records, self._declared, self._restore, self._now = records, declared, restore, now
        # Two installations may share a namespace; a signature may hold what no name of a record does.
        self._name = f"jobhook-sinks-{hashlib.sha256(signature.encode()).hexdigest()[:12]}"
        self._started = now()
        self._kept: Mapping[str, _Kept] | None = None
        self._targets: dict[str, tuple[_Kept, Target | None]] = {}

    def decided(self, name: str, *, since: datetime, now: datetime) -> bool:
        """Yes, once the record was read: where a sink was last declared before this process's start."""
        if self._kept is None:
            return now - since >= UNREAD
        kept = self._kept.get(name)
        return now - since >= GRACE if kept is None else kept.seen < self._started

    def target(self, name: str) -> Target | None:
        """Its dead letter, as it was last declared."""
        return self._targets[name][1] if name in self._targets else None

    async def run(self) -> None:
        """Write the declared sinks down, and read what others wrote, until cancelled."""
        while True:
            try:
                await self.look()
            except ClusterError as error:
                log.warning("sinks.not_remembered", error=str(error))
            await asyncio.sleep((AGAIN if self._kept is None else EVERY).total_seconds())

    async def look(self) -> None:
        """Do that once. Raises ClusterError."""
        while True:
            record = await self._read()
            kept = _load(record)
            ours = {
                name: _Kept(seen=self._started, memento=memento)
                for name, memento in self._declared.items()
                if name not in kept or (kept[name].seen < self._started and self._kept is None)
            }
            try:
                if ours:
                    await self._write(replace(record, data={KEY: _dump({**kept, **ours})}))
                break
            except Conflict:
                continue  # another replica was faster: read what it wrote
        everything = {**kept, **ours}
        for name, one in everything.items():
            if name not in self._declared and (name not in self._targets or self._targets[name][0] != one):
                self._targets[name] = one, await self._restore(name, one.memento)
        self._kept = everything

    async def _read(self) -> Record:
        try:
            return await self._records.read(self._name)
        except NotFound:
            return Record(name=self._name, data={})

    async def _write(self, record: Record) -> None:
        await (self._records.replace(record) if record.version else self._records.create(record))


def _dump(kept: Mapping[str, _Kept]) -> bytes:
    return json.dump({name: {"seen": times.show(one.seen), "sink": one.memento} for name, one in kept.items()})


def _load(record: Record) -> dict[str, _Kept]:
    """What the record holds; a spoiled one holds nothing, and is written anew."""
    try:
        held: dict[str, Any] = json.load(record.data[KEY])
        return {name: _Kept(seen=times.parse(one["seen"]), memento=one["sink"]) for name, one in held.items()}
    except (AttributeError, KeyError, TypeError, ValueError, json.NotJson):
        return {}
