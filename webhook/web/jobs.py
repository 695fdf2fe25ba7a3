"""The Job API's reading side: lists of Jobs, one Job, and the same as k8s-jobs told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from .. import marks
from ..describing import describe
from ..errors import Expired
from ..job import Job
from ..json import dump
from ..paging import pages
from ..ports import Jobs
from .describing import description_view
from .models import ListQuery
from .query import moment_of, query_of
from .receiver import receiver_of
from .views import job_view, status_view


async def list_jobs(request: Request) -> Response:
    """`GET /jobs`: a page of our Jobs, the newest of the page first."""
    receiver = receiver_of(request)
    await receiver.allow(request, "read")
    query = query_of(request, ListQuery)
    if query.job_definition_name is not None:
        return _json({"jobs": await _statuses(receiver.jobs, query.job_definition_name)})
    keep = _filters(query, now=receiver.now())
    try:
        page = await receiver.jobs.list(_labels(query), limit=query.limit, after=query.after)
    except Expired as error:
        raise Expired(f"{error}; list again from the beginning, without continue") from error
    jobs = sorted(page.jobs, key=lambda job: (-job.created.timestamp(), job.name))
    return _json(
        {"jobs": [job_view(job) for job in jobs if all(wanted(job) for wanted in keep)], "continue": page.next}
    )


async def describe_job(request: Request) -> Response:
    """`GET /jobs/{name}`: one Job, and all that there is to know of it."""
    receiver = receiver_of(request)
    await receiver.allow(request, "read")
    found = await describe(receiver.jobs, request.path_params["name"], source=receiver.completions)
    return _json(description_view(found))


async def job_status(request: Request) -> Response:
    """`GET /jobs/{name}/status`: a Job's status as Kubernetes has it, for clients of k8s-jobs."""
    receiver = receiver_of(request)
    await receiver.allow(request, "read")
    return _json(status_view(await receiver.jobs.read(request.path_params["name"])))


async def _statuses(jobs: Jobs, definition: str) -> dict[str, object]:
    """The statuses of all Jobs of a definition, by name; those of k8s-jobs' own making, too."""
    found: dict[str, object] = {}
    for label in (marks.DEFINITION, marks.ANCESTOR_DEFINITION):
        async for page in pages(jobs, {label: definition}):
            found |= {job.name: status_view(job) for job in page}
            await asyncio.sleep(0)  # a long list leaves room for other requests
    return found


def _labels(query: ListQuery) -> Mapping[str, str]:
    """The filters that the store itself can apply."""
    labels = dict(pair.split("=", 1) for pair in query.label)
    known = {marks.DEFINITION: query.definition, marks.EVENT: query.event}
    return labels | {name: value for name, value in known.items() if value is not None}


def _filters(query: ListQuery, *, now: datetime) -> list[Callable[[Job], bool]]:
    """The filters that are applied to a page: it may then hold fewer than `limit`."""
    keep: list[Callable[[Job], bool]] = []
    if query.state is not None:
        keep.append(lambda job: job.state is query.state)
    if query.event_id is not None:
        keep.append(lambda job: (cause := marks.Cause.load(job.annotations)) is not None and cause.id == query.event_id)
    if (since := moment_of(query.since, now=now, name="since")) is not None:
        keep.append(lambda job: job.created >= since)
    return keep


def _json(value: object) -> Response:
    return Response(dump(value), media_type="application/json")
