"""All watches of one cluster: over collections, and over objects by their names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from ...metrics import Metrics
from ...ports import Seen
from .feed import Feed, T, W
from .named import NamedWatch
from .pace import Pace, Timing
from .pulse import Pulses
from .transport import Transport
from .watch import Watch

MOST_NAMED = 25
"""Connections that watches by name may hold, of the hundred that there are: launches need the others."""


class Watches:
    """What is followed, and how that goes."""

    def __init__(self, transport: Transport, metrics: Metrics, timing: Timing) -> None:
        self._transport, self._timing, self._pulses = transport, timing, Pulses(metrics)
        # There may be thousands of names: together they ask no more often than one collection's watch does.
        self._pace, self._seats = Pace(timing, 0.0), asyncio.Semaphore(MOST_NAMED)

    @property
    def problems(self) -> Sequence[str]:
        """Why watches that go on hear nothing."""
        return self._pulses.problems

    async def follow(self, resource: str, feed: Feed[W, T]) -> AsyncGenerator[tuple[Seen, T | None]]:
        """Follow a collection without end; `resource` is its name in metrics and log."""
        with self._pulses.of(resource) as pulse:
            pace = Pace(self._timing, asyncio.get_running_loop().time())
            watch = Watch(self._transport, feed, timing=self._timing, pulse=pulse, pace=pace)
            async with aclosing(watch.walk()) as steps:
                async for step in steps:
                    yield step

    async def follow_named(self, resource: str, feed: Feed[W, T], name: str) -> AsyncGenerator[tuple[Seen, T | None]]:
        """Follow one object of a collection by its name, whether it is there or not, as `follow`."""
        with self._pulses.of(resource) as pulse:
            watch = NamedWatch(
                self._transport,
                feed.named(name),
                name,
                timing=self._timing,
                pulse=pulse,
                pace=self._pace,
                seats=self._seats,
            )
            async with aclosing(watch.walk()) as steps:
                async for step in steps:
                    yield step
