"""What the API server would refuse in a Job, refused here: pure, and in its words.

Unknown fields are kept and ignored; of the known ones those are looked at that this cluster acts on (`manifest`). What
Kubernetes can do and this cluster cannot is refused too, where leaving it out would change what a Job does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...errors import ManifestRefused
from ...json import NotJson, convert, dump, load
from . import syntax
from .manifest import Container, JobManifest, JobSpec, Metadata, PodSpec

MAX_INT32 = 2**31 - 1
MAX_INDEXES = 100_000
MAX_OBJECT = 1536 * 1024
"""Bytes; etcd takes about as much in one request."""
HERE = "not on the local cluster"


def validate(manifest: Any, *, namespace: str) -> tuple[dict[str, Any], JobManifest]:
    """Check a Job; answer it as plain JSON, and read.

    Raises:
        ManifestRefused: with all that is wrong.
    """
    try:
        text = dump(manifest)
        plain = load(text)
        job = convert(plain, JobManifest)
    except NotJson as error:
        raise ManifestRefused(f'Job in version "v1" cannot be handled as a Job: {error}') from error
    problems = list(_problems(job, namespace))
    if len(text) > MAX_OBJECT:
        problems.append(f"Request entity too large: limit is {MAX_OBJECT} bytes")
    if problems:
        name = (job.metadata.name or "")[:80]
        raise ManifestRefused(f'Job.batch "{name}" is invalid: {"; ".join(problems[:20])}')
    return plain, job


def _problems(job: JobManifest, namespace: str) -> Iterator[str]:
    if job.api_version != "batch/v1":
        yield f"apiVersion: Unsupported value: {_quote(job.api_version)}: supported values: batch/v1"
    if job.kind != "Job":
        yield f"kind: Unsupported value: {_quote(job.kind)}: supported values: Job"
    if not job.metadata.name:
        yield "metadata.name: Required value"
    elif problem := syntax.dns_label(job.metadata.name):
        yield f"metadata.name: Invalid value: {_quote(job.metadata.name)}: {problem}"
    if job.metadata.namespace not in {None, "", namespace}:
        given = job.metadata.namespace
        yield f"metadata.namespace: the namespace of the provided object ({given}) does not match {namespace}"
    yield from _metadata(job.metadata, "metadata")
    yield from _metadata(job.spec.template.metadata or Metadata(), "spec.template.metadata")
    yield from _spec(job.spec)
    yield from _pod(job.spec.template.spec)


def _metadata(metadata: Metadata, place: str) -> Iterator[str]:
    for problem in syntax.label_problems(metadata.labels):
        yield f"{place}.labels: {problem}"
    for problem in syntax.annotation_problems(metadata.annotations):
        yield f"{place}.annotations: {problem}"


def _spec(spec: JobSpec) -> Iterator[str]:
    numbers = {
        "parallelism": spec.parallelism,
        "completions": spec.completions,
        "backoffLimit": spec.backoff_limit,
        "backoffLimitPerIndex": spec.backoff_limit_per_index,
        "maxFailedIndexes": spec.max_failed_indexes,
        "activeDeadlineSeconds": spec.active_deadline_seconds,
        "ttlSecondsAfterFinished": spec.ttl_seconds_after_finished,
        "template.spec.terminationGracePeriodSeconds": spec.template.spec.termination_grace_period_seconds,
    }
    for name, number in numbers.items():
        if number is not None and not 0 <= number <= MAX_INT32:
            yield f"spec.{name}: Invalid value: {number}: must be greater than or equal to 0, and an int32"
    if spec.indexed and spec.completions is None:
        yield "spec.completions: Required value: when completion mode is Indexed"
    if spec.indexed and max(spec.completions or 0, spec.parallelism or 0) > MAX_INDEXES:
        yield f"spec: Invalid value: completions and parallelism of an Indexed Job may be {MAX_INDEXES} at most"
    if not spec.indexed and (spec.backoff_limit_per_index is not None or spec.max_failed_indexes is not None):
        yield "spec.backoffLimitPerIndex: Invalid value: requires indexed completion mode"
    if spec.max_failed_indexes is not None and spec.backoff_limit_per_index is None:
        yield "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"
    if spec.success_policy is not None:
        yield f"spec.successPolicy: Forbidden: {HERE}"
    yield from _failure_policy(spec)


def _failure_policy(spec: JobSpec) -> Iterator[str]:
    if spec.pod_failure_policy is None:
        return
    if spec.on_failure:
        yield 'spec.template.spec.restartPolicy: Invalid value: only "Never" is supported with podFailurePolicy'
    for number, rule in enumerate(spec.pod_failure_policy.rules):
        place = f"spec.podFailurePolicy.rules[{number}]"
        if (rule.on_exit_codes is None) == (not rule.on_pod_conditions):
            yield f"{place}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"
        if rule.on_exit_codes and (not rule.on_exit_codes.values or len(rule.on_exit_codes.values) > 255):
            yield f"{place}.onExitCodes.values: Invalid value: 1 to 255 values are required"
        if rule.on_exit_codes and rule.on_exit_codes.operator == "In" and 0 in rule.on_exit_codes.values:
            yield f"{place}.onExitCodes.values: Invalid value: 0: must not be 0 for the In operator"
        if rule.action == "FailIndex" and spec.backoff_limit_per_index is None:
            yield f"{place}.action: Invalid value: FailIndex: requires the use of backoffLimitPerIndex"


def _pod(pod: PodSpec) -> Iterator[str]:
    place = "spec.template.spec"
    if pod.restart_policy not in {"Never", "OnFailure"}:
        given = _quote(pod.restart_policy)
        yield f'{place}.restartPolicy: Unsupported value: {given}: supported values: "OnFailure", "Never"'
    if not pod.containers:
        yield f"{place}.containers: Required value"
    volumes = _volumes(pod)
    names: set[str] = set()
    for kind, containers in (("initContainers", pod.init_containers), ("containers", pod.containers)):
        for number, container in enumerate(containers or ()):
            where = f"{place}.{kind}[{number}]"
            if container.name in names:
                yield f"{where}.name: Duplicate value: {_quote(container.name)}"
            names.add(container.name)
            yield from _container(container, where, volumes)
    for number, volume in enumerate(pod.volumes or ()):
        if problem := syntax.dns_label(str(volume.get("name", ""))):
            yield f"{place}.volumes[{number}].name: Invalid value: {problem}"
    if len(volumes) < len(pod.volumes or ()):
        yield f"{place}.volumes: Duplicate value: a name"


def _container(container: Container, where: str, volumes: set[str]) -> Iterator[str]:
    if problem := syntax.dns_label(container.name):
        yield f"{where}.name: Invalid value: {_quote(container.name)}: {problem}"
    if container.restart_policy is not None:
        yield f"{where}.restartPolicy: Forbidden: {HERE} (no sidecars)"
    for number, variable in enumerate(container.env or ()):
        at = f"{where}.env[{number}]"
        if not variable.name or "=" in variable.name or "\0" in variable.name:
            yield f"{at}.name: Invalid value: {_quote(variable.name)}: must be a name of an environment variable"
        if variable.value and variable.value_from:
            yield f"{at}.valueFrom: Invalid value: may not be specified when `value` is not empty"
    texts = (*(container.command or ()), *(container.args or ()), *(v.value or "" for v in container.env or ()))
    if any("\0" in text for text in texts):
        yield f"{where}: Invalid value: no NUL may be in a command, an argument or a variable"
    yield from _mounts(container, where, volumes)


def _mounts(container: Container, where: str, volumes: set[str]) -> Iterator[str]:
    for number, mount in enumerate(container.volume_mounts or ()):
        at = f"{where}.volumeMounts[{number}]"
        if mount.name not in volumes:
            yield f"{at}.name: Not found: {_quote(mount.name)}"
        if not mount.mount_path:
            yield f"{at}.mountPath: Required value"
        if mount.sub_path.startswith("/") or ".." in mount.sub_path.split("/"):
            yield f"{at}.subPath: Invalid value: {_quote(mount.sub_path)}: must be a relative path without '..'"


def _volumes(pod: PodSpec) -> set[str]:
    return {str(volume.get("name", "")) for volume in pod.volumes or ()}


def _quote(text: str | None) -> str:
    return f'"{(text or "")[:80]}"'
