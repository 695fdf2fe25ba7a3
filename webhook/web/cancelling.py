"""The Job API's door for Jobs that are not wanted any more."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ..cancel import cancel
from ..json import dump
from ..purge import purge
from .models import DeleteQuery
from .query import query_of
from .receiver import receiver_of
from .views import job_view


async def delete_job(request: Request) -> Response:
    """`DELETE /jobs/{name}`: cancel a Job, which stays; with `purge=true` remove one that has ended.

    202 each time: a Job that was cancelled, or has ended, is not changed by another order.
    """
    receiver = receiver_of(request)
    caller = await receiver.allow(request, "write")
    query = query_of(request, DeleteQuery)
    name = request.path_params["name"]
    if query.purge:
        await purge(receiver.jobs, name, by=caller.name, remember=receiver.remember)
        return Response(dump({"name": name, "purged": True}), 202, media_type="application/json")
    job = await cancel(receiver.jobs, name, by=caller.name, reason=query.reason, now=receiver.now())
    return Response(dump(job_view(job)), 202, media_type="application/json", headers={"location": f"/jobs/{name}"})
