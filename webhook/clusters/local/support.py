"""What a Job asks that processes of this machine cannot give: found before the first of them starts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...json import NotJson, convert
from . import fields
from .manifest import ConfigMap, Container, Downward, FieldRef, PodSpec
from .tally import Verdict

NO_COMMAND = "NoCommand"
UNSUPPORTED = "Unsupported"


def verdict(pod: PodSpec) -> Verdict | None:
    """How a Job ends at once because of what it asks, or None."""
    containers = (*(pod.init_containers or ()), *(pod.containers or ()))
    for container in containers:
        if not container.command:
            message = (
                f'container "{container.name}" has no command: images are not pulled on the local cluster, so that what'
                " an image would run is not known; give it a command, or run it on Kubernetes"
            )
            return Verdict(False, NO_COMMAND, message)
    problem = next(_problems(pod), None)
    if problem is None:
        return None
    return Verdict(False, UNSUPPORTED, f"not on the local cluster: {problem}")


def _problems(pod: PodSpec) -> Iterator[str]:
    for container in (*(pod.init_containers or ()), *(pod.containers or ())):
        yield from _variables(container)
    for volume in pod.volumes or ():
        yield from _volume(volume)


def _variables(container: Container) -> Iterator[str]:
    place = f'container "{container.name}"'
    if container.env_from:
        yield f"envFrom of {place}"
    for variable in container.env or ():
        source = variable.value_from
        if source is None:
            continue
        if set(source) != {"fieldRef"}:
            yield f'valueFrom.{"/".join(sorted(source))} of variable "{variable.name}" of {place}'
        elif not fields.known(_field_path(source["fieldRef"]), in_file=False):
            yield f'fieldRef {_field_path(source["fieldRef"])} of variable "{variable.name}" of {place}'


def _volume(volume: dict[str, Any]) -> Iterator[str]:
    place = f'volume "{volume.get("name")}"'
    kinds = sorted(set(volume) - {"name"})
    if kinds not in (["emptyDir"], ["downwardAPI"], ["configMap"]):
        yield f"{'/'.join(kinds) or 'no kind'} of {place}"
        return
    try:
        downward = convert(volume.get("downwardAPI") or {}, Downward)
        config_map = convert(volume.get("configMap") or {}, ConfigMap)
    except NotJson as error:
        yield f"{place}: {error}"
        return
    for item in downward.items or ():
        if item.field_ref is None or not fields.known(item.field_ref.field_path, in_file=True):
            yield f"item {item.path} of {place}"
    paths = [item.path for item in downward.items or ()] + [item.path for item in config_map.items or ()]
    for path in paths:
        if not path or path.startswith("/") or ".." in path.split("/"):
            yield f"path {path} of {place}"


def _field_path(reference: Any) -> str:
    try:
        return convert(reference, FieldRef).field_path
    except NotJson:
        return ""
