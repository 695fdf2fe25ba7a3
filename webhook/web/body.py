"""Read a request's body: against its cap, against the deadline, and within what the process holds at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from ..errors import ClusterUnavailable, MalformedEvent, TooLarge, TooSlow


class Budget:
    """The bytes of bodies that may be in memory at once; beyond it new ones are told to come again.

    A body counts with what its Content-Length declares, and grows where it was chunked.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0

    def take(self, count: int) -> None:
        """Hold `count` bytes more. Raises ClusterUnavailable where they do not fit: safe to send again."""
        if self._held + count > self._limit:
            raise ClusterUnavailable("too many request bodies at once; send it again", sent=False)
        self._held += count

    def give(self, count: int) -> None:
        """Let go of `count` bytes."""
        self._held -= count

    @property
    def held(self) -> int:
        """Bytes in memory now."""
        return self._held


@asynccontextmanager
async def body_of(request: Request, *, cap: int, deadline: float, budget: Budget) -> AsyncIterator[bytes]:
    """Read the whole body, and hold its bytes in the budget for as long as the context lasts.

    Args:
        request: not read yet.
        cap: bytes.
        deadline: by the running loop's clock, in seconds.
        budget: of the process.

    Raises:
        TooLarge: more than `cap`, by its declared length or by what came.
        TooSlow: not whole at the deadline.
        ClusterUnavailable: the budget is spent.
        MalformedEvent: the sender went away.
    """
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > cap:
        raise TooLarge(f"the body is larger than {cap} bytes")
    held = 0
    try:
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout_at(deadline):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > cap:
                        raise TooLarge(f"the body is larger than {cap} bytes")
                    budget.take(len(chunk))
                    held += len(chunk)
                    chunks.append(chunk)
        except TimeoutError:
            raise TooSlow("the body did not arrive in time") from None
        except ClientDisconnect:
            raise MalformedEvent("the sender went away before the body was whole") from None
        yield chunks[0] if len(chunks) == 1 else b"".join(chunks)
    finally:
        budget.give(held)
