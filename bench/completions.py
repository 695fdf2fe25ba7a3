"""How soon a completion is at its sink: Jobs of a real API server, ended one at a time while nothing else happens."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import uvloop
from aiohttp import web

from . import contenders, real
from .building import Tools
from .contenders import Site
from .machine import Trouble, free_port
from .planting import end, entered, plant, settle

PAUSE = (0.1, 0.3)
"""Seconds between two Jobs, at random, so that they do not beat time with what the API server does every 100 ms."""
WARM = 5
"""Jobs before those that count."""
PATIENCE = 20.0
"""Seconds that one completion is waited for."""
QUIET = 120.0


@dataclass(frozen=True, slots=True)
class Prompt:
    """Completions that came, in milliseconds.

    Attributes:
        ended: of the PATCH that ended each Job, to its answer.
        told: from that answer until the sink had the whole event.
    """

    ended: Sequence[float]
    told: Sequence[float]

    @property
    def whole(self) -> Sequence[float]:
        """From the PATCH's sending: what `told` can be at most, however late the answer was."""
        return [ended + told for ended, told in zip(self.ended, self.told, strict=True)]


@dataclass(slots=True)
class Sink:
    """Takes events, and notes when it had each whole, by the Job that it tells of."""

    came: dict[str, float] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        await request.read()
        self.came.setdefault(request.headers["ce-subject"], time.perf_counter())
        self._news.set()
        return web.Response(status=202)

    async def wait(self, name: str) -> float:
        """When it came. Raises Trouble."""
        try:
            async with asyncio.timeout(PATIENCE):
                while name not in self.came:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise Trouble(f"no completion of {name} within {PATIENCE:.0f} s") from None
        return self.came[name]


def prompt(tools: Tools, *, count: int) -> Prompt:
    """End so many Jobs, one after the other. Raises Trouble."""
    with real.cluster(real.tools_folder()) as api, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_prompt(tools, api, count + WARM))


async def _prompt(tools: Tools, api: real.Cluster, count: int) -> Prompt:
    place, ended, told = api.field("completions"), [], []
    async with entered(place) as session, _listening() as (sink, url):
        names = await plant(session, place, count)
        await settle(session, place, seconds=QUIET)
        site = Site(tools=tools, kubeconfig=api.kubeconfig, namespace=place.namespace, core=None)
        with contenders.jobhook(site, more={"sinks": [{"name": "bench", "url": url}]}):
            for name in names:
                began = time.perf_counter()
                await end(session, place, name, at=datetime.now(UTC))
                answered = time.perf_counter()
                ended.append((answered - began) * 1000)
                told.append((await sink.wait(name) - answered) * 1000)
                await asyncio.sleep(random.uniform(*PAUSE))
    return Prompt(ended[WARM:], told[WARM:])


@asynccontextmanager
async def _listening() -> AsyncIterator[tuple[Sink, str]]:
    sink, app, port = Sink(), web.Application(), free_port()
    app.router.add_post("/", sink.take)
    serving = web.AppRunner(app, access_log=None)
    await serving.setup()
    try:
        await web.TCPSite(serving, "127.0.0.1", port).start()
        yield sink, f"http://127.0.0.1:{port}/"
    finally:
        await serving.cleanup()
