"""The Kubernetes cluster, put together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Self

from ...metrics import Metrics
from .configuration import Place
from .connection import Connection
from .identities import KubernetesIdentities
from .jobs import KubernetesJobs
from .pace import Timing
from .records import KubernetesRecords
from .transport import Transport
from .watches import Watches


class KubernetesCluster:
    """`ports.Cluster` on an API server; entering it reads the configuration and sends nothing yet.

    Args:
        signature: JOB_SIGNATURE, the value of the label by which we know what is ours.
        namespace: where Jobs and the records beside them go.
        records_namespace: where our own records go.
        place: where the configuration is.
        barred: a service account that no Job may have: our own, where Jobs are in its namespace.
        proxy: the URL of a proxy, for a kubeconfig that names none; the environment's are not looked at.
        connections: at most so many at once; every watch and every followed log holds one.
    """

    def __init__(
        self,
        *,
        signature: str,
        namespace: str,
        records_namespace: str,
        place: Place,
        metrics: Metrics,
        barred: str | None = None,
        proxy: str | None = None,
        connections: int = 100,
        timing: Timing | None = None,
    ) -> None:
        self._place, self._proxy, self._connections = place, proxy, connections
        self._transport = transport = Transport()
        self._watches = watches = Watches(transport, metrics, timing or Timing())
        self._jobs = KubernetesJobs(transport, watches, namespace=namespace, signature=signature, barred=barred)
        self._payloads = KubernetesRecords(transport, watches, namespace=namespace, signature=signature)
        self._records = KubernetesRecords(transport, watches, namespace=records_namespace, signature=signature)
        self._identities = KubernetesIdentities(transport)

    @property
    def jobs(self) -> KubernetesJobs:
        """The Jobs, in `namespace`."""
        return self._jobs

    @property
    def records(self) -> KubernetesRecords:
        """Our own records, in `records_namespace`."""
        return self._records

    @property
    def payloads(self) -> KubernetesRecords:
        """Records beside the Jobs, in `namespace`."""
        return self._payloads

    @property
    def identities(self) -> KubernetesIdentities:
        """Who a token belongs to, by TokenReview."""
        return self._identities

    @property
    def problems(self) -> Sequence[str]:
        """Why watches hear nothing at the moment, for readiness; a missing right stands here until it is granted."""
        return self._watches.problems

    def age(self) -> timedelta | None:
        """Since the API server last answered, whatever was asked; None where it never did."""
        return self._transport.age()

    async def __aenter__(self) -> Self:
        """Read the configuration. Raises ConfigurationError."""
        self._transport.open(await Connection.open(self._place, proxy=self._proxy, connections=self._connections))
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close every connection."""
        await self._transport.close()
