"""The order to send a completion again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from .. import marks
from ..json import dump
from .receiver import receiver_of
from .views import delivery_view


async def redeliver(request: Request) -> Response:
    """`POST /jobs/{name}/redeliver`: 202, and it is pending again; `?sink=NAME`, once or more, says where."""
    receiver = receiver_of(request)
    await receiver.allow(request, "write")
    name = request.path_params["name"]
    delivery = await receiver.redeliver(name, request.query_params.getlist("sink"))
    answer = {"name": name, "completion": marks.PENDING, "delivery": delivery_view(delivery)}
    return Response(dump(answer), 202, media_type="application/json", headers={"location": f"/jobs/{name}"})
