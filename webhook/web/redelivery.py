"""The order to send a completion again."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from .. import marks
from ..json import dump
from .models import RedeliverQuery
from .query import query_of
from .receiver import receiver_of
from .views import delivery_view

log = structlog.get_logger(__name__)


async def redeliver(request: Request) -> Response:
    """`POST /jobs/{name}/redeliver`: 202, and it is pending again; `?sink=NAME`, once or more, says where."""
    receiver = receiver_of(request)
    caller = await receiver.allow(request, "write")
    query = query_of(request, RedeliverQuery)
    name = request.path_params["name"]
    delivery = await receiver.redeliver(name, query.sink)
    log.info("completion.ordered", job=name, sinks=query.sink, by=caller.name)
    answer = {"name": name, "completion": marks.PENDING, "delivery": delivery_view(delivery)}
    return Response(dump(answer), 202, media_type="application/json", headers={"location": f"/jobs/{name}"})
