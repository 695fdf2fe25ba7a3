"""Run the application: a socket, uvicorn with our protocol, and an end that loses no request."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from ..errors import ConfigurationError
from .protocol import BoundedProtocol

GRACE = 6
"""Seconds that requests under way may still take after the order to stop; the whole stop stays below ten."""

HEADER_SECONDS = 10.0
BACKLOG = 2048


class _Server(uvicorn.Server):
    """uvicorn without its own signals: it raises them again before the cluster could be left in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Listen on an address; port 0 takes a free one.

    Raises:
        ConfigurationError: the address cannot be had; says which variable to change.
    """
    listener: socket.socket | None = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        if listener is not None:
            listener.close()
        reason = error.strerror or str(error)
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {reason}; set HOST and PORT to a free address"
        ) from error
    listener.setblocking(False)
    return listener


async def serve(app: ASGIApp, listener: socket.socket, *, header_bytes: int, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then finish the requests under way, for at most `GRACE` seconds.

    Args:
        app: the application; its lifespan is not used.
        listener: bound and listening; closed at the end.
        header_bytes: cap of a request's header section.
        stop: the order to stop.
    """
    config = uvicorn.Config(
        app,
        loop="none",
        http=BoundedProtocol.bounded(header_bytes=header_bytes, header_seconds=HEADER_SECONDS),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config)

    async def order() -> None:
        await stop.wait()
        server.should_exit = True

    ordered = asyncio.ensure_future(order())
    try:
        await server.serve(sockets=[listener])
    finally:
        ordered.cancel()
        listener.close()


@contextlib.contextmanager
def stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set `stop` at SIGTERM or SIGINT; a second SIGINT ends the process at once."""
    loop = asyncio.get_running_loop()

    def order(number: int) -> None:
        if stop.is_set() and number == signal.SIGINT:
            loop.remove_signal_handler(number)
            signal.raise_signal(number)
        stop.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, order, number)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
