"""The application: routes over one `Receiver`, every exception answered by the table."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from ..errors import JobhookError
from . import doors, jobs, operations, redelivery
from .handshake import handshake
from .hosts import OwnHosts
from .problems import problem, problem_of
from .protocol import began
from .receiver import Receiver

log = structlog.get_logger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
Application = Starlette
Routes = Sequence[BaseRoute]


def build(receiver: Receiver, *, routes: Routes = (), hosts: Sequence[str] | None = None) -> Application:
    """Make the ASGI application of a receiver.

    Args:
        receiver: its collaborators.
        routes: further ones.
        hosts: the names by which it may be called (against DNS rebinding); None for any.
    """
    table = [
        ("/", doors.events, "POST"),
        ("/events", doors.events, "POST"),
        ("/hooks/{source}", doors.hook, "POST"),
        ("/jobs", jobs.list_jobs, "GET"),
        ("/jobs/{name}", jobs.describe_job, "GET"),
        ("/jobs/{name}/logs", jobs.job_log, "GET"),
        ("/jobs/{name}/redeliver", redelivery.redeliver, "POST"),
        ("/cleanup", operations.cleanup, "POST"),
        ("/healthz", operations.alive, "GET"),
        ("/readyz", operations.ready, "GET"),
        ("/metrics", operations.metrics, "GET"),
    ]
    if receiver.origins:  # else 405: nobody is granted anything, so there is no handshake (webhook 1.0.2 §4)
        table += [("/", handshake, "OPTIONS"), ("/events", handshake, "OPTIONS")]
    app = Starlette(
        routes=[
            *(Route(path, _answered(receiver, path, endpoint), methods=[method]) for path, endpoint, method in table),
            *routes,
        ],
        middleware=[] if hosts is None else [Middleware(OwnHosts, hosts=hosts)],
        exception_handlers={HTTPException: _http_problem, Exception: _fault},
    )
    app.router.redirect_slashes = False  # a sender is never sent elsewhere, least of all to what its Host header says
    app.state.receiver = receiver
    return app


def _answered(receiver: Receiver, path: str, endpoint: Endpoint) -> Endpoint:
    """Turn our exceptions into answers, and count and time every answer."""
    seconds = receiver.metrics.answer_seconds.labels(path)
    requests = receiver.metrics.requests

    async def answered(request: Request) -> Response:
        clock = asyncio.get_running_loop().time
        start = began(request.scope, clock())
        try:
            response = await endpoint(request)
        except JobhookError as error:
            response = problem_of(error)
            if response.status_code >= 500:
                log.error("request.failed", route=path, status=response.status_code, reason=str(error))
            else:
                log.info("request.refused", route=path, status=response.status_code, reason=str(error))
        except Exception:  # a fault of ours: nothing of it goes out, all of it into the log
            log.exception("request.fault", route=path)
            response = problem(500)
        seconds.observe(clock() - start)
        requests.labels(path, response.status_code).inc()
        return response

    return answered


async def _http_problem(request: Request, error: Exception) -> Response:
    """Answer what Starlette refuses by itself: no such route, not this method."""
    if not isinstance(error, HTTPException):
        raise TypeError(type(error))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["allow"] = ", ".join(_methods(request))
    return problem(error.status_code, headers=headers)


def _methods(request: Request) -> list[str]:
    """The methods of all routes of a path; Starlette names only those of the first."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in matching for method in route.methods or ()})


async def _fault(request: Request, error: Exception) -> Response:
    """Answer a fault outside of every route; it goes on, into the server's log."""
    del request, error
    return problem(500)
