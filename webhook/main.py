"""The process: settings, logs, the event loop, and an end in good order."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog

from . import __version__, logs
from .compose import running
from .errors import ClusterError, ConfigurationError, NotPermitted
from .settings import Settings, load
from .web.server import bind, stopped_by_signals
from .web.server import serve as serve_app

log = structlog.get_logger(__name__)

BROKEN = 1
"""Exit code where the cluster, or a part of the process, does not do what it should; another start may."""
MISUSED = 2
"""Exit code for a configuration that cannot be used."""


def serve(environ: Mapping[str, str] = os.environ) -> int:
    """Serve until told to stop, and answer the process's exit code."""
    logs.configure()
    try:
        settings = load(environ)
        return run(serve_settings(settings, environ))
    except ConfigurationError as error:
        for line in str(error).splitlines():
            print(f"jobhook: {line}", file=sys.stderr)  # noqa: T201 # said to a person before anything runs
        return MISUSED
    except ClusterError as error:
        # Only a start asks on its own: for templates in ConfigMaps, without which there are no definitions.
        print(f"jobhook: definitions: {error}; {_remedy(error)}", file=sys.stderr)  # noqa: T201 # same
        return BROKEN
    except KeyboardInterrupt:
        return 130


def _remedy(error: ClusterError) -> str:
    if isinstance(error, NotPermitted):
        return "grant `get` on the ConfigMap by its name (docs/deploy.md, Definitions)"
    return "start again when the API server answers, or keep the templates in files"


def run(work: object) -> int:
    """Run a coroutine to its end on uvloop, where there is one."""
    try:
        from .loop import Loop
    except ImportError:
        factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    else:
        factory = Loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)  # type: ignore[arg-type]


async def serve_settings(settings: Settings, environ: Mapping[str, str]) -> int:
    """Serve by settings until a signal, or until a part of the receiver has broken."""
    listener = bind(settings.host, settings.port)
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        async with running(settings, listener, environ=environ, stop=stop) as receiver:
            _calm_collector()
            if settings.cluster == "kubernetes":
                _take_turns()
            host, port = listener.getsockname()[:2]
            log.info("serving", version=__version__, host=host, port=port, cluster=settings.cluster)
            for warning in settings.warnings:
                log.warning("configuration", warning=warning)
            watching = asyncio.create_task(_stop_when_failed(receiver.failed, stop))
            await serve_app(receiver.app, listener, header_bytes=settings.limits.headers, stop=stop)
            watching.cancel()
            log.info("stopping")
    log.info("stopped")
    return BROKEN if receiver.failed.is_set() else 0


async def _stop_when_failed(failed: asyncio.Event, stop: asyncio.Event) -> None:
    await failed.wait()
    stop.set()


def _calm_collector() -> None:
    """Keep what is loaded out of the garbage collector's way: p99 at 32 connections falls from 66 to 16 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _take_turns() -> None:
    """Wake up behind who is at work, and interrupt nobody: what comes meanwhile is done in one go (sched(7)).

    Where an API server has the same two cores, an event takes less of them; an idle core is had at once. Not where Jobs
    run beside us, as they would inherit it.
    """
    if not hasattr(os, "SCHED_BATCH") or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return  # no Linux; or the operator has said otherwise
    with suppress(OSError):  # a sandbox may forbid it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
