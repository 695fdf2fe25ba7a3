"""Small named records, as ConfigMaps of one namespace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from ... import marks
from ...errors import ClusterUnavailable, Conflict, JobExists, ManifestRefused, NotFound
from ...json import dump
from ...ports import Record, RecordChange
from ..texts import text_of, texts
from .answers import read
from .call import JSON, JSON_PATCH, METADATA_LIST, Call
from .configmaps import ConfigMap, ConfigMapList, owner_reference, read_record, write_record
from .feed import Feed
from .names import WRITE, is_name, selector
from .transport import Transport
from .watches import Watches

TRIES = 5
_POINTER = "/metadata/labels/" + marks.MANAGED_BY.replace("~", "~0").replace("/", "~1")
"""To our label, as RFC 6901 writes it."""


class KubernetesRecords:
    """`ports.Records` over `transport`."""

    def __init__(self, transport: Transport, watches: Watches, *, namespace: str, signature: str) -> None:
        self._transport, self._watches, self._signature = transport, watches, signature
        self._path = _path(namespace)

    async def create(self, record: Record) -> Record:
        """Store a new record. Raises Conflict, ManifestRefused."""
        body = dump(write_record(record, signature=self._signature))
        try:
            answer = await self._transport.send(Call(verb="create", path=self._path, query=WRITE, body=body))
        except JobExists as error:
            raise Conflict(str(error)) from error
        return read_record(read(answer, ConfigMap))

    async def read(self, name: str) -> Record:
        """Read one. Raises NotFound."""
        wire = read(await self._transport.send(Call(verb="get", path=self._at(name))), ConfigMap)
        if (wire.metadata.labels or {}).get(marks.MANAGED_BY) != self._signature:
            raise NotFound(f"{name}: no such record of ours")
        return read_record(wire)

    async def replace(self, record: Record) -> Record:
        """Store a record in the place of the one of that version. Raises NotFound, Conflict."""
        await self._at_version(record.name, record.version)
        body = dump(write_record(record, signature=self._signature))
        call = Call(verb="update", path=self._at(record.name), query=WRITE, body=body)
        return read_record(read(await self._transport.send(call), ConfigMap))

    async def _at_version(self, name: str, version: str) -> None:
        """Make sure that what has this version is ours: then the API server's own comparison does the rest."""
        if (await self.read(name)).version != version:
            raise Conflict(f"{name}: it has another version by now")

    async def own(self, name: str, owner: tuple[str, str]) -> None:
        """Make a Job the owner. Raises NotFound."""
        patch = [
            {"op": "test", "path": _POINTER, "value": self._signature},
            {"op": "add", "path": "/metadata/ownerReferences", "value": [owner_reference(owner)]},
        ]
        call = Call(verb="patch", path=self._at(name), query=WRITE, body=dump(patch), content_type=JSON_PATCH)
        try:
            await self._transport.send(call)
        except ManifestRefused as error:  # the test failed: it is not ours
            raise NotFound(f"{name}: no such record of ours") from error

    async def list(self, labels: Mapping[str, str] | None = None, *, data: bool = True) -> Sequence[Record]:
        """All our records that bear `labels`."""
        query = {"labelSelector": selector(self._signature, labels), "limit": "500"}
        found: list[Record] = []
        while True:
            call = Call(verb="list", path=self._path, query=query, accept=JSON if data else METADATA_LIST)
            page = read(await self._transport.send(call), ConfigMapList)
            found.extend(read_record(item) for item in page.items or ())
            if not page.metadata.after:
                return found
            query["continue"] = page.metadata.after

    async def follow(self, labels: Mapping[str, str] | None = None) -> AsyncGenerator[RecordChange]:
        """Follow without end."""
        feed = Feed(self._path, {"labelSelector": selector(self._signature, labels)}, ConfigMap, read_record)
        steps = self._watches.follow("configmaps", feed)
        async with aclosing(steps):
            async for seen, record in steps:
                yield RecordChange(seen, record)

    async def delete(self, name: str, *, version: str | None = None) -> None:
        """Delete one. Raises NotFound, Conflict."""
        if version is not None:
            await self._at_version(name, version)
            await self._delete(name, version)
            return
        for _ in range(TRIES):
            seen = await self.read(name)
            try:
                await self._delete(name, seen.version)
            except Conflict:
                continue
            return
        raise ClusterUnavailable(f"delete {name}: others change it all the time", sent=False)

    async def _delete(self, name: str, version: str) -> None:
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"resourceVersion": version}}
        await self._transport.send(Call(verb="delete", path=self._at(name), body=dump(options)))

    async def template(self, namespace: str, name: str, key: str) -> str:
        """Read one key of a ConfigMap that is not ours. Raises NotFound."""
        if not is_name(namespace) or not is_name(name):
            raise NotFound(f"{namespace[:80]!r}/{name[:80]!r}: no such ConfigMap")
        found = read(await self._transport.send(Call(verb="get", path=f"{_path(namespace)}/{name}")), ConfigMap)
        text = text_of(read_record(found), key)
        if text is None:
            raise NotFound(f"ConfigMap {namespace}/{name}: no key {key[:80]!r} with text")
        return text

    async def follow_template(self, namespace: str, name: str, key: str) -> AsyncGenerator[str | None]:
        """Follow one key of a ConfigMap that is not ours, by get and watch of its name."""
        if not is_name(namespace) or not is_name(name):
            yield None
            await asyncio.Event().wait()  # nothing can ever have that name
        feed = Feed(_path(namespace), {}, ConfigMap, read_record)
        steps = self._watches.follow_named("templates", feed, name)
        async with aclosing(texts(steps, key)) as told:
            async for text in told:
                yield text

    def _at(self, name: str) -> str:
        if not is_name(name):
            raise NotFound(f"{name[:80]!r}: no such record of ours")
        return f"{self._path}/{name}"


def _path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"
