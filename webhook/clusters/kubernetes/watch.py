"""A watch that does not end: lists, watches, resumes, and lists again where it must."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Generic

from ...errors import ClusterError, ClusterUnavailable, Expired
from ...json import NotJson, as_type
from ...ports import Seen
from ..objects import ListMeta
from .call import Call
from .feed import Failure, Feed, T, W
from .lines import Lines
from .pace import Pace, Timing, wait_after
from .pulse import Pulse
from .transport import Transport
from .verdicts import judge


class Watch(Generic[W, T]):
    """One walk along a feed, from its first list on."""

    def __init__(self, transport: Transport, feed: Feed[W, T], *, timing: Timing, pulse: Pulse, pace: Pace) -> None:
        self._transport, self._feed = transport, feed
        self._timing, self._pulse, self._pace = timing, pulse, pace
        self._listed = False  # and the watch can go on from there
        self._version = ""
        self._failures = 0
        self._missed = False  # something was skipped since the list
        self._hollow = False  # the last watch was taken, and brought no line
        self._random = random.Random()  # noqa: S311 - spreads load, keeps no secret

    async def walk(self) -> AsyncGenerator[tuple[Seen, T | None]]:
        """Walk without end; every fault is waited out."""
        while True:
            try:
                steps = self._changes() if self._listed else self._listing()
                async with aclosing(steps):
                    async for step in steps:
                        yield step
            except ClusterError as error:
                await self._setback(error)

    async def _listing(self) -> AsyncGenerator[tuple[Seen, T | None]]:
        """Every object there is; the watch goes on from the list's resourceVersion."""
        yield Seen.LISTING, None
        after, self._missed = "", False
        while True:
            meta, items = await self._page(after)
            for item in items:
                yield Seen.PRESENT, self._feed.value(item)
            if not meta.after:
                break
            if meta.after == after:
                raise ClusterUnavailable(f"list {self._feed.path}: a page names itself as the next")
            after = meta.after
        if not meta.resource_version:
            raise ClusterUnavailable(f"list {self._feed.path}: a list without a resourceVersion")
        self._version, self._listed = meta.resource_version, True
        yield Seen.SYNCED, None

    async def _page(self, after: str) -> tuple[ListMeta, Sequence[W]]:
        query = {**self._feed.query, "limit": str(self._timing.page)}
        if after:
            query["continue"] = after
        else:
            await self._turn()
        body = await self._transport.send(Call(verb="list", path=self._feed.path, query=query))
        try:
            meta, items, broken = self._feed.page(body)
        except NotJson as error:
            raise ClusterUnavailable(f"list {self._feed.path}: not understood: {error}") from error
        if broken:
            self._pulse.skipped(broken)
        if not items and meta.after:
            await self._turn()  # a page that brings nothing must not make a loop
        return meta, items

    async def _changes(self) -> AsyncGenerator[tuple[Seen, T | None]]:
        """One watch from `_version` to its end. Raises ClusterUnavailable where it brought nothing."""
        await self._turn()
        lines, heard = Lines(), _now()
        async with self._transport.stream(self._call()) as stream:
            if not self._hollow:
                self._pulse.heard()
            self._hollow = True
            while piece := await stream.read(max(0.0, heard + self._timing.silence - _now())):
                for line in filter(None, lines.feed(piece)):
                    if step := self._step(line):
                        # Only what is understood counts: a proxy that dribbles is as good as silent.
                        heard, self._failures, self._hollow = _now(), 0, False
                        self._pulse.heard()
                        self._transport.heard()
                        yield step
        if self._missed:
            self._listed = False  # a change may have been in what was skipped
        if self._hollow:
            raise ClusterUnavailable(f"watch {self._feed.path}: it ended without a line")

    def _call(self) -> Call:
        query = {
            **self._feed.query,
            **({"resourceVersion": self._version} if self._version else {}),
            "watch": "1",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(self._random.randint(self._timing.shortest, self._timing.longest)),
        }
        return Call(verb="watch", path=self._feed.path, query=query)

    def _step(self, line: bytes) -> tuple[Seen, T | None] | None:
        """Read a line; None where it says nothing. Raises what an ERROR line means."""
        try:
            event = self._feed.line(line)
        except NotJson:
            self._complain(line)
            return None
        if event.type == "ERROR":  # a Status has next to nothing that a Job must have, and may be read as one
            self._complain(line)
            return None
        version = event.object.metadata.resource_version
        if event.type not in {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"} or not version:
            self._miss()
            return None
        self._version = version
        if event.type == "BOOKMARK":
            return Seen.ALIVE, None
        return (Seen.GONE if event.type == "DELETED" else Seen.PRESENT), self._feed.value(event.object)

    def _complain(self, line: bytes) -> None:
        """Raise what an ERROR line means; any other was broken."""
        with suppress(NotJson):
            failure = as_type(line, Failure)
            if failure.type == "ERROR":
                status = failure.object
                raise judge("watch", status.code or 500, status, about=f"watch {self._feed.path}")
        self._miss()

    def _miss(self) -> None:
        self._missed = True
        self._pulse.skipped()

    async def _setback(self, error: ClusterError) -> None:
        """Count a failure, decide from where to go on, and wait."""
        self._failures += 1
        self._pulse.failed(error)
        if isinstance(error, Expired) or self._failures % self._timing.failures == 0:
            self._listed = False
        if isinstance(error, Expired) and self._failures == 1:
            return  # time alone did that: the list can begin now
        asked = error.retry_after if isinstance(error, ClusterUnavailable) else None
        await asyncio.sleep(wait_after(self._failures, asked=asked, timing=self._timing, draw=self._random.uniform))

    async def _turn(self) -> None:
        await asyncio.sleep(self._pace.take(_now()))


def _now() -> float:
    """Seconds by the event loop's clock."""
    return asyncio.get_running_loop().time()
