"""Run the application: a socket, uvicorn with our protocol, and an end that loses no request."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from ..errors import ConfigurationError
from .protocol import BoundedProtocol

GRACE = 6
"""Seconds that requests under way may still take after the order to stop; the whole stop stays below ten."""

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
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {reason}; set HOST and PORT to a free address"
        ) from error
    listener.setblocking(False)
    return listener


async def serve(
    app: ASGIApp, listener: socket.socket, *, header_bytes: int, stopping: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way; a second SIGINT does not wait for them.

    Args:
        app: the application; its lifespan is not used.
        listener: bound and listening.
        header_bytes: cap of a request's header section.
        stopping: called once when the order to stop has come.
    """
    config = uvicorn.Config(
        app,
        loop="none",
        http=BoundedProtocol.bounded(header_bytes=header_bytes, header_seconds=10.0),
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
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if server.should_exit and number == signal.SIGINT:
            server.force_exit = True
        elif not server.should_exit:
            server.should_exit = True
            stopping()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    try:
        await server.serve(sockets=[listener])
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        listener.close()
