"""Declared sinks → targets with open sessions; and what is written down of them for the time when they are not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

from .delivery import DeadLetter, Memento, Retry, Target
from .settings import Sink
from .sinks import HttpSink, Mode, SinkConfig


async def target_of(stack: AsyncExitStack, sink: Sink) -> Target:
    """Open a sink and its dead letter until the stack is left. Raises ConfigurationError."""
    config = SinkConfig(
        name=sink.name,
        url=sink.url,
        mode=Mode(sink.mode),
        headers=sink.headers,
        types=frozenset(sink.types or ()),
        timeout=sink.timeout,
        extensions=sink.extensions,
        secrets=sink.secrets,
        ca_certs=sink.ca_certs or "",
    )
    return Target(
        sink=await stack.enter_async_context(HttpSink(config)),
        retry=Retry(horizon=sink.retry.horizon, first=sink.retry.first, longest=sink.retry.longest),
        timeout=sink.timeout,
        dead_letter=await _dead_letter(stack, sink, destination(sink.url)) if sink.dead_letter else None,
    )


def mementos(sinks: Sequence[Sink]) -> dict[str, Memento]:
    """What is to be known of each sink once it is not declared any more; never its headers, nor a secret."""
    return {
        sink.name: {
            "destination": destination(sink.url),
            "dead_letter": sink.dead_letter,
            "mode": sink.mode,
            "extensions": dict(sink.extensions),
            "secrets": [str(path) for path in sink.secrets],
            "ca_certs": sink.ca_certs,
        }
        if sink.dead_letter
        else {}
        for sink in sinks
    }


async def restored(stack: AsyncExitStack, name: str, memento: Memento) -> Target | None:
    """Open the dead letter of a sink that is not declared any more; None where it had none.

    What was signed is signed still: where its secrets are not mounted any more, no letter goes out.
    """
    if not memento.get("dead_letter"):
        return None
    kept = {key: value for key, value in memento.items() if key != "destination"}
    secrets = tuple(Path(path) for path in kept.pop("secrets"))
    sink = Sink.model_validate({**kept, "name": name, "url": kept["dead_letter"], "secrets": secrets})
    letter = await _dead_letter(stack, sink, str(memento["destination"]))
    return Target(sink=None, timeout=sink.timeout, dead_letter=letter)


async def _dead_letter(stack: AsyncExitStack, sink: Sink, sent_to: str) -> DeadLetter:
    """A dead letter is sent, signed and trusted as its sink, but for the sink's headers: they may hold its password."""
    config = SinkConfig(
        name=f"{sink.name} (dead letter)",
        url=sink.dead_letter or "",
        mode=Mode(sink.mode),
        timeout=sink.timeout,
        extensions=sink.extensions,
        secrets=sink.secrets,
        ca_certs=sink.ca_certs or "",
    )
    return DeadLetter(sink=await stack.enter_async_context(HttpSink(config)), destination=sent_to)


def destination(url: str) -> str:
    """A sink's URL as a dead letter tells it to others: without its query, where passwords stand.

    >>> destination("http://bus.example:8080/in?key=hunter2")
    'http://bus.example:8080/in'
    """
    return urlsplit(url)._replace(query="", fragment="").geturl()
