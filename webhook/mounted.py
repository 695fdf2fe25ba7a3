"""The receiver as an ASGI application within somebody else's."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from .compose import running
from .quiet import as_library
from .settings import load
from .web.rooted import Rooted
from .web.server import bind


@asynccontextmanager
async def application(environ: Mapping[str, str] | None = None) -> AsyncIterator[Rooted]:
    """Run a receiver for as long as the block is open, and give its ASGI application, to be mounted anywhere.

    It is a whole one: it follows Jobs and delivers completions. Its callers and their rights are jobhook.yaml's, as
    ever; HOST and PORT have no meaning, and the bounds on slow and large headers are the outer server's.

    Args:
        environ: variables by name (docs/configuration.md); None for the process's own.

    Raises:
        ConfigurationError: settings, definitions or the cluster cannot be had as configured.
    """
    as_library()
    environ = os.environ if environ is None else environ
    # No request comes by this port: while it is ours, it makes this replica's name its own on this machine.
    listener = bind("127.0.0.1", 0)
    try:
        async with running(load(environ), listener, environ=environ) as receiver:
            yield Rooted(receiver.app)
    finally:
        listener.close()
