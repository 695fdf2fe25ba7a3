"""A finished Job → the CloudEvent that tells of it.

Consumers built on sdk-go neither encode nor decode percent in headers. So every attribute that is emitted is printable
ASCII without space, `"` and `%`. What came from a stranger and is not: `causationid`, `causationsource` and
`traceparent` are left out, `correlationid` becomes a digest (the same for the same text, so that a chain still hangs
together), and `data.trigger` carries all of them as they came.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict

from .. import marks
from ..events import Event, Extension, is_traceparent
from ..job import Job, State
from ..json import Value
from .frozen import Frozen

TYPES = {
    State.SUCCEEDED: "dev.jobhook.job.succeeded.v1",
    State.FAILED: "dev.jobhook.job.failed.v1",
    State.CANCELLED: "dev.jobhook.job.cancelled.v1",
}
MAX_HOPS = 2**31 - 1

_PLAIN = re.compile(r"[!#$&-~]{1,1024}")
_UNSAFE_IN_SOURCE = re.compile(r"[^A-Za-z0-9._~-]")


def source(*, cluster_name: str, namespace: str, signature: str) -> str:
    """Name an installation as its completions' source; what a URI would have to escape becomes `-`.

    >>> source(cluster_name="eu 1", namespace="jobs", signature="jobhook")
    '//eu-1/namespaces/jobs/jobhook'
    """
    cluster, space, ours = (_UNSAFE_IN_SOURCE.sub("-", part) for part in (cluster_name, namespace, signature))
    return f"//{cluster}/namespaces/{space}/{ours}"


def completion_event(job: Job, frozen: Frozen, *, cluster_name: str, signature: str) -> Event:
    """Tell of a finished Job: from the same Job and the same frozen data always the same event, id included."""
    cause = marks.Cause.load(job.annotations)
    return Event(
        id=f"{job.uid}-finished",
        source=source(cluster_name=cluster_name, namespace=job.namespace, signature=signature),
        type=TYPES[State(frozen.outcome)],
        subject=job.name,
        time=frozen.finished,
        datacontenttype="application/json",
        extensions=_extensions(job, cause),
        data=_data(job, frozen, cause),
    )


def _extensions(job: Job, cause: marks.Cause | None) -> dict[str, Extension]:
    """The chain that the Job is a link of; `jobhookhops` counts the Jobs behind this event, this one included."""
    extensions: dict[str, Extension] = {"partitionkey": job.uid, "jobhookhops": min(_hops(job) + 1, MAX_HOPS)}
    if cause is None:
        return extensions
    if _PLAIN.fullmatch(cause.id):
        extensions["causationid"] = cause.id
    if _PLAIN.fullmatch(cause.source):
        extensions["causationsource"] = cause.source
    correlation = cause.correlationid or cause.id
    if not _PLAIN.fullmatch(correlation):
        correlation = "sha256-" + hashlib.sha256(correlation.encode("utf-8", "surrogatepass")).hexdigest()
    extensions["correlationid"] = correlation
    if cause.traceparent and _PLAIN.fullmatch(cause.traceparent) and is_traceparent(cause.traceparent):
        extensions["traceparent"] = cause.traceparent
    return extensions


def _hops(job: Job) -> int:
    held = job.annotations.get(marks.HOPS, "")
    return int(held) if re.fullmatch(r"[0-9]{1,9}", held) else 0


def _data(job: Job, frozen: Frozen, cause: marks.Cause | None) -> Value:
    """The data, snake_case throughout; `docs/completion.schema.json` is its schema."""
    labels = dict(frozen.labels)
    return {
        "outcome": frozen.outcome,
        "reason": frozen.reason,
        "message": frozen.message,
        "exit_code": frozen.exit_code,
        "container": asdict(frozen.container) if frozen.container else None,
        "cancelled": _order(frozen),
        "pods": asdict(frozen.pods),
        "started": frozen.started,
        "finished": frozen.finished,
        "duration_seconds": frozen.duration_seconds,
        "job": {
            "namespace": job.namespace,
            "name": job.name,
            "uid": job.uid,
            "definition": labels.get(marks.DEFINITION) or labels.get(marks.ANCESTOR_DEFINITION),
            "labels": labels,
        },
        "trigger": cause
        and {
            "id": cause.id,
            "source": cause.source,
            "type": cause.type,
            "subject": cause.subject,
            "time": cause.time,
            "via": cause.via,
        },
        "result": frozen.result,
        "logs": f"/jobs/{job.name}/logs",
    }


def _order(frozen: Frozen) -> Value:
    order = frozen.cancelled
    return None if order is None else {"by": order.by, "reason": order.reason, "at": order.at}
