"""ConfigMaps as they travel, and the Records that they hold."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from ... import marks
from ...json import Struct
from ...ports import Record
from ..objects import ListMeta, Meta
from ..reading import moment


class ConfigMap(Struct, rename="camel", frozen=True):
    """A ConfigMap of core/v1; the values of `binary_data` are Base64."""

    metadata: Meta = Meta()
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None
    immutable: bool | None = None


class ConfigMapList(Struct, rename="camel", frozen=True):
    """A page of ConfigMaps."""

    metadata: ListMeta = ListMeta()
    items: tuple[ConfigMap, ...] | None = None


def read_record(wire: ConfigMap) -> Record:
    """Read a record; its labels are its own, without our signature."""
    meta = wire.metadata
    job = next((owner for owner in meta.owner_references or () if owner.kind == "Job"), None)
    texts = {key: text.encode() for key, text in (wire.data or {}).items()}
    return Record(
        name=meta.name,
        data=texts | {key: _bytes(text) for key, text in (wire.binary_data or {}).items()},
        labels={name: value for name, value in (meta.labels or {}).items() if name != marks.MANAGED_BY},
        annotations=meta.annotations or {},
        immutable=bool(wire.immutable),
        owner=(job.name, job.uid) if job else None,
        version=meta.resource_version,
        created=moment(meta.creation_timestamp),
    )


def write_record(record: Record, *, signature: str) -> dict[str, Any]:
    """Write a record: UTF-8 as `data`, which people can read and pods can mount, anything else as `binaryData`."""
    texts, blobs = _parted(record.data)
    metadata: dict[str, Any] = {
        "name": record.name,
        "labels": {**record.labels, marks.MANAGED_BY: signature},
        "annotations": dict(record.annotations),
    }
    if record.version:
        metadata["resourceVersion"] = record.version
    if record.owner:
        metadata["ownerReferences"] = [owner_reference(record.owner)]
    whole = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": texts, "binaryData": blobs}
    return whole | ({"immutable": True} if record.immutable else {})


def owner_reference(owner: tuple[str, str]) -> dict[str, Any]:
    """Name a Job as the owner."""
    name, uid = owner
    return {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}


def _parted(data: Mapping[str, bytes]) -> tuple[dict[str, str], dict[str, str]]:
    texts, blobs = {}, {}
    for key, value in data.items():
        try:
            texts[key] = value.decode()
        except UnicodeDecodeError:
            blobs[key] = base64.b64encode(value).decode("ascii")
    return texts, blobs


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""  # the API server lets no such thing in
