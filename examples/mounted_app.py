"""A Starlette application of one's own, with jobhook's under /jobs-api.

JOBHOOK_CLUSTER=local JOB_DEFINITIONS_CONFIG_PATH=examples/definitions JOBHOOK_CONFIG=jobhook.yaml \
    python -m uvicorn --loop webhook.loop:Loop --app-dir examples mounted_app:app

jobhook.yaml says who may call (docs/configuration.md); then, with that caller's token:

JOBHOOK_URL=http://127.0.0.1:8000/jobs-api JOBHOOK_TOKEN_FILE=token jobhook submit greet --wait
"""

# ruff: noqa: INP001 - an example is one file

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from webhook import application


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Run the receiver for as long as the application runs: it follows Jobs and delivers their completions."""
    async with application() as jobhook:
        app.mount("/jobs-api", jobhook)
        yield


async def home(request: Request) -> Response:
    """Answer what this application is really about."""
    return PlainTextResponse(f"our own page; Jobs are at {request.base_url}jobs-api/jobs\n")


app = Starlette(routes=[Route("/", home)], lifespan=lifespan)
