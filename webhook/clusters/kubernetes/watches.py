"""All watches of one cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from ...metrics import Metrics
from ...ports import Seen
from .feed import Feed, T, W
from .pace import Pace, Timing
from .pulse import Pulses
from .transport import Transport
from .watch import Watch


class Watches:
    """What is followed, and how that goes."""

    def __init__(self, transport: Transport, metrics: Metrics, timing: Timing) -> None:
        self._transport, self._timing, self._pulses = transport, timing, Pulses(metrics)

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
