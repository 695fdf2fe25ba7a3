"""The Job API's reading side: list, describe, log."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from .. import marks, times
from ..errors import MalformedEvent, NotFound
from ..job import Job, Pod, State
from ..json import dump
from ..ports import Jobs
from ..progress import load_delivery
from .receiver import receiver_of
from .views import delivery_view, job_view

MAX_LIMIT = 500
MAX_TAIL = 100_000

_LABEL_NAME = re.compile(r"(?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


async def list_jobs(request: Request) -> Response:
    """`GET /jobs`: a page of our Jobs, by definition, state, event, event_id, label and since."""
    receiver = receiver_of(request)
    await receiver.allow(request, "read")
    keep = _filters(request)
    limit = _number(request, "limit", 100, MAX_LIMIT)
    page = await receiver.jobs.list(_labels(request), limit=limit, after=request.query_params.get("continue"))
    jobs = [job_view(job) for job in page.jobs if all(wanted(job) for wanted in keep)]
    return _json({"jobs": jobs, "continue": page.next})


async def describe_job(request: Request) -> Response:
    """`GET /jobs/{name}`: one Job, and how far its completion is at each sink."""
    receiver = receiver_of(request)
    await receiver.allow(request, "read")
    job = await receiver.jobs.read(request.path_params["name"])
    return _json(job_view(job) | {"delivery": delivery_view(load_delivery(job.annotations) or {})})


async def job_log(request: Request) -> Response:
    """`GET /jobs/{name}/logs`: what its containers wrote, as plain text; with a header each where there are several."""
    receiver = receiver_of(request)
    await receiver.allow(request, "read")
    name = request.path_params["name"]
    pods = await receiver.jobs.pods(name)
    tail = _number(request, "tail", 0, MAX_TAIL) or None
    only = request.query_params.get("container")
    chosen = [(pod, part.name) for pod in pods for part in pod.containers if only in {None, part.name}]
    if only is not None and pods and not chosen:
        raise NotFound(f"no container {only!r} in the Job {name}")
    chunks = _logs(receiver.jobs, chosen, tail=tail)
    return StreamingResponse(
        chunks, media_type="text/plain; charset=utf-8", headers={"x-content-type-options": "nosniff"}
    )


async def _logs(jobs: Jobs, chosen: list[tuple[Pod, str]], *, tail: int | None) -> AsyncIterator[bytes]:
    for pod, container in chosen:
        if len(chosen) > 1:
            yield f"==> {pod.name} {container} <==\n".encode()
        try:
            async for chunk in jobs.log(pod.name, container, tail=tail):
                yield chunk
                await asyncio.sleep(0)  # a long log leaves room for other requests
        except NotFound:
            # It has not started, or its log is gone: the others' logs are wanted all the same.
            continue


def _labels(request: Request) -> dict[str, str]:
    """The filters that the store itself can apply."""
    labels = {}
    for parameter, label in (("definition", marks.DEFINITION), ("event", marks.EVENT)):
        if value := request.query_params.get(parameter):
            labels[label] = value
    for pair in request.query_params.getlist("label"):
        name, equals, value = pair.partition("=")
        if not equals or not _LABEL_NAME.fullmatch(name):
            raise MalformedEvent(f"label={pair[:100]!r}: write label=NAME=VALUE")
        labels[name] = value
    for value in labels.values():
        if not _LABEL_VALUE.fullmatch(value):
            raise MalformedEvent(f"{value[:100]!r} is no label's value")
    return labels


def _filters(request: Request) -> list[Callable[[Job], bool]]:
    """The filters that are applied to a page: it may then hold fewer than `limit`."""
    keep: list[Callable[[Job], bool]] = []
    if state := request.query_params.get("state"):
        if state not in {one.value for one in State}:
            raise MalformedEvent(f"state={state[:40]!r}: one of {', '.join(State)}")
        keep.append(lambda job: job.state.value == state)
    if event_id := request.query_params.get("event_id"):
        keep.append(lambda job: (cause := marks.Cause.load(job.annotations)) is not None and cause.id == event_id)
    if since := request.query_params.get("since"):
        moment = _moment(since)
        keep.append(lambda job: job.created >= moment)
    return keep


def _moment(text: str) -> datetime:
    try:
        return times.parse(text)
    except ValueError as error:
        raise MalformedEvent(f"since: {error}") from error


def _number(request: Request, parameter: str, default: int, largest: int) -> int:
    text = request.query_params.get(parameter)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= largest):
        raise MalformedEvent(f"{parameter}={text[:20]!r}: a number from 1 to {largest}")
    return int(text)


def _json(value: object) -> Response:
    return Response(dump(value), media_type="application/json")
