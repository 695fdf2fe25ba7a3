"""The least that Starlette on uvicorn can do with a body: read it, and answer. `python -m bench.peers.bare PORT`."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def hook(request: Request) -> Response:
    await request.body()
    return Response(status_code=202)


async def ready(request: Request) -> Response:
    del request
    return Response()


app = Starlette(routes=[Route("/hooks/github", hook, methods=["POST"]), Route("/readyz", ready)])

if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
