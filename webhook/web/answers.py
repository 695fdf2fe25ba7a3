"""What a sender is told of its events: the fate of every Job, and one status that is true for all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from ..events import Arrival
from ..fates import Clashed, Fate, Launched, Postponed, Refused
from ..identity import event_key, event_label
from ..json import Struct, dump
from .problems import headers_for, problem

_NOTHING = re.compile(r"q=0(?:\.0*)?")


class Outcome(Struct, frozen=True):
    """One event and what became of each of its Jobs.

    Attributes:
        expired: its `expirytime` had passed, so that nothing was launched.
        refused: why nothing was, where that is no single definition's doing; else empty.
    """

    arrival: Arrival
    fates: tuple[Fate, ...]
    expired: bool = False
    refused: str = ""


def wants_json(request: Request) -> bool:
    """Whether `Accept` names `application/json`; `*/*` does not: a Knative broker sends that and takes no body.

    A weight of nothing says that it is not wanted (RFC 9110 §12.4.2).
    """
    accepted = ",".join(request.headers.getlist("accept")).lower()
    for part in accepted.split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        if media_type == "application/json" and not any(_NOTHING.fullmatch(parameter) for parameter in parameters):
            return True
    return False


def answer(outcomes: Sequence[Outcome], *, batch: bool, with_body: bool) -> Response:
    """Answer a request by what became of its events.

    An alarm (500) outweighs what may pass later (503), as a repeat is safe, and that what was refused for good (422);
    else 202. A body always says each Job's fate, except a 202 without `with_body`.
    """
    fates = [fate for outcome in outcomes for fate in outcome.fates]
    headers = _location(outcomes)
    told = _told(outcomes, batch=batch)
    clashed = [fate for fate in fates if isinstance(fate, Clashed)]
    if clashed:
        return _problem(500, f"{clashed[0].definition}: {clashed[0].reason}", told, headers)
    postponed = [fate for fate in fates if isinstance(fate, Postponed)]
    if postponed:
        longest = max((fate.retry_after for fate in postponed if fate.retry_after), default=None)
        return _problem(503, postponed[0].reason, told, headers, longest)
    refused = [f"{fate.definition}: {fate.reason}" for fate in fates if isinstance(fate, Refused)]
    refused += [outcome.refused for outcome in outcomes if outcome.refused]
    if refused:
        return _problem(422, refused[0], told, headers)
    if not with_body:
        return Response(status_code=202, headers=headers)
    return Response(dump(told), 202, headers=headers, media_type="application/json")


def _problem(
    status: int, detail: str, told: dict[str, object], headers: dict[str, str], retry_after: timedelta | None = None
) -> Response:
    return problem(status, detail, headers=headers | headers_for(status, retry_after), more=told)


def _told(outcomes: Sequence[Outcome], *, batch: bool) -> dict[str, object]:
    if batch:
        return {"events": [_event(outcome, ("event", "source")) for outcome in outcomes]}
    return _event(outcomes[0], ("event",))


def _event(outcome: Outcome, named: tuple[str, ...]) -> dict[str, object]:
    event = outcome.arrival.event
    told: dict[str, object] = {name: {"event": event.id, "source": event.source}[name] for name in named}
    told["jobs"] = [_fate(fate) for fate in outcome.fates]
    if outcome.expired:
        told["expired"] = True
    if outcome.refused:
        told["refused"] = outcome.refused
    return told


def _fate(fate: Fate) -> dict[str, object]:
    if isinstance(fate, Launched):
        told: dict[str, object] = {"name": fate.name, "definition": fate.definition, "created": fate.created}
        return told | ({"gone": True} if fate.gone else {})
    if isinstance(fate, Refused):
        return {"definition": fate.definition, "refused": fate.reason}
    if isinstance(fate, Clashed):
        return {"definition": fate.definition, "clashed": fate.reason}
    return {"definition": fate.definition, "postponed": fate.reason}


def _location(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """`/jobs/{name}` of the one Job, `/jobs?event=…` of one event's several; a batch's events have no one place."""
    if len(outcomes) != 1:
        return {}
    names = [fate.name for fate in outcomes[0].fates if isinstance(fate, Launched)]
    if not names:
        return {}
    if len(names) == 1:
        return {"location": f"/jobs/{names[0]}"}
    arrival = outcomes[0].arrival
    label = event_label(event_key(arrival.via, arrival.event.source, arrival.identity))
    return {"location": f"/jobs?event={label}"}
