"""Read a request's query and body by their models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TypeVar, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request

from ..errors import MalformedEvent, UnsupportedMedia
from ..events import is_json
from ..json import NotJson, load
from .body import body_of
from .models import IdempotencyKey, Query, moment
from .receiver import Receiver

Q = TypeVar("Q", bound=Query)
M = TypeVar("M", bound=BaseModel)

_key: TypeAdapter[str] = TypeAdapter(IdempotencyKey)


def query_of(request: Request, model: type[Q]) -> Q:
    """Read the query. Raises MalformedEvent, which names the parameter."""
    known = {field.alias or name: field for name, field in model.model_fields.items()}
    several = {name for name, field in known.items() if get_origin(field.annotation) is list}
    values: dict[str, str | list[str]] = {}
    for name, text in request.query_params.multi_items():
        if name not in known:
            raise MalformedEvent(f"{name[:64]}: no parameter of this route; {_near(name, tuple(known))}")
        if name in several:
            held = values.setdefault(name, [])
            assert isinstance(held, list)
            held.append(text)
        elif name in values:
            raise MalformedEvent(f"{name[:40]}: given more than once")
        else:
            values[name] = text
    return read(model, values)


def _near(name: str, known: Sequence[str]) -> str:
    """Which parameter was meant, or which there are."""
    found = get_close_matches(name[:64].lower().replace("-", "_"), known, 1, 0.6)
    return f"did you mean {found[0]}?" if found else f"there are {', '.join(known)}"


def read(model: type[M], value: object) -> M:
    """Read a value by its model. Raises MalformedEvent with all that is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise MalformedEvent("; ".join(_told(error))) from None


def _told(error: ValidationError) -> Sequence[str]:
    """What is wrong, place by place; never what was given."""
    return [
        f"{'.'.join(str(part)[:64] for part in one['loc']) or 'the body'}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors(include_input=False, include_url=False)[:5]
    ]


def moment_of(text: str | None, *, now: datetime, name: str) -> datetime | None:
    """Read a moment or a time span ago. Raises MalformedEvent."""
    try:
        found = moment(text, now=now)
        return found and found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedEvent(f"{name}: {error}; or write how long ago, such as 90s or 1h30m") from None


def key_of(request: Request) -> str | None:
    """The Idempotency-Key, the caller's own. Raises MalformedEvent."""
    values = request.headers.getlist("idempotency-key")
    if not values:
        return None
    try:
        if len(values) == 1:
            return _key.validate_python(values[0])
    except ValidationError:
        pass
    raise MalformedEvent("Idempotency-Key: one text of 1 to 255 printable ASCII characters without spaces")


async def json_body(request: Request, receiver: Receiver, *, deadline: float) -> dict[str, object]:
    """Read a JSON object.

    Raises:
        UnsupportedMedia: the content type is not JSON's.
        MalformedEvent: it is no JSON object; or as `body_of`.
    """
    if not is_json(request.headers.get("content-type")):
        raise UnsupportedMedia("send it as content-type: application/json")
    async with body_of(request, cap=receiver.body_limit, deadline=deadline, budget=receiver.budget) as body:
        try:
            value = load(body)
        except NotJson as error:
            raise MalformedEvent(f"the body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise MalformedEvent("the body is no JSON object")
    return value
