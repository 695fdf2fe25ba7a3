"""What a Job's pods say: their states, their output, and the Warning Events about them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from ... import times
from ...errors import NotFound
from ...job import Job, Pod, WarningEvent
from ..objects import EventList, EventObject, Owner, PodList, PodObject
from ..reading import EPOCH, read_pod, read_warning
from .answers import read
from .call import Call
from .transport import Transport

JOB_NAME = "batch.kubernetes.io/job-name"
OLD_JOB_NAME = "job-name"
"""Before Kubernetes 1.27."""


def _path(namespace: str, resource: str) -> str:
    return f"/api/v1/namespaces/{namespace}/{resource}"


async def of_job(transport: Transport, job: Job) -> Sequence[Pod]:
    """The pods that a Job owns, oldest first."""
    return [read_pod(pod) for pod in await _owned(transport, job)]


async def _owned(transport: Transport, job: Job) -> list[PodObject]:
    for label in (JOB_NAME, OLD_JOB_NAME):
        found = [pod async for pod in _pods(transport, job.namespace, f"{label}={job.name}")]
        # Anyone may write that label on a pod; the owner's uid is that of this very Job.
        owned = [pod for pod in found if job.uid in {owner.uid for owner in pod.metadata.owner_references or ()}]
        if owned or not (job.active or job.succeeded or job.failed):
            break
    return sorted(owned, key=lambda pod: (pod.metadata.creation_timestamp or "", pod.metadata.name))


async def _pods(transport: Transport, namespace: str, selector: str) -> AsyncIterator[PodObject]:
    query, after = {"labelSelector": selector, "limit": "500"}, ""
    while True:
        more = {"continue": after} if after else {}
        call = Call(verb="list", path=_path(namespace, "pods"), query={**query, **more})
        page = read(await transport.send(call), PodList)
        for pod in page.items or ():
            yield pod
        if not (after := page.metadata.after):
            return


async def owner(transport: Transport, namespace: str, pod: str) -> Owner:
    """The Job that owns a pod. Raises NotFound: no such pod, or no Job's."""
    body = await transport.send(Call(verb="get", path=f"{_path(namespace, 'pods')}/{pod}"))
    owners = read(body, PodObject).metadata.owner_references or ()
    job = next((owner for owner in owners if owner.kind == "Job"), None)
    if job is None:
        raise NotFound(f"{pod}: no such pod of ours")
    return job


def log_call(
    namespace: str,
    pod: str,
    container: str,
    *,
    tail: int | None,
    since: datetime | None,
    timestamps: bool,
    previous: bool,
    follow: bool,
) -> Call:
    """Ask for a container's output, by PodLogOptions."""
    query = {"container": container}
    if tail is not None:
        query["tailLines"] = str(tail)
    if since is not None:
        query["sinceTime"] = times.show(since)
    flags = {"timestamps": timestamps, "previous": previous, "follow": follow}
    query |= {name: "true" for name, wanted in flags.items() if wanted}
    return Call(verb="log", path=f"{_path(namespace, 'pods')}/{pod}/log", query=query)


async def warnings(transport: Transport, job: Job) -> Sequence[WarningEvent]:
    """Warning Events about a Job and the pods that it has, oldest first."""
    of_the_job, of_pods, owned = await asyncio.gather(
        _events(transport, job.namespace, f"involvedObject.kind=Job,involvedObject.name={job.name}"),
        _events(transport, job.namespace, "involvedObject.kind=Pod"),
        _owned(transport, job),
    )
    about = {job.uid} | {pod.metadata.uid for pod in owned}
    seen = [read_warning(event) for event in (*of_the_job, *of_pods) if event.involved_object.uid in about]
    return sorted(seen, key=lambda event: event.at or EPOCH)


async def _events(transport: Transport, namespace: str, fields: str) -> list[EventObject]:
    query, found = {"fieldSelector": f"type=Warning,{fields}", "limit": "500"}, list[EventObject]()
    while True:
        page = read(await transport.send(Call(verb="list", path=_path(namespace, "events"), query=query)), EventList)
        found.extend(page.items or ())
        if not page.metadata.after:
            return found
        query["continue"] = page.metadata.after
