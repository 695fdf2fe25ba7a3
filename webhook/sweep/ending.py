"""A sweep and the end of its process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from ..errors import ClusterUnavailable

T = TypeVar("T")

SOON = timedelta(seconds=5)
"""Until the replica that comes next is there."""


async def until(stop: asyncio.Event | None, work: Coroutine[Any, Any, T]) -> T:
    """Do the work, unless the order to stop comes first: then it is broken off, which it may be at any line.

    Raises:
        ClusterUnavailable: it was; the same order, given again, goes on.
    """
    if stop is None:
        return await work
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
    finally:
        for one in (task, stopped):
            one.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)
    raise ClusterUnavailable("the receiver is ending; the next cleanup goes on", retry_after=SOON)
