"""The application: routes over one `Receiver`, every exception answered by the table."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from ..errors import JobhookError
from ..metrics import Counter
from . import api, doors, operations
from .handshake import handshake
from .hosts import OwnHosts
from .problems import problem, problem_of
from .protocol import began
from .receiver import Receiver

log = structlog.get_logger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
Routes = Sequence[BaseRoute]


class Application(Starlette):
    """Starlette, with a way past its layers for the doors that events come by.

    Its routing in order and its two layers of exceptions take a quarter of a small request; the doors' paths are few
    and known, and `_answered` leaves no exception to be caught.
    """

    def __init__(self, *, shortcuts: Mapping[str, tuple[Endpoint, dict[str, str]]], **options: Any) -> None:
        super().__init__(**options)
        self._shortcuts = shortcuts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        shortcut = self._shortcuts.get(scope["path"]) if scope.get("method") == "POST" else None
        if shortcut is None:
            await super().__call__(scope, receive, send)
            return
        endpoint, params = shortcut
        scope["app"], scope["path_params"] = self, params
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)


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
        *api.TABLE,
        ("/cleanup", operations.cleanup, "POST"),
        ("/healthz", operations.alive, "GET"),
        ("/readyz", operations.ready, "GET"),
        ("/metrics", operations.metrics, "GET"),
    ]
    if receiver.origins:  # else 405: nobody is granted anything, so there is no handshake (webhook 1.0.2 §4)
        table += [("/", handshake, "OPTIONS"), ("/events", handshake, "OPTIONS")]
    answered = [(path, _answered(receiver, path, endpoint), method) for path, endpoint, method in table]
    app = Application(
        # With hosts to be looked at, every request goes the long way.
        shortcuts={} if hosts is not None else _shortcuts(receiver, {path: one for path, one, _ in answered[:3]}),
        routes=[*(Route(path, endpoint, methods=[method]) for path, endpoint, method in answered), *routes],
        middleware=[] if hosts is None else [Middleware(OwnHosts, hosts=hosts)],
        exception_handlers={HTTPException: _http_problem, Exception: _fault},
    )
    app.router.redirect_slashes = False  # a sender is never sent elsewhere, least of all to what its Host header says
    app.state.receiver = receiver
    return app


def _answered(receiver: Receiver, path: str, endpoint: Endpoint) -> Endpoint:
    """Turn our exceptions into answers, and count and time every answer."""
    seconds = receiver.metrics.answer_seconds.labels(path)
    answers: dict[int, Counter] = {}  # by status, found once: prometheus looks labels up under a lock

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
        status = response.status_code
        if (count := answers.get(status)) is None:
            count = answers[status] = receiver.metrics.requests.labels(path, status)
        count.inc()
        return response

    return answered


def _shortcuts(receiver: Receiver, answered: Mapping[str, Endpoint]) -> dict[str, tuple[Endpoint, dict[str, str]]]:
    """The doors by their whole paths, each with its path's parameters."""
    hooks = {f"/hooks/{name}": (answered["/hooks/{source}"], {"source": name}) for name in receiver.sources}
    return hooks | {path: (answered[path], {}) for path in ("/", "/events")}


async def _http_problem(request: Request, error: Exception) -> Response:
    """Answer what Starlette refuses by itself: no such route, not this method."""
    if not isinstance(error, HTTPException):
        raise TypeError(type(error))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers = {"allow": ", ".join(_methods(request))}  # Starlette's own names only the methods of one route
    return problem(error.status_code, headers=headers)


def _methods(request: Request) -> list[str]:
    """The methods of all routes of a path."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in matching for method in route.methods or ()})


async def _fault(request: Request, error: Exception) -> Response:
    """Answer a fault outside of every route; it goes on, into the server's log."""
    del request, error
    return problem(500)
