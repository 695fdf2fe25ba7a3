"""A pod's volumes as folders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import JobhookError, NotFound
from ...json import convert
from .fields import field
from .manifest import ConfigMap, Downward
from .places import PodFolder

ConfigMaps = Callable[[str], Awaitable[Mapping[str, bytes]]]
"""Reads the data of a record by its name; raises NotFound."""


class MountFailed(JobhookError):
    """A volume cannot be filled."""


async def fill(volume: Mapping[str, Any], metadata: Mapping[str, Any], *, folder: PodFolder, maps: ConfigMaps) -> None:
    """Write what a volume holds at the start: the pod's fields, or a record's data; nothing for an emptyDir."""
    root = folder.volume(volume["name"])
    if source := volume.get("downwardAPI"):
        for item in convert(source, Downward).items or ():
            assert item.field_ref is not None
            _write(root / item.path, field(metadata, item.field_ref.field_path).encode())
    elif source := volume.get("configMap"):
        wanted = convert(source, ConfigMap)
        try:
            data = await maps(wanted.name)
        except NotFound as error:
            if wanted.optional:
                return
            raise MountFailed(f'volume "{volume["name"]}": configmap "{wanted.name}" not found') from error
        for path, content in _files(wanted, data).items():
            _write(root / path, content)


def _files(wanted: ConfigMap, data: Mapping[str, bytes]) -> Mapping[str, bytes]:
    if wanted.items is None:
        return data
    absent = [item.key for item in wanted.items if item.key not in data]
    if absent and not wanted.optional:
        raise MountFailed(f'configmap "{wanted.name}" has no key "{absent[0]}"')
    return {item.path: data[item.key] for item in wanted.items if item.key in data}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(content)
