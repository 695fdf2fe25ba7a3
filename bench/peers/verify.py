"""Verification and decoding alone, by jobhook's own code. `python -m bench.peers.verify PORT SECRET_FILE`."""

from __future__ import annotations

import asyncio
import gc
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webhook import logs
from webhook.errors import JobhookError
from webhook.settings import Source
from webhook.sources import declared
from webhook.web.app import Application
from webhook.web.body import Budget, body_of
from webhook.web.server import bind, serve

LARGEST = 2 * 1024 * 1024


def application(secret: Path) -> Application:
    source = declared({"github": Source(scheme="github", secrets=[secret])})["github"]
    budget = Budget(64 * 1024 * 1024)

    async def hook(request: Request) -> Response:
        deadline = asyncio.get_running_loop().time() + 8
        async with body_of(request, cap=LARGEST, deadline=deadline, budget=budget) as body:
            try:
                source.receive(request.scope["headers"], body, now=datetime.now(UTC))
            except JobhookError as error:
                return Response(str(error), status_code=401)
        return Response(status_code=202)

    async def ready(request: Request) -> Response:
        del request
        return Response()

    return Application(shortcuts={"/hooks/github": (hook, {})}, routes=[Route("/readyz", ready)])


async def main(port: int, secret: Path) -> None:
    app, listener = application(secret), bind("127.0.0.1", port)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # as `serve` does
    await serve(app, listener, header_bytes=32 * 1024, stop=asyncio.Event())


if __name__ == "__main__":
    logs.configure()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), Path(sys.argv[2])))
