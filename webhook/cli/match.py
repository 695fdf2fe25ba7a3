"""`jobhook match`: which definitions an event calls, and rule by rule why not the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import typer

from ..checking import NoEvent
from ..definitions import Definition
from ..errors import DefinitionError
from ..events import Arrival
from ..json import dump
from ..routing import Asked, explain
from .places import FOUND, MISUSED, OK, event_of, read


def run(
    environ: Mapping[str, str],
    event: Path,
    *,
    definitions: Path | None,
    sent_as: str | None,
    via: str | None,
    as_json: bool,
) -> int:
    """Say which match, and answer the exit code: 1 where none does."""
    try:
        arrival = event_of(event, sent_as=sent_as, via=via)
        known = read(environ, definitions)
    except (DefinitionError, NoEvent) as error:
        typer.echo(f"jobhook match: {error}", err=True)
        return MISUSED
    answers = [_answer(definition, arrival) for definition in known]
    if as_json:
        typer.echo(dump({"event": _described(arrival), "definitions": answers}).decode())
    else:
        for line in _lines(arrival, answers):
            typer.echo(line)
    return OK if any(answer["matches"] for answer in answers) else FOUND


def _described(arrival: Arrival) -> dict[str, Any]:
    event = arrival.event
    return {"id": event.id, "type": event.type, "source": event.source, "subject": event.subject, "via": arrival.via}


def _answer(definition: Definition, arrival: Arrival) -> dict[str, Any]:
    rules = [
        {"rule": number + 1, "holds": all(asked.holds for asked in every), "conditions": [_asked(one) for one in every]}
        for number, steps in groupby(explain(definition, arrival), lambda asked: asked.rule)
        if (every := list(steps))
    ]
    return {"name": definition.name, "matches": any(rule["holds"] for rule in rules), "rules": rules}


def _asked(asked: Asked) -> dict[str, Any]:
    return {"condition": asked.condition, "holds": asked.holds, "found": asked.found}


def _lines(arrival: Arrival, answers: list[dict[str, Any]]) -> Iterator[str]:
    event = arrival.event
    subject = f", subject {event.subject}" if event.subject else ""
    yield f"{event.type} from {event.source}{subject}, via {arrival.via}"
    for answer in answers:
        yield ""
        yield typer.style(f"{answer['name']}: {_word(holds=answer['matches'])}", bold=True)
        if not answer["rules"]:
            yield "  no rules: it is only submitted"
        for rule in answer["rules"]:
            yield f"  rule {rule['rule']}: {_word(holds=rule['holds'])}"
            for asked in rule["conditions"]:
                found = f"   (it is {asked['found']})" if not asked["holds"] and asked["found"] is not None else ""
                missing = "   (there is none)" if not asked["holds"] and asked["found"] is None else ""
                if asked["condition"].startswith("when: "):
                    missing = ""
                    found = found.replace("(it is ", "(it failed: ")
                yield f"    {_word(holds=asked['holds']):5}{asked['condition']}{found}{missing}"


def _word(*, holds: bool) -> str:
    return "yes" if holds else "no"
