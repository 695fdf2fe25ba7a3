"""From a rendered manifest to the Job that is sent: its name, its marks, and the record that it mounts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from . import identity, marks, payloads, times
from .definitions import Definition
from .events import Arrival
from .json import NotJson, Struct, dump
from .ports import Manifest, Record
from .rendering import Rendered, mount

MAX_PARAMS = 64 * 1024
"""Bytes of all parameters as JSON; all annotations together may have 256 KiB."""


class NewJob(Struct, frozen=True, kw_only=True):
    """A Job to be created.

    Attributes:
        key: the Job key in hex, from which the name is made.
        receipt: by which its maker knows it again.
        payload: what has to be there before it, or None.
    """

    name: str
    key: str
    receipt: str
    manifest: Manifest
    payload: Record | None = None


def new_job(
    definition: Definition, rendered: Rendered, arrival: Arrival, *, receipt: str, namespace: str, signature: str
) -> NewJob:
    """Name and mark what was rendered; `rendered.manifest` becomes part of it."""
    key = identity.job_key(definition.name, arrival.via, arrival.event.source, arrival.identity)
    name, manifest = identity.job_name(definition.name, key), rendered.manifest
    payload = None
    if rendered.payload is not None:
        payload = payloads.record(name, rendered.payload)
        mount(manifest, payload.name)
    metadata = manifest.setdefault("metadata", {})
    metadata["name"], metadata["namespace"] = name, namespace
    event_key = identity.event_key(arrival.via, arrival.event.source, arrival.identity)
    metadata["labels"] = metadata.get("labels", {}) | {
        marks.MANAGED_BY: signature,
        marks.DEFINITION: definition.name,
        marks.EVENT: identity.event_label(event_key),
        marks.COMPLETION: marks.PENDING,
    }
    ours = _annotations(definition, rendered, arrival, key=key, receipt=receipt)
    metadata["annotations"] = metadata.get("annotations", {}) | ours
    return NewJob(name=name, key=key, receipt=receipt, manifest=manifest, payload=payload)


def _annotations(
    definition: Definition, rendered: Rendered, arrival: Arrival, *, key: str, receipt: str
) -> dict[str, str]:
    event = arrival.event
    cause = marks.Cause(
        id=event.id,
        source=event.source,
        type=event.type,
        via=arrival.via,
        subject=event.subject,
        time=event.time,
        correlationid=str(event.extensions.get("correlationid") or event.id),
        traceparent=_traceparent(arrival),
    )
    annotations = {
        marks.KEY: key,
        marks.RECEIPT: receipt,
        marks.RECEIVED_AT: times.show(arrival.received),
        marks.CAUSE: cause.dump(),
        marks.HOPS: str(arrival.hops),
        marks.DIGEST: definition.digest,
    }
    if arrival.loose:
        parts = arrival.via, event.source, arrival.identity
        annotations[marks.TYPED_KEY] = identity.typed_key(*parts, event.type)
        annotations[marks.EVENT_KEY] = identity.event_key(*parts)
    if rendered.retention:
        annotations[marks.RETENTION] = dump(_in_seconds(rendered.retention)).decode()
    if (params := _params(rendered)) is not None:
        annotations[marks.PARAMS] = params
    return annotations


def _params(rendered: Rendered) -> str | None:
    """The parameters' values for a rerun and for people; None where they are too large to be kept."""
    # A text may be of a class that says how it was made, and JSON knows only texts.
    plain = {name: str(value) if isinstance(value, str) else value for name, value in rendered.params.items()}
    try:
        text = dump(plain)
    except NotJson:
        return None
    return text.decode() if len(text) <= MAX_PARAMS else None


def _traceparent(arrival: Arrival) -> str | None:
    inherited: Any = arrival.event.extensions.get("traceparent")
    return inherited if isinstance(inherited, str) else arrival.traceparent


def _in_seconds(retention: Mapping[str, timedelta]) -> dict[str, float]:
    return {outcome: period.total_seconds() for outcome, period in retention.items()}
