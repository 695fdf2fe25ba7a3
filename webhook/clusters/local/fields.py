"""A pod's own fields, for variables and files (the downward API): pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...json import dump

_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_PLAIN = frozenset({"metadata.name", "metadata.namespace", "metadata.uid"})
_WHOLE = frozenset({"metadata.labels", "metadata.annotations"})


def known(path: str, *, in_file: bool) -> bool:
    """Whether a field can be had here; whole mappings only in files, as on Kubernetes."""
    return path in _PLAIN or bool(_KEYED.fullmatch(path)) or (in_file and path in _WHOLE)


def field(metadata: Mapping[str, Any], path: str) -> str:
    """The text of a known field; empty for a label or an annotation that is not there."""
    if match := _KEYED.fullmatch(path):
        return str(metadata[match[1]].get(match[2], ""))
    value = metadata[path.removeprefix("metadata.")]
    if isinstance(value, Mapping):
        return "\n".join(f"{name}={dump(value[name]).decode()}" for name in sorted(value))
    return str(value)
