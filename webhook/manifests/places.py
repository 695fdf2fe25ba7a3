"""Where values may go: a list of places in a Job, each with the kind of value that it takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import Enum

from ..marks import MANAGED_BY

Path = tuple[str | int, ...]


class Kind(Enum):
    """How a value is put into a place."""

    TEXT = "a text"
    EXPANDED = "a text in which the kubelet expands $(…)"
    SCRIPT = "a shell's script"
    LABEL = "a label's value"
    NAME = "a DNS label"
    INTEGER = "an integer"
    SCALAR = "a text, a number or a boolean"
    LIST = "a list of texts in which the kubelet expands $(…)"
    TREE = "a mapping or a list of texts and numbers"


class Allow(Enum):
    """What a definition may opt in to; a closed list."""

    IMAGE = "image"
    COMMAND = "command"
    WORKING_DIR = "workingDir"
    SERVICE_ACCOUNT_NAME = "serviceAccountName"
    NODE_SELECTOR = "nodeSelector"
    RESOURCES = "resources"
    VOLUMES = "volumes"
    SECURITY_CONTEXT = "securityContext"


_POD = ("spec", "template", "spec")
_CONTAINERS = ("containers", "initContainers")
_ITEM, _KEY, _REST = "#", "*", "**"

_JOB_INTEGERS = (
    *("parallelism", "completions", "backoffLimit", "backoffLimitPerIndex", "maxFailedIndexes"),
    *("activeDeadlineSeconds", "ttlSecondsAfterFinished"),
)
_SAFE: tuple[tuple[tuple[str, ...], Kind], ...] = (
    (("metadata", "labels", _KEY), Kind.LABEL),
    (("metadata", "annotations", _KEY), Kind.TEXT),
    (("spec", "template", "metadata", "labels", _KEY), Kind.LABEL),
    (("spec", "template", "metadata", "annotations", _KEY), Kind.TEXT),
    *((("spec", name), Kind.INTEGER) for name in _JOB_INTEGERS),
    ((*_POD, "activeDeadlineSeconds"), Kind.INTEGER),
    ((*_POD, "terminationGracePeriodSeconds"), Kind.INTEGER),
)
_IN_CONTAINER: tuple[tuple[tuple[str, ...], Kind], ...] = (
    (("name",), Kind.NAME),
    (("env", _ITEM, "value"), Kind.EXPANDED),
    (("args", _ITEM), Kind.EXPANDED),
    (("args",), Kind.LIST),
)
_OPTED_IN_CONTAINER: dict[Allow, tuple[tuple[tuple[str, ...], Kind], ...]] = {
    Allow.IMAGE: ((("image",), Kind.TEXT),),
    Allow.COMMAND: ((("command", _ITEM), Kind.EXPANDED), (("command",), Kind.LIST)),
    Allow.WORKING_DIR: ((("workingDir",), Kind.TEXT),),
    Allow.RESOURCES: ((("resources",), Kind.TREE), (("resources", _REST), Kind.SCALAR)),
    Allow.VOLUMES: (
        (("volumeMounts", _ITEM, "subPathExpr"), Kind.EXPANDED),
        (("volumeMounts", _ITEM, _REST), Kind.SCALAR),
    ),
    Allow.SECURITY_CONTEXT: ((("securityContext", _REST), Kind.SCALAR),),
}
_OPTED_IN_POD: dict[Allow, tuple[tuple[tuple[str, ...], Kind], ...]] = {
    Allow.SERVICE_ACCOUNT_NAME: ((("serviceAccountName",), Kind.TEXT),),
    Allow.NODE_SELECTOR: ((("nodeSelector",), Kind.TREE), (("nodeSelector", _KEY), Kind.TEXT)),
    Allow.VOLUMES: ((("volumes", _ITEM, _REST), Kind.SCALAR),),
    Allow.SECURITY_CONTEXT: ((("securityContext", _REST), Kind.SCALAR),),
}
_NEVER = frozenset(
    {
        *("hostNetwork", "hostPID", "hostIPC", "hostUsers", "hostPath", "hostPort", "hostProcess", "hostIP"),
        *("privileged", "allowPrivilegeEscalation", "capabilities", "procMount"),
    }
)
_OURS = "jobhook.dev/"


def kind_at(path: Path, allow: Collection[Allow]) -> Kind | None:
    """The kind of value that a place takes, or None where no value may go."""
    if _never(path) or path[-1] == MANAGED_BY or str(path[-1]).startswith(_OURS):
        return None
    return next((kind for pattern, kind in _patterns(allow) if _matches(pattern, path)), None)


def remedy_at(path: Path) -> str:
    """What to write so that a value may go there, or why it never may."""
    if _never(path):
        return "host access and privileges are never decided by a value: write it out"
    needed = next((option for option in Allow if kind_at(path, (option,)) is not None), None)
    if needed:
        return f"if it is meant, add `allow: [{needed.value}]` to the definition"
    return "write it out, or pass the value in env, args, a label or an annotation"


def _never(path: Path) -> bool:
    return path[: len(_POD)] == _POD and any(step in _NEVER for step in path)


def _patterns(allow: Collection[Allow]) -> Iterator[tuple[tuple[str, ...], Kind]]:
    yield from _SAFE
    for containers in _CONTAINERS:
        within = (*_POD, containers, _ITEM)
        yield from (((*within, *pattern), kind) for pattern, kind in _IN_CONTAINER)
        for option in allow:
            yield from (((*within, *pattern), kind) for pattern, kind in _OPTED_IN_CONTAINER.get(option, ()))
    for option in allow:
        yield from (((*_POD, *pattern), kind) for pattern, kind in _OPTED_IN_POD.get(option, ()))


def _matches(pattern: tuple[str, ...], path: Path) -> bool:
    if pattern[-1] == _REST:
        pattern = pattern[:-1]
        if len(path) <= len(pattern):
            return False
        path = path[: len(pattern)]
    return len(pattern) == len(path) and all(
        isinstance(step, int) if wanted == _ITEM else isinstance(step, str) and wanted in {_KEY, step}
        for wanted, step in zip(pattern, path, strict=True)
    )
