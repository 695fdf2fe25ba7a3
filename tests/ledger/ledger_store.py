"""A faithful store of records in memory, with a clock of its own, a history, a watch that can be silenced, and faults."""

import asyncio
import itertools
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from webhook.errors import ClusterUnavailable, Conflict, NotFound
from webhook.ledger import keys
from webhook.ports import RecordChange, Seen

START = datetime(2026, 1, 1, 12, 0, 0, 400_000, tzinfo=UTC)


class Clock:
    """Time that passes when told."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds

    @property
    def now(self):
        return START + timedelta(seconds=self.seconds)

    def advance(self, period):
        self.seconds += period.total_seconds() if isinstance(period, timedelta) else period


class Crash(BaseException):
    """The process ends here: nothing catches this."""


class MemoryRecords:
    """Implement the parts of `webhook.ports.Records` that the ledger uses, as an API server does them."""

    def __init__(self, clock):
        self.clock, self.held, self.calls, self.lists = clock, {}, [], 0
        self.history = []  # (moment, present, name, record)
        self.mute = False  # followers hear nothing
        self.down = False  # nothing is answered
        self.slow = None  # a list waits for this event
        self._versions, self._queues = itertools.count(1), []

    async def create(self, record):
        await self._call("create", record.name)
        if record.name in self.held:
            raise Conflict(record.name)
        # The API server's creationTimestamp has no fractions; bytes are copied as by a network.
        data = {name: bytes(bytearray(value)) for name, value in record.data.items()}
        created = self.clock.now.replace(microsecond=0)
        record = replace(record, data=data, version=str(next(self._versions)), created=created)
        self.held[record.name] = record
        self._tell(Seen.PRESENT, record)
        return record

    async def delete(self, name, *, version=None):
        await self._call("delete", name)
        if name not in self.held:
            raise NotFound(name)
        if version not in {None, self.held[name].version}:
            raise Conflict(name)
        self._tell(Seen.GONE, self.held.pop(name))

    async def list(self, labels=None):
        self.lists += 1
        await self._call("list", None)
        found = self._selected(labels)
        if self.slow is not None:
            await self.slow.wait()
        return found

    async def follow(self, labels=None):
        queue = asyncio.Queue()
        self._queues.append(queue)
        try:
            yield RecordChange(Seen.LISTING)
            for record in self._selected(labels):
                yield RecordChange(Seen.PRESENT, record)
            yield RecordChange(Seen.SYNCED)
            while True:
                yield await queue.get()
        finally:
            self._queues.remove(queue)

    def alive(self):
        """Send a bookmark to all who follow."""
        self._say(RecordChange(Seen.ALIVE))

    @property
    def followers(self):
        return len(self._queues)

    def keys_of(self, names=None):
        """All entries that are stored now."""
        return {entry for record in self.held.values() for entry in keys.unpack(record.data["keys"])}

    async def _call(self, verb, name):
        self.calls.append((verb, name))
        await asyncio.sleep(0)
        if self.down:
            raise ClusterUnavailable("down")

    def _selected(self, labels):
        wanted = (labels or {}).items()
        return [self.held[name] for name in sorted(self.held) if wanted <= self.held[name].labels.items()]

    def _tell(self, seen, record):
        self.history.append((self.clock.now, seen is Seen.PRESENT, record))
        if not self.mute:
            self._say(RecordChange(seen, record))

    def _say(self, change):
        for queue in self._queues:
            queue.put_nowait(change)


class Faulty:
    """The same store as one process sees it that ends at its n-th call: before the store acted, or after."""

    def __init__(self, store, *, at, after):
        self._store, self._left, self._after = store, at, after

    async def create(self, record):
        return await self._through(self._store.create(record))

    async def delete(self, name, *, version=None):
        return await self._through(self._store.delete(name, version=version))

    async def list(self, labels=None):
        return await self._through(self._store.list(labels))

    async def _through(self, call):
        self._left -= 1
        if self._left == 0 and not self._after:
            call.close()
            raise Crash
        answer = await call
        if self._left == 0:
            raise Crash
        return answer


def presence(history):
    """When each entry was in the store, as (from, to) without gaps; `to` is None where it still is."""
    spans, since, holders = defaultdict(list), {}, defaultdict(int)
    for moment, present, record in history:
        for entry in keys.unpack(record.data["keys"]):
            holders[entry] += 1 if present else -1
            if present and holders[entry] == 1:
                since[entry] = moment
            elif holders[entry] == 0:
                spans[entry].append((since.pop(entry), moment))
    for entry, moment in since.items():
        spans[entry].append((moment, None))
    return spans
