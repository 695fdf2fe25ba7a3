"""`jobhook render`: the manifest that a definition makes of an event, or of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from .. import identity
from ..checking import NoEvent
from ..checking.shown import Shown, show
from ..definitions import Definition, DefinitionSet
from ..errors import DefinitionError, ValueRefused
from ..events import Arrival
from ..payloads import record
from ..rendering import mount, render, render_submit
from ..routing import match
from .places import FOUND, MISUSED, OK, event_of, read


class NoDefinition(NoEvent):
    """There is none of that name."""


def run(
    environ: Mapping[str, str],
    name: str,
    event: Path | None,
    *,
    definitions: Path | None,
    sent_as: str | None,
    via: str | None,
    params: Sequence[str],
) -> int:
    """Print the manifest, and answer the exit code: 1 where the values are refused."""
    if event is not None and params:
        return _misused("an event or parameters, not both")
    try:
        definition = _find(read(environ, definitions), name)
        arrival = event_of(event, sent_as=sent_as, via=via) if event is not None else None
        shown = _submitted(definition, params) if arrival is None else _called(definition, arrival)
    except ValueRefused as error:
        _say(f"refused: {error}")
        return FOUND
    except (DefinitionError, NoEvent) as error:
        return _misused(str(error))
    # typer takes the colours out again where the output is no terminal.
    typer.echo("".join(typer.style(text, fg="yellow") if ours else text for text, ours in shown.pieces()), nl=False)
    return OK


def _find(known: DefinitionSet, name: str) -> Definition:
    definition = known.get(name)
    if definition is None:
        raise NoDefinition(f"there is no definition {name}; there are {', '.join(known.names) or 'none'}")
    return definition


def _called(definition: Definition, arrival: Arrival) -> Shown:
    routed = match(DefinitionSet((definition,)), arrival)
    if not routed.definitions:
        _say(f"{definition.name} does not take this event; see: jobhook match")
    rendered = render(definition, arrival)
    key = identity.job_key(definition.name, arrival.via, arrival.event.source, arrival.identity)
    job = identity.job_name(definition.name, key)
    if rendered.payload is not None:
        beside = record(job, rendered.payload)
        mount(rendered.manifest, beside.name)
        _say(f"the event has {len(rendered.payload)} bytes, and will be in the ConfigMap {beside.name}")
    metadata = rendered.manifest.setdefault("metadata", {})
    rendered.manifest["metadata"] = {"name": job, **metadata}
    return show(definition, rendered, arrival.event)


def _submitted(definition: Definition, params: Sequence[str]) -> Shown:
    values: dict[str, Any] = {}
    for param in params:
        name, equals, value = param.partition("=")
        if not equals:
            raise NoEvent(f"{param} is no parameter; write name=value")
        values[name] = value
    return show(definition, render_submit(definition, values), None)


def _misused(text: str) -> int:
    _say(text)
    return MISUSED


def _say(text: str) -> None:
    typer.echo(f"jobhook render: {text}", err=True)
