"""Which of the two clusters: each is imported only where it is wanted."""

from __future__ import annotations

from collections.abc import Mapping

from ..metrics import Metrics
from ..ports import Cluster
from ..settings import Settings


def cluster_of(settings: Settings, environ: Mapping[str, str], metrics: Metrics) -> Cluster:
    """Make the cluster that the settings name; entering it connects.

    Args:
        settings: whole and checked.
        environ: where Kubernetes' own variables are.
        metrics: counts what the watches meet.

    Raises:
        ConfigurationError: there is no usable kubeconfig.
    """
    if settings.cluster == "local":
        from .local import LocalCluster

        return LocalCluster(settings.data, namespace=settings.namespace or "default", signature=settings.signature)
    from .kubernetes import KubernetesCluster, Place, default_namespace, pod_namespace

    place = Place(environment=environ, kubeconfig=settings.kubeconfig)
    namespace = settings.namespace or default_namespace(place)
    own = settings.own_namespace or pod_namespace(place)
    return KubernetesCluster(
        signature=settings.signature,
        namespace=namespace,
        records_namespace=own or namespace,
        barred=settings.own_account if own in {None, namespace} else None,
        place=place,
        metrics=metrics,
        proxy=settings.proxy,
    )
