"""`jobhook demo`: the way of one event, shown step by step on this machine."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.syntax import Syntax

from .. import logs
from ..errors import ConfigurationError, JobhookError
from ..events import Event, envelope
from ..json import dump, load
from ..main import run as run_loop
from ..settings import Settings
from ..web.inbox import Inbox
from ..web.server import serve, stopped_by_signals
from .dev import MISUSED, Place, receiver, settings_for

PATIENCE = 30.0
"""Seconds that the Job of the demonstration may take."""


class DemoFailed(JobhookError):
    """A step of the demonstration did not go as it should; the message says which, and what came instead."""


def run(environ: Mapping[str, str], *, definitions: Path | None) -> int:
    """Show it, and answer the exit code: 0 where the completion came."""
    logs.configure(level="warning", stream=sys.stderr)
    console = Console(soft_wrap=True, highlight=False)
    began = time.monotonic()
    try:
        settings = settings_for(environ, definitions=definitions)
        with tempfile.TemporaryDirectory(prefix="jobhook-demo-") as folder:
            run_loop(_demo(replace(settings, data=Path(folder)), console))
    except ConfigurationError as error:
        console.print(f"jobhook demo: {error}", style="red", markup=False)
        return MISUSED
    except DemoFailed as error:
        console.print(f"jobhook demo: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    console.print(f"\nDone in {time.monotonic() - began:.1f} s. What to try next:", style="bold")
    console.print(_NEXT, markup=False)
    return 0


async def _demo(settings: Settings, console: Console) -> None:
    inbox, stop = Inbox(), asyncio.Event()
    with stopped_by_signals(stop):
        async with receiver(settings, 0, inbox) as (receiving, place, listener):
            serving = asyncio.create_task(
                serve(receiving.app, listener, header_bytes=settings.limits.headers, stop=stop)
            )
            try:
                names = ", ".join(definition.name for definition in receiving.receiver.definitions())
                console.print(f"1. jobhook serves on {place.url}; its definitions: {names}", style="bold")
                async with asyncio.timeout(PATIENCE):
                    await _show(console, place, inbox)
            except TimeoutError:
                raise DemoFailed(f"no completion within {PATIENCE:.0f} s") from None
            except aiohttp.ClientError as error:
                raise DemoFailed(f"the receiver did not answer: {error}") from error
            finally:
                stop.set()
                await serving


async def _show(console: Console, place: Place, inbox: Inbox) -> None:
    authorization = {"authorization": f"Bearer {place.token}"}
    async with aiohttp.ClientSession(place.url) as session:
        body, headers = _push(place.secret)
        console.print(f"\n2. A signed GitHub push ({len(body)} bytes) is posted to /hooks/demo", style="bold")
        async with session.post("/hooks/demo", data=body, headers=headers) as response:
            answer = load(await response.read())
            console.print(f"   {response.status} {dump(answer).decode()}", markup=False)
            if response.status != 202 or not answer["jobs"]:
                raise DemoFailed("no definition launched a Job for a push to main; is one `on` com.github.push?")
        name = answer["jobs"][0]["name"]
        console.print(f"\n3. The Job {name} runs as a process of this machine", style="bold")
        event = await inbox.wait_for(lambda event: event.subject == name)
        async with session.get(f"/jobs/{name}", headers=authorization) as response:
            _describe(console, load(await response.read()))
        async with session.get(f"/jobs/{name}/logs", headers=authorization) as response:
            console.print("   its log:", style="bold")
            console.print("\n".join(f"   | {line}" for line in (await response.text()).splitlines()), markup=False)
        console.print("\n4. Its completion event arrived at the demo sink", style="bold")
        console.print(Syntax(_readable(event), "json", background_color="default", word_wrap=True))
        async with session.post("/hooks/demo", data=body, headers=headers) as response:
            console.print("\n5. The same push once more: the same Job, and no second one", style="bold")
            console.print(f"   {response.status} {(await response.read()).decode()}", markup=False)


def _describe(console: Console, job: dict[str, Any]) -> None:
    console.print(f"   {job['state']} ({job['reason']}), {job['started']} to {job['finished']}", markup=False)


def _readable(event: Event) -> str:
    import json  # indented, for people; nowhere else

    return json.dumps(envelope(event), indent=2, ensure_ascii=False)


def _push(secret: bytes) -> tuple[bytes, dict[str, str]]:
    """A push as GitHub sends it: of a commit of its own, with the signature over its bytes."""
    sample = load(resources.files(__package__).joinpath("samples/github-push.json").read_bytes())
    sample["after"] = sample["head_commit"]["id"] = secrets.token_hex(20)
    body = dump(sample)
    signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return body, {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/0000000",
        "x-github-event": "push",
        "x-github-delivery": str(uuid.uuid4()),
        "x-hub-signature-256": f"sha256={signature}",
    }


_NEXT = """  make dev                 keep it running: edit definitions/, send events of your own
  definitions/             the three examples; each says what it is for
  docs/configuration.md    sources, sinks, callers, limits
  README.md                point GitHub, or any CloudEvents source, at it"""
