"""Run a Job again: a new one by today's definition, with the parameters that the old one had."""

from __future__ import annotations

import re
from typing import Any

from . import marks
from .errors import MalformedEvent, NotFound, ValueRefused
from .events import Event, decode
from .fates import Launched
from .job import Job
from .json import NotJson, load
from .ports import Jobs, Records
from .rendering import EVENT_FILE, recall
from .submit import Again, Order, Submitter

STRUCTURED = [(b"content-type", b"application/cloudevents+json")]


async def rerun(
    submitter: Submitter,
    jobs: Jobs,
    name: str,
    *,
    by: str,
    key: str | None = None,
    deadline: float,
    payloads: Records | None = None,
) -> Launched:
    """Submit a Job's definition and parameters once more.

    Args:
        submitter: of that cluster.
        jobs: where the old Job is.
        name: the old Job's.
        by: the caller's name.
        key: the caller's own: the same key is the same new Job.
        deadline: by the running loop's clock, in seconds.
        payloads: where large events are, for Jobs whose containers read theirs.

    Raises:
        NotFound: the old Job is gone.
        ValueRefused: it does not say what it was made of, or today's definition does not take that.
        ClusterUnavailable: not now.
    """
    job = await jobs.read(name)
    if job.definition is None:
        raise ValueRefused(f"the Job {name} was made by no definition")
    again = Again(job=name, cause=_cause(job), hops=_hops(job), event=await _event(job, jobs, payloads))
    order = Order(definition=job.definition, params=_params(job), by=by, key=key, again=again)
    try:
        return await submitter.submit(order, deadline=deadline)
    except NotFound:
        raise ValueRefused(f"the definition {job.definition} of the Job {name} is not there any more") from None


def _params(job: Job) -> dict[str, Any]:
    """The stored values. Raises ValueRefused where there are none: they were too large, or the Job is not of ours."""
    try:
        held = load(job.annotations[marks.PARAMS])
    except (KeyError, NotJson):
        raise ValueRefused(f"the Job {job.name} does not hold its parameters: submit them anew") from None
    return dict(held) if isinstance(held, dict) else {}


def _cause(job: Job) -> marks.Cause:
    known = marks.Cause.load(job.annotations)
    return known or marks.Cause(id=job.uid, source=f"/jobs/{job.name}", type="dev.jobhook.rerun.v1", via="")


def _hops(job: Job) -> int:
    held = job.annotations.get(marks.HOPS, "")
    return int(held) if re.fullmatch(r"[0-9]{1,4}", held) else 0


async def _event(job: Job, jobs: Jobs, payloads: Records | None) -> Event:
    """The event that began a Job: whole where the Job's containers have it, else its attributes."""
    text = recall(await jobs.manifest(job.name))
    if text is None and payloads is not None:
        try:
            text = (await payloads.read(f"{job.name}-event")).data[EVENT_FILE]
        except (NotFound, KeyError):
            text = None
    if text is not None:
        try:
            return decode(STRUCTURED, text).events[0]
        except MalformedEvent:
            pass  # by an older or a newer jobhook: what the cause says is true in any case
    cause = _cause(job)
    return Event(id=cause.id, source=cause.source, type=cause.type, subject=cause.subject, time=cause.time)
