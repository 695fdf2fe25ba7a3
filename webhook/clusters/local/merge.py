"""JSON merge patches (RFC 7386), and which fields of a Job they may change: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ManifestRefused

MUTABLE = frozenset({"suspend", "activeDeadlineSeconds", "parallelism", "backoffLimit", "ttlSecondsAfterFinished"})
"""Of a Job's spec; Kubernetes calls the rest immutable."""
FIXED = ("name", "namespace", "uid", "creationTimestamp")


def merge(target: Any, patch: Any) -> Any:
    """Apply a merge patch (RFC 7386 §2): null removes, mappings merge, all else replaces. Nothing given is changed.

    >>> merge({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None}, "d": [2]})
    {'a': {'c': 2}, 'd': [2]}
    """
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def merge_job(job: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Patch a Job as its main resource: `status` stays as it is.

    Raises:
        ManifestRefused: a field would change that may not.
    """
    patched = merge(job, {name: value for name, value in patch.items() if name != "status"})
    problems = [
        f"{name}: Invalid value: field is immutable"
        for name in ("apiVersion", "kind")
        if patched.get(name) != job[name]
    ]
    old, new = job["metadata"], _mapping(patched, "metadata")
    problems += [f"metadata.{name}: Invalid value: field is immutable" for name in FIXED if new.get(name) != old[name]]
    before, after = job["spec"], _mapping(patched, "spec")
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    problems += [f"spec.{name}: Invalid value: field is immutable" for name in changed if name not in MUTABLE]
    if problems:
        raise ManifestRefused(f'Job.batch "{old["name"]}" is invalid: {"; ".join(problems)}')
    new["resourceVersion"] = old["resourceVersion"]
    return dict(patched)


def _mapping(job: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = job.get(name)
    if not isinstance(found, dict):
        raise ManifestRefused(f"Job.batch is invalid: {name}: Required value")
    return found
