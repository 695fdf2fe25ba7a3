"""A sink for a laptop, which only `jobhook dev` has: `POST /inbox` takes completions, `GET /inbox` shows them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..events import Event, decode, envelope
from ..json import dump
from .body import body_of
from .receiver import receiver_of

KEPT = 100
"""Events in memory; the oldest goes first."""


class Inbox:
    """The last events that came, and word of each to one listener."""

    def __init__(self, told: Callable[[Event], None] | None = None) -> None:
        self._told = told
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._arrived = asyncio.Condition()

    def routes(self) -> list[Route]:
        """The two routes, for the application."""
        return [Route("/inbox", self._take, methods=["POST"]), Route("/inbox", self._show, methods=["GET"])]

    async def wait_for(self, wanted: Callable[[Event], bool]) -> Event:
        """Return the first event that is wanted, as soon as it has come."""
        async with self._arrived:
            while True:
                if found := next((event for event in self._events if wanted(event)), None):
                    return found
                await self._arrived.wait()

    async def _take(self, request: Request) -> Response:
        receiver = receiver_of(request)
        await receiver.allow(request, "events")
        deadline = receiver.deadline(request)
        async with body_of(request, cap=receiver.body_limit, deadline=deadline, budget=receiver.budget) as body:
            events = decode(request.scope["headers"], body).events
        async with self._arrived:
            for event in events:
                self._events.append(event)
                if self._told is not None:
                    self._told(event)
            self._arrived.notify_all()
        return Response(status_code=202)

    async def _show(self, request: Request) -> Response:
        await receiver_of(request).allow(request, "read")
        return Response(dump([envelope(event) for event in self._events]), media_type="application/json")
