"""The doors by which events come in: CloudEvents at `/events` (and `/`), signed webhooks at `/hooks/{source}`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from starlette.requests import Request
from starlette.responses import Response

from ..errors import NotAllowed, NotAuthenticated, UnknownSource, ValueRefused
from ..events import EVENTS_DOOR, Arrival, Event, decode, expired, traceparent_of
from ..providers import Greeting
from .answers import Outcome, answer, wants_json
from .body import body_of
from .receiver import Receiver, receiver_of

log = structlog.get_logger(__name__)

BATCH_WIDTH = 16
"""Events of a batch that are launched at a time."""


async def events(request: Request) -> Response:
    """`POST /events`, `POST /`: CloudEvents in binary, structured or batched mode."""
    receiver = receiver_of(request)
    received, deadline = receiver.now(), receiver.deadline(request)
    if not receiver.events_open:
        await receiver.allow(request, "events")
    _pass(receiver, EVENTS_DOOR)
    headers = request.scope["headers"]
    async with body_of(request, cap=receiver.body_limit, deadline=deadline, budget=receiver.budget) as body:
        decoded = decode(headers, body)
        for event in decoded.events:
            _believe(receiver, event)
        traceparent = traceparent_of(headers)
        arrivals = [
            Arrival(event=event, via=EVENTS_DOOR, identity=event.id, received=received, traceparent=traceparent)
            for event in decoded.events
        ]
        outcomes = await _launch_all(receiver, arrivals, deadline)
        return answer(outcomes, batch=decoded.batch, with_body=wants_json(request))


async def hook(request: Request) -> Response:
    """`POST /hooks/{source}`: a signed webhook of a declared source."""
    receiver = receiver_of(request)
    received = receiver.now()
    name = request.path_params["source"]
    source = receiver.sources.get(name)
    if source is None:
        raise UnknownSource("no source of that name is declared")
    deadline = receiver.deadline(request, patience=source.answer_seconds)
    cap = source.body_limit or receiver.body_limit
    headers = request.scope["headers"]
    async with body_of(request, cap=cap, deadline=deadline, budget=receiver.budget) as body:
        try:
            arrival = source.receive(headers, body, now=received)
        except NotAuthenticated as error:
            receiver.failed(request, error, source=name)
            raise
        if isinstance(arrival, Greeting):
            return _greet(arrival)
        _pass(receiver, name)  # after the check: bad signatures cannot spend the provider's rate
        if not source.lets_in(arrival):
            log.info("hook.ignored", source=name, type=arrival.event.type, event_id=arrival.event.id)
            return answer([Outcome(arrival, ())], batch=False, with_body=True)
        outcomes = await _launch_all(receiver, [arrival], deadline)
        return answer(outcomes, batch=False, with_body=True)


async def _launch_all(receiver: Receiver, arrivals: Sequence[Arrival], deadline: float) -> list[Outcome]:
    """Launch every event's Jobs; each gets its try, whatever becomes of the others."""
    if len(arrivals) == 1:
        return [await _launch(receiver, arrivals[0], deadline)]
    width = asyncio.Semaphore(BATCH_WIDTH)

    async def one(arrival: Arrival) -> Outcome:
        async with width:
            return await _launch(receiver, arrival, deadline)

    ends = await asyncio.gather(*(one(arrival) for arrival in arrivals), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return [end for end in ends if isinstance(end, Outcome)]


async def _launch(receiver: Receiver, arrival: Arrival, deadline: float) -> Outcome:
    if expired(arrival.event, arrival.received):
        receiver.metrics.refused.labels("expired").inc()
        log.info("event.expired", event_id=arrival.event.id, type=arrival.event.type, via=arrival.via)
        return Outcome(arrival, (), expired=True)
    try:
        return Outcome(arrival, await receiver.launcher.launch(arrival, deadline=deadline))
    except ValueRefused as error:  # this event's fate, and no other's of its batch
        receiver.metrics.refused.labels("values").inc()
        log.warning("event.refused", event_id=arrival.event.id, type=arrival.event.type, reason=str(error))
        return Outcome(arrival, (), refused=str(error))


def _greet(greeting: Greeting) -> Response:
    """Give a provider's test what it wants to read back: the provider's words, so no browser is to guess at them."""
    if not greeting.answer:
        return Response(status_code=204)
    return Response(greeting.answer, media_type="text/plain", headers={"x-content-type-options": "nosniff"})


def _pass(receiver: Receiver, door: str) -> None:
    """Hold a door's rate, where it has one. Raises TooManyRequests."""
    if (gate := receiver.gates.get(door)) is not None:
        gate.enter(asyncio.get_running_loop().time())


def _believe(receiver: Receiver, event: Event) -> None:
    """Refuse a type that only a declared hook, or jobhook itself, can vouch for."""
    if event.type.startswith(receiver.distrusted) and event.type not in receiver.trusted:
        raise NotAllowed(
            f"events of type {event.type[:100]!r} come by their signed hook, not here; "
            "`events.types` in the configuration can allow it by name"
        )
