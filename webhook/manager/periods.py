"""Do something again and again, beside what an open block does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

log = structlog.get_logger(__name__)


@asynccontextmanager
async def every(seconds: float, work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Do `work` at once and then every so many seconds, its own time included, until the block is left."""

    async def again() -> None:
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            try:
                await work()
            except Exception:  # whatever it was, the next round may do better; who opened the block is elsewhere
                log.exception("round.failed")
            await asyncio.sleep(max(0.0, seconds - (clock() - began)))

    task = asyncio.create_task(again(), name="manager.every")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
