"""A check's sample events, tried on a cluster: what its API server would say to the Jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..definitions import ConfigMap
from ..definitions.loading import Written
from ..errors import ManifestRefused, NotFound, ValueRefused
from ..newjob import new_job
from ..rendering import render
from .checks import Checked, failure
from .finding import Finding


class Cluster(Protocol):
    """What is asked of it; `clusters.dryrun` has two."""

    @property
    def namespace(self) -> str:
        """Where Jobs would go."""
        ...

    async def dry_run(self, manifest: dict[str, Any]) -> None:
        """Judge a Job. Raises ManifestRefused."""
        ...

    async def template(self, namespace: str, name: str, key: str) -> str:
        """Read a template. Raises NotFound."""
        ...


async def templates(written: Written, cluster: Cluster) -> Mapping[ConfigMap, str]:
    """Fetch the templates that are in ConfigMaps; one that is not there is left out. Raises ClusterUnavailable."""
    found = {}
    for namespace, name in sorted(written.config_maps):
        try:
            found[namespace, name] = await cluster.template(namespace, name, name)
        except NotFound:
            continue  # the check says where it is named, and what to do
    return found


async def dry_run(checked: Checked, cluster: Cluster, *, signature: str) -> Checked:
    """Let a cluster judge the Job of each sample event. Raises ClusterUnavailable."""
    findings: list[Finding] = []
    for entry, definition, trial in checked.trials:
        if trial.arrival is None or trial.rendered is None:
            continue
        try:
            # Anew: what was rendered for the comparison names no namespace, and this one may be refused for that.
            rendered = render(definition, trial.arrival, namespace=cluster.namespace)
            new = new_job(
                definition,
                rendered,
                trial.arrival,
                receipt="check",
                namespace=cluster.namespace,
                signature=signature,
            )
            await cluster.dry_run(new.manifest)
        except (ManifestRefused, ValueRefused) as error:
            findings.append(failure(entry, trial, f"the cluster refuses the Job: {error}", "correct the template"))
    return checked.also(findings)
