"""The `Records` port over the store."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ...errors import Conflict, ManifestRefused, NotFound
from ...ports import Record, RecordChange
from ..texts import text_of, texts
from . import recordrows, syntax, tables
from .feed import Feed, Source, follow
from .recordrows import bears
from .store import Store
from .tables import Stored, Transaction

MAX_DATA = 1024 * 1024
"""Bytes of all values together, as of a ConfigMap."""
PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRecords:
    """One space of records of this machine.

    Attributes:
        namespace: the one that this machine has; templates of others are not there.
    """

    store: Store
    feed: Feed[Record]
    space: str
    namespace: str
    signature: str
    now: Callable[[], datetime]

    async def create(self, record: Record) -> Record:
        """Store a new record."""
        _check(record)
        new = replace(record, created=self.now())

        def change(transaction: Transaction) -> Record:
            if recordrows.named(transaction.connection, self.space, record.name):
                raise Conflict(f'the record "{record.name}" already exists')
            return self._put(transaction, new)

        return await self.store.write(change)

    async def read(self, name: str) -> Record:
        """Read one."""
        found = await self.store.read(lambda c: recordrows.get(c, self.space, name, self.signature))
        if found is None:
            raise NotFound(f'the record "{name}" was not found')
        return found

    async def replace(self, record: Record) -> Record:
        """Store a record in the place of the one of that name and version."""
        _check(record)

        def change(transaction: Transaction) -> Record:
            old = self._ours(transaction, record.name)
            _expect(old, record.version)
            if old.immutable:
                raise Conflict(f'the record "{record.name}" is immutable')
            return self._put(transaction, replace(record, created=old.created))

        return await self.store.write(change)

    async def own(self, name: str, owner: tuple[str, str]) -> None:
        """Make a Job the owner; where that Job is gone already, the record goes too."""

        def change(transaction: Transaction) -> None:
            old = self._ours(transaction, name)
            job = tables.get_job(transaction.connection, owner[0])
            if job is None or job.job.uid != owner[1]:
                recordrows.delete(transaction, self.space, old)
            elif old.owner != owner:
                self._put(transaction, replace(old, owner=owner))

        await self.store.write(change)

    async def list(self, labels: Mapping[str, str] | None = None, *, data: bool = True) -> Sequence[Record]:
        """All our records that bear `labels`, by name."""
        found = await self._page(labels or {}, "", -1)
        return found if data else [replace(record, data={}) for record in found]

    async def follow(self, labels: Mapping[str, str] | None = None) -> AsyncIterator[RecordChange]:
        """Follow our records that bear `labels`."""
        selected = labels or {}

        async def page(name: str) -> Sequence[Stored[Record]]:
            found = await self._page(selected, name, PAGE)
            return [Stored(self.space, record.name, int(record.version), record) for record in found]

        source = Source(page=page, selected=lambda record: bears(record, selected), ping=self._ping)
        changes = follow(self.feed, source)
        async with contextlib.aclosing(changes) as steps:
            async for seen, record in steps:
                yield RecordChange(seen, record)

    async def delete(self, name: str, *, version: str | None = None) -> None:
        """Delete one."""

        def change(transaction: Transaction) -> None:
            old = self._ours(transaction, name)
            _expect(old, old.version if version is None else version)
            recordrows.delete(transaction, self.space, old)

        await self.store.write(change)

    async def template(self, namespace: str, name: str, key: str) -> str:
        """Read one key of a record, ours or not."""
        found = await self._named(namespace, name)
        text = text_of(found, key) if found else None
        if text is None:
            raise NotFound(f"{namespace}/{name} ({key}): this machine has no such record; use spec or spec_path")
        return text

    async def follow_template(self, namespace: str, name: str, key: str) -> AsyncGenerator[str | None]:
        """Follow one key of a record, ours or not."""

        async def page(after: str) -> Sequence[Stored[Record]]:
            found = None if after else await self._named(namespace, name)
            return [Stored(self.space, name, int(found.version), found)] if found else []

        def selected(record: Record) -> bool:
            return (self.namespace, record.name) == (namespace, name)

        source = Source(page=page, selected=selected, ping=self._ping)
        changes = follow(self.feed, source)
        async with contextlib.aclosing(texts(changes, key)) as told:
            async for text in told:
                yield text

    async def _page(self, labels: Mapping[str, str], after: str, limit: int) -> Sequence[Record]:
        return await self.store.read(
            lambda c: recordrows.select(c, self.space, self.signature, labels=labels, after=after, limit=limit)
        )

    async def _named(self, namespace: str, name: str) -> Record | None:
        if namespace != self.namespace:
            return None
        return await self.store.read(lambda c: recordrows.named(c, self.space, name))

    async def _ping(self) -> None:
        await self.store.read(lambda connection: connection.execute("SELECT 1").fetchone())

    def _ours(self, transaction: Transaction, name: str) -> Record:
        found = recordrows.get(transaction.connection, self.space, name, self.signature)
        if found is None:
            raise NotFound(f'the record "{name}" was not found')
        return found

    def _put(self, transaction: Transaction, record: Record) -> Record:
        return recordrows.put(transaction, self.space, record, managed_by=self.signature)


def _expect(record: Record, version: str) -> None:
    if record.version != version:
        raise Conflict(f'the record "{record.name}" has been modified; read it again')


def _check(record: Record) -> None:
    problems = syntax.label_problems(record.labels) + syntax.annotation_problems(record.annotations)
    if problem := syntax.dns_subdomain(record.name):
        problems.append(f"name: {problem}")
    problems += [f"key {key[:80]!r}: {_KEY_RULE}" for key in record.data if not _is_key(key)]
    if (size := sum(map(len, record.data.values()))) > MAX_DATA:
        problems.append(f"Too long: {size} bytes; may not be more than {MAX_DATA} bytes")
    if problems:
        raise ManifestRefused(f'ConfigMap "{record.name[:80]}" is invalid: {"; ".join(problems)}')


_KEY_RULE = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"


def _is_key(text: str) -> bool:
    return len(text) <= 253 and text not in {".", ".."} and bool(syntax.DATA_KEY.fullmatch(text))
