"""Which namespace is ours where nobody says."""

from __future__ import annotations

from ...errors import ConfigurationError
from .configuration import Place


def pod_namespace(place: Place) -> str | None:
    """Name the namespace of the pod that this is, or None where it is none."""
    try:
        return (place.service_account / "namespace").read_text("utf-8").strip() or None
    except OSError:
        return None


def default_namespace(place: Place) -> str:
    """Name the pod's own namespace, else the kubeconfig's current context's, else `default`."""
    return pod_namespace(place) or _of_context(place.files()) or "default"


def _of_context(files: str | None) -> str | None:
    if not files:
        return None
    from kubernetes.aio.config import list_kube_config_contexts  # only who has a kubeconfig pays it

    try:
        _, current = list_kube_config_contexts(files)  # type: ignore[no-untyped-call]
        namespace: str | None = current["context"].get("namespace")
    except Exception as error:  # as `Place.load`
        raise ConfigurationError(f"KUBECONFIG={files}: cannot be used: {error}") from error
    return namespace
