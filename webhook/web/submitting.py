"""The Job API's doors for new Jobs: submit one, run one again."""

from __future__ import annotations

from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response

from ..fates import Launched
from ..json import dump
from ..rerun import rerun
from ..submit import Order
from .models import AncestorSubmit, Submit
from .query import json_body, key_of, read
from .receiver import receiver_of

log = structlog.get_logger(__name__)


async def submit(request: Request) -> Response:
    """`POST /jobs`: submit a Job by its definition's name and parameters.

    201 where it was created, 200 where the caller's Idempotency-Key stands for it already.
    """
    receiver = receiver_of(request)
    deadline = receiver.deadline(request)
    caller = await receiver.allow(request, "write")
    key = key_of(request)
    body = await json_body(request, receiver, deadline=deadline)
    if "job_definition_name" in body:
        order = Order(**_ancestors(body), by=caller.name, key=key)
        launched = await receiver.submitter.submit(order, deadline=deadline)
        return _answer(launched, 200, {"job_name": launched.name})
    wanted = read(Submit, body)
    order = Order(definition=wanted.definition, params=wanted.params, labels=wanted.labels, by=caller.name, key=key)
    return _told(await receiver.submitter.submit(order, deadline=deadline))


def _ancestors(body: dict[str, object]) -> dict[str, Any]:
    wanted = read(AncestorSubmit, body)
    return {"definition": wanted.job_definition_name, "params": wanted.model_extra or {}}


async def run_again(request: Request) -> Response:
    """`POST /jobs/{name}/rerun`: a new Job by today's definition, with the old one's parameters."""
    receiver = receiver_of(request)
    deadline = receiver.deadline(request)
    caller = await receiver.allow(request, "write")
    name = request.path_params["name"]
    launched = await rerun(
        receiver.submitter,
        receiver.jobs,
        name,
        by=caller.name,
        key=key_of(request),
        deadline=deadline,
        payloads=receiver.payloads,
    )
    return _told(launched)


def _told(launched: Launched) -> Response:
    job = {"name": launched.name, "definition": launched.definition, "created": launched.created}
    told = {"jobs": [job | ({"gone": True} if launched.gone else {})]}
    return _answer(launched, 201 if launched.created else 200, told)


def _answer(launched: Launched, status: int, told: object) -> Response:
    return Response(dump(told), status, media_type="application/json", headers={"location": f"/jobs/{launched.name}"})
