"""Read a request's body: against its cap, against the deadline, and within what the process holds at once."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.types import Receive

from ..errors import ClusterUnavailable, MalformedEvent, TooLarge, TooSlow
from .protocol import WHOLE


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


class Body:
    """One body; `async with` reads it, and holds its bytes in the budget. A class, as a generator costs twice that."""

    __slots__ = ("_budget", "_cap", "_deadline", "_held", "_receive", "_whole")

    def __init__(self, receive: Receive, *, whole: bool, cap: int, deadline: float, budget: Budget) -> None:
        self._receive, self._whole = receive, whole
        self._cap, self._deadline, self._budget = cap, deadline, budget
        self._held = 0

    async def __aenter__(self) -> bytes:
        try:
            if self._whole:
                return await self._read()  # without a timer: there is nothing to wait for
            async with asyncio.timeout_at(self._deadline):
                return await self._read()
        except TimeoutError:
            self._let_go()
            raise TooSlow("the body did not arrive in time") from None
        except BaseException:
            self._let_go()
            raise

    async def __aexit__(self, *failure: object) -> None:
        self._let_go()

    async def _read(self) -> bytes:
        chunks: list[bytes] = []
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise MalformedEvent("the sender went away before the body was whole")
            chunk, more = message.get("body", b""), message.get("more_body", False)
            if self._held + len(chunk) > self._cap:
                raise TooLarge(f"the body is larger than {self._cap} bytes")
            self._budget.take(len(chunk))
            self._held += len(chunk)
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _let_go(self) -> None:
        self._budget.give(self._held)
        self._held = 0


def body_of(request: Request, *, cap: int, deadline: float, budget: Budget) -> Body:
    """Read the whole body on entering, and hold its bytes in the budget for as long as the context lasts.

    Args:
        request: not read yet.
        cap: bytes.
        deadline: by the running loop's clock, in seconds.
        budget: of the process.

    Raises:
        TooLarge: more than `cap`, by its declared length or, on entering, by what came.
        TooSlow: not whole at the deadline.
        ClusterUnavailable: the budget is spent.
        MalformedEvent: the sender went away.
    """
    scope = request.scope
    whole = scope.get(WHOLE, False)
    for name, value in () if whole else scope["headers"]:  # what is here needs nobody's word for its size
        if name == b"content-length" and value.isdigit() and int(value[:20]) > cap:
            raise TooLarge(f"the body is larger than {cap} bytes")
    return Body(request.receive, whole=whole, cap=cap, deadline=deadline, budget=budget)
