"""A real HTTP sink on a free port that records what came and misbehaves on demand."""

import asyncio

from aiohttp import web


class SinkServer:
    """Answer each POST by the next of `plan`, then by 202; record all that was asked.

    A step of the plan is a status, a (status, headers, body), "hang", or "reset".
    """

    def __init__(self):
        self.plan, self.seen, self.taken = [], [], []
        self.arrived = asyncio.Event()
        self._release = asyncio.Event()

    async def __aenter__(self):
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/in"
        return self

    async def __aexit__(self, *exc):
        self._release.set()
        await self._runner.cleanup()

    def release(self):
        """Let those that hang go on, to be taken."""
        self._release.set()

    @property
    def ids(self):
        """The ids that were taken, in order."""
        return [headers.get("ce-id") for headers, _ in self.taken]

    async def _answer(self, request):
        body = await request.read()
        record = (dict(request.headers), body)
        self.seen.append((request.method, request.path, *record))
        self.arrived.set()
        step = self.plan.pop(0) if self.plan else 202
        if step == "reset":
            request.transport.abort()
            return web.Response()
        if step == "hang":
            await self._release.wait()
            step = 202
        status, headers, text = step if isinstance(step, tuple) else (step, {}, b"")
        if 200 <= status < 300:
            self.taken.append(record)
        return web.Response(status=status, headers=headers, body=text)
