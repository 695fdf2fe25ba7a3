"""`jobhook dev`: a receiver for one person on one machine; loopback only, no cluster, nothing to configure."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from .. import logs
from ..compose import Running, running
from ..errors import ConfigurationError
from ..events import Event
from ..main import run as run_loop
from ..settings import Caller, Right, Settings, Sink, Source, load
from ..web.inbox import Inbox
from ..web.server import bind, serve, stopped_by_signals

HOST = "127.0.0.1"
SOURCE = "demo"
MISUSED = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A receiver on this machine: where it is, and how to speak to it.

    Attributes:
        token_file: of a caller who may do all.
        secret_file: of the source `demo`, which speaks GitHub's scheme.
    """

    url: str
    token_file: Path
    secret_file: Path

    @property
    def token(self) -> str:
        """The bearer token."""
        return self.token_file.read_text(encoding="ascii").strip()

    @property
    def secret(self) -> bytes:
        """The webhook secret."""
        return self.secret_file.read_bytes().strip()


def run(environ: Mapping[str, str], *, definitions: Path | None, port: int) -> int:
    """Serve until Ctrl-C, and answer the exit code."""
    logs.configure(stream=sys.stderr)
    console = Console()
    try:
        settings = settings_for(environ, definitions=definitions)
        run_loop(_serve(settings, port, console))
    except ConfigurationError as error:
        for line in str(error).splitlines():
            console.print(f"jobhook dev: {line}", style="red", markup=False, highlight=False)
        return MISUSED
    return 0


def settings_for(environ: Mapping[str, str], *, definitions: Path | None) -> Settings:
    """Read the settings as `serve` does, on the local cluster. Raises ConfigurationError."""
    settings = load({**environ, "JOBHOOK_CLUSTER": "local"})
    return settings if definitions is None else replace(settings, definitions=definitions, definitions_named=True)


@asynccontextmanager
async def receiver(settings: Settings, port: int, inbox: Inbox) -> AsyncIterator[tuple[Running, Place, socket.socket]]:
    """Run a receiver with a token, a source `demo` and a sink that is this process itself."""
    folder = settings.data.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    listener = bind(HOST, port)
    try:
        url = f"http://{HOST}:{listener.getsockname()[1]}"
        place = Place(url=url, token_file=_secret(folder / "dev-token"), secret_file=_secret(folder / "dev-secret"))
        ours = replace(
            settings,
            host=HOST,
            sources={**settings.sources, SOURCE: Source(scheme="github", secrets=(place.secret_file,))},
            callers=(*settings.callers, Caller(name="dev", tokens=(place.token_file,), may=frozenset(Right))),
            sinks=(
                *settings.sinks,
                Sink(name="inbox", url=f"{url}/inbox", headers={"authorization": f"Bearer {place.token}"}),
            ),
        )
        async with running(ours, listener, environ={}, routes=inbox.routes(), hosts=(HOST, "localhost")) as receiving:
            yield receiving, place, listener
    finally:
        listener.close()


async def _serve(settings: Settings, port: int, console: Console) -> None:
    def told(event: Event) -> None:
        data = event.data if isinstance(event.data, dict) else {}
        console.print(
            f"completion  {event.type}  {event.subject}"
            f"  exit code {data.get('exit_code')}  result {data.get('result')}",
            markup=False,
            soft_wrap=True,
            style="green" if ".succeeded." in event.type else "red",
        )

    stop = asyncio.Event()
    with stopped_by_signals(stop):
        async with receiver(settings, port, Inbox(told)) as (receiving, place, listener):
            _introduce(console, place, receiving)
            await serve(receiving.app, listener, header_bytes=settings.limits.headers, stop=stop)


def _introduce(console: Console, place: Place, receiving: Running) -> None:
    names = ", ".join(definition.name for definition in receiving.receiver.definitions()) or "none yet"
    shown = os.path.relpath(place.token_file), os.path.relpath(place.secret_file)
    console.print(f"jobhook dev on {place.url}   (Ctrl-C ends it)", style="bold", highlight=False)
    console.print(
        f"""  definitions   {names}
  Jobs          curl -H "authorization: Bearer $(cat {shown[0]})" {place.url}/jobs
  completions   curl -H "authorization: Bearer $(cat {shown[0]})" {place.url}/inbox
  CloudEvents   POST {place.url}/events  with that token
  GitHub        POST {place.url}/hooks/{SOURCE}  signed with the secret in {shown[1]}
""",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _secret(path: Path) -> Path:
    """Make a secret file that only its owner can read, once; a restart keeps it."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    return path
