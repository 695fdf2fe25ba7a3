"""The parts of a Job's manifest that this cluster acts on, by Kubernetes' names.

What is not here is stored and otherwise ignored: image and its pulling, resources, probes, lifecycle hooks, ports,
security contexts, service accounts, scheduling (nodeSelector, affinity, tolerations, priorities), DNS and host
settings, a pod's own activeDeadlineSeconds, podReplacementPolicy, finalizers and ownerReferences.
"""

from __future__ import annotations

from typing import Any, Literal

from ...json import Struct

GRACE_SECONDS = 30
TERMINATION_LOG = "/dev/termination-log"
FALLBACK_TO_LOGS = "FallbackToLogsOnError"
OUR_CONTROLLER = "kubernetes.io/job-controller"


class FieldRef(Struct, rename="camel", frozen=True):
    """ObjectFieldSelector."""

    field_path: str = ""


class EnvVar(Struct, rename="camel", frozen=True):
    """EnvVar; of `valueFrom`, `fieldRef` alone can be had here."""

    name: str = ""
    value: str | None = None
    value_from: dict[str, Any] | None = None


class VolumeMount(Struct, rename="camel", frozen=True):
    """VolumeMount."""

    name: str = ""
    mount_path: str = ""
    sub_path: str = ""


class Container(Struct, rename="camel", frozen=True):
    """Container, also an init container."""

    name: str = ""
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    env: tuple[EnvVar, ...] | None = None
    env_from: tuple[dict[str, Any], ...] | None = None
    working_dir: str | None = None
    volume_mounts: tuple[VolumeMount, ...] | None = None
    termination_message_path: str | None = None
    termination_message_policy: Literal["File", "FallbackToLogsOnError"] | None = None
    restart_policy: str | None = None


class DownwardItem(Struct, rename="camel", frozen=True):
    """DownwardAPIVolumeFile."""

    path: str = ""
    field_ref: FieldRef | None = None
    resource_field_ref: dict[str, Any] | None = None


class Downward(Struct, frozen=True):
    """DownwardAPIVolumeSource."""

    items: tuple[DownwardItem, ...] | None = None


class KeyToPath(Struct, frozen=True):
    """KeyToPath."""

    key: str = ""
    path: str = ""


class ConfigMap(Struct, frozen=True):
    """ConfigMapVolumeSource."""

    name: str = ""
    items: tuple[KeyToPath, ...] | None = None
    optional: bool | None = None


class PodSpec(Struct, rename="camel", frozen=True):
    """PodSpec; volumes stay as they are, because their kind is the name of a field."""

    containers: tuple[Container, ...] | None = None
    init_containers: tuple[Container, ...] | None = None
    volumes: tuple[dict[str, Any], ...] | None = None
    restart_policy: str | None = None
    termination_grace_period_seconds: int | None = None


class Metadata(Struct, rename="camel", frozen=True):
    """ObjectMeta, as far as a client gives it."""

    name: str | None = None
    namespace: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Template(Struct, frozen=True):
    """PodTemplateSpec."""

    metadata: Metadata | None = None
    spec: PodSpec = PodSpec()


class ExitCodes(Struct, rename="camel", frozen=True):
    """PodFailurePolicyOnExitCodesRequirement."""

    operator: Literal["In", "NotIn"]
    values: tuple[int, ...]
    container_name: str | None = None


class PodCondition(Struct, frozen=True):
    """PodFailurePolicyOnPodConditionsPattern."""

    type: str
    status: str = "True"


class Rule(Struct, rename="camel", frozen=True):
    """PodFailurePolicyRule."""

    action: Literal["FailJob", "FailIndex", "Ignore", "Count"]
    on_exit_codes: ExitCodes | None = None
    on_pod_conditions: tuple[PodCondition, ...] | None = None


class FailurePolicy(Struct, frozen=True):
    """PodFailurePolicy."""

    rules: tuple[Rule, ...] = ()


class JobSpec(Struct, rename="camel", frozen=True):
    """JobSpec."""

    parallelism: int | None = None
    completions: int | None = None
    completion_mode: Literal["NonIndexed", "Indexed"] | None = None
    backoff_limit: int | None = None
    backoff_limit_per_index: int | None = None
    max_failed_indexes: int | None = None
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
    suspend: bool | None = None
    managed_by: str | None = None
    pod_failure_policy: FailurePolicy | None = None
    success_policy: dict[str, Any] | None = None
    template: Template = Template()

    @property
    def indexed(self) -> bool:
        """Whether each pod has an index of its own."""
        return self.completion_mode == "Indexed"

    @property
    def on_failure(self) -> bool:
        """Whether containers are restarted in their pod."""
        return self.template.spec.restart_policy == "OnFailure"

    @property
    def grace_seconds(self) -> int:
        """How long after SIGTERM a process is killed."""
        given = self.template.spec.termination_grace_period_seconds
        return GRACE_SECONDS if given is None else given


class JobManifest(Struct, rename="camel", frozen=True):
    """A Job as a client gives it."""

    api_version: str | None = None
    kind: str | None = None
    metadata: Metadata = Metadata()
    spec: JobSpec = JobSpec()
