"""A Job's output as the library gives it: one text with a header for each pod, or lines as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

from ..joblogs import AT_ONCE, Line, Logs, Wanted
from ..ports import Jobs

FOOTER = "=======\n"


def wanted(*, limit: int | None, container: str | None, since: datetime | None, follow: bool) -> Wanted:
    """What of a Job's output is wanted.

    Raises:
        ValueError: a limit below one line, or a moment without a time zone.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit={limit}: at least one line, or None for all")
    if since is not None and since.tzinfo is None:
        raise ValueError("since: give the moment a time zone, such as datetime.now(UTC)")
    return Wanted(container=container, tail=limit, since=since, follow=follow)


async def text(jobs: Jobs, name: str, choice: Wanted) -> str:
    """All of it, pod by pod. Raises NotFound."""
    logs = await Logs.of(jobs, name, choice, streams=asyncio.Semaphore(AT_ONCE))
    pods: dict[str, dict[str, bytearray]] = {}
    async with aclosing(logs.chunks()) as chunks:
        async for chunk in chunks:
            pod, container = chunk.source
            said = pods.setdefault(pod, {}).setdefault(container, bytearray())
            said += chunk.data or (f"({chunk.problem})\n".encode() if chunk.problem else b"")
    return "".join(_pod(pod, containers) for pod, containers in pods.items())


def _pod(pod: str, containers: dict[str, bytearray]) -> str:
    parts = []
    for container, said in containers.items():
        whole = said.decode("utf-8", "replace")
        title = f"Pod: {pod}\n" if len(containers) == 1 else f"Pod: {pod}, container: {container}\n"
        parts.append(title + whole + ("\n" if whole and not whole.endswith("\n") else "") + FOOTER)
    return "".join(parts)


async def follow(jobs: Jobs, name: str, choice: Wanted) -> AsyncGenerator[Line, None]:
    """Its lines until the Job has ended. Raises NotFound."""
    streams = asyncio.Semaphore(AT_ONCE)
    logs = await Logs.of(jobs, name, choice, streams=streams)
    async with aclosing(logs.lines(streams=streams)) as lines:
        async for line in lines:
            yield line
