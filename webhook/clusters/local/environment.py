"""A container's environment and command line: pure.

The receiver's own environment is never part of it: that may hold secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...json import convert
from ..reading import INDEX
from .expansion import expand
from .fields import field
from .manifest import Container, EnvVar, FieldRef
from .places import Paths, PodFolder

COMPLETION_INDEX = "JOB_COMPLETION_INDEX"
TERMINATION = "JOBHOOK_TERMINATION_LOG"
"""Names the termination log. Unset on Kubernetes: write to `${JOBHOOK_TERMINATION_LOG:-/dev/termination-log}`."""


def environment(
    container: Container, metadata: Mapping[str, Any], *, folder: PodFolder, inherit: Mapping[str, str]
) -> dict[str, str]:
    """The variables of a container.

    Those of the manifest come in their order: each may use the ones before it by `$(NAME)`. A value that is a mounted
    path is changed to the real one.
    """
    paths = Paths.of(container, folder)
    declared: dict[str, str] = {}
    for variable in container.env or ():
        declared[variable.name] = paths.translate(_value(variable, metadata, declared))
    if INDEX in metadata["annotations"]:
        declared.setdefault(COMPLETION_INDEX, metadata["annotations"][INDEX])
    base = {
        **inherit,
        "HOME": str(folder.work),
        "TMPDIR": str(folder.temporary),
        TERMINATION: str(folder.termination(container.name)),
    }
    return base | declared


def command_line(container: Container, variables: Mapping[str, str], *, folder: PodFolder) -> list[str]:
    """A container's command and arguments, expanded; a word that is a mounted path is changed to the real one."""
    paths = Paths.of(container, folder)
    # Only the manifest's variables are known on Kubernetes; those of this machine's making stay unexpanded there too.
    own = {variable.name for variable in container.env or ()} | {COMPLETION_INDEX}
    known = {name: value for name, value in variables.items() if name in own}
    words = (*(container.command or ()), *(container.args or ()))
    return [paths.translate(expand(word, known)) for word in words]


def working_folder(container: Container, folder: PodFolder) -> Path:
    """Where a container starts."""
    return Paths.of(container, folder).working_folder(container.working_dir)


def _value(variable: EnvVar, metadata: Mapping[str, Any], declared: Mapping[str, str]) -> str:
    if variable.value_from is None:
        return expand(variable.value or "", declared)
    return field(metadata, convert(variable.value_from["fieldRef"], FieldRef).field_path)
