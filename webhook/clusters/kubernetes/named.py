"""A watch over one object by its name: it needs the rights to `get` and to `watch` that name, and no `list`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from ...errors import Expired, NotFound, NotPermitted
from ...ports import Seen
from .answers import read
from .call import Call
from .feed import Feed, T, W
from .pace import Pace, Timing
from .pulse import Pulse
from .transport import Transport
from .watch import Watch

log = structlog.get_logger(__name__)


class NamedWatch(Watch[W, T]):
    """One walk along an object, there or not: it is read, then watched.

    The watch begins without a resourceVersion, with the object as it is: the object's own may be older than what the
    server still knows (410, on and on, for an object that nobody changes), and a collection's takes a list. Where a
    watch may not be, because of rights or because all `seats` are taken, the object is read again after a while.
    """

    def __init__(
        self,
        transport: Transport,
        feed: Feed[W, T],
        name: str,
        *,
        timing: Timing,
        pulse: Pulse,
        pace: Pace,
        seats: asyncio.Semaphore,
    ) -> None:
        super().__init__(transport, feed, timing=timing, pulse=pulse, pace=pace)
        self._name, self._seats = name, seats
        self._there = False  # when it was read
        self._stood = False  # there was no seat, and it was said

    async def _listing(self) -> AsyncGenerator[tuple[Seen, T | None]]:
        """Read the object: a list of one or none."""
        yield Seen.LISTING, None
        await self._turn()
        try:
            body = await self._transport.send(Call(verb="get", path=f"{self._feed.path}/{self._name}"))
            found = read(body, self._feed.wire)
        except NotFound:
            found = None
        if found is not None:
            yield Seen.PRESENT, self._feed.value(found)
        self._there, self._version, self._missed, self._listed = found is not None, "", False, True
        yield Seen.SYNCED, None

    async def _changes(self) -> AsyncGenerator[tuple[Seen, T | None]]:
        """One watch, or a wait instead of it."""
        if self._seats.locked():
            await self._stand()
            return
        async with self._seats:
            try:
                async with aclosing(super()._changes()) as steps:
                    async for step in steps:
                        yield step
            except NotPermitted as error:
                self._listed = False
                raise NotPermitted(f"{error}; until then it is read now and then") from error

    def _step(self, line: bytes) -> tuple[Seen, T | None] | None:
        begins = not self._version
        step = super()._step(line)
        if step and begins and self._there and step[0] is Seen.ALIVE:
            # What is there comes before the first bookmark.
            raise Expired(f"watch {self._feed.path}: {self._name} went before the watch began")
        return step

    async def _stand(self) -> None:
        self._pulse.heard()
        self._failures = 0
        if not self._stood:
            self._stood = True
            log.warning("watch.read_instead", path=self._feed.path, name=self._name, reason="too many watches by name")
        await asyncio.sleep(self._random.uniform(self._timing.limit / 2, self._timing.limit))
        self._listed = False
