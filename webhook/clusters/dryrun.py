"""The configured cluster, asked what it would say to a Job that it does not keep."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from ..errors import NotFound
from ..metrics import Metrics
from ..ports import Manifest
from ..settings import Settings
from .choice import cluster_of

if TYPE_CHECKING:
    from .kubernetes import KubernetesCluster


class DryRuns(Protocol):
    """What a check asks of a cluster."""

    @property
    def namespace(self) -> str:
        """Where Jobs would go."""
        ...

    async def dry_run(self, manifest: Manifest) -> None:
        """Judge a Job. Raises ManifestRefused, ClusterUnavailable."""
        ...

    async def template(self, namespace: str, name: str, key: str) -> str:
        """Read a definition's template from a ConfigMap. Raises NotFound, ClusterUnavailable."""
        ...


@asynccontextmanager
async def dry_runs(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[DryRuns]:
    """Connect to the cluster that the settings name. Raises ConfigurationError."""
    if settings.cluster == "local":
        yield _Local(settings.namespace or "default")
        return
    from .kubernetes import KubernetesCluster

    cluster = cluster_of(settings, environ, Metrics())
    assert isinstance(cluster, KubernetesCluster)
    async with cluster:
        yield _Kubernetes(cluster)


class _Kubernetes:
    def __init__(self, cluster: KubernetesCluster) -> None:
        self.namespace = cluster.jobs.namespace
        self.dry_run = cluster.jobs.dry_run
        self.template = cluster.records.template


class _Local:
    """This machine's own rules; nothing has to run for that."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    async def dry_run(self, manifest: Manifest) -> None:
        from .local.validation import validate

        validate(manifest, namespace=self.namespace)

    async def template(self, namespace: str, name: str, key: str) -> str:
        raise NotFound(f"{namespace}/{name} ({key}): templates in ConfigMaps need Kubernetes; use spec or spec_path")
