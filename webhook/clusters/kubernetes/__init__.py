"""The Kubernetes cluster: raw JSON over the official client's configuration, authentication, TLS and transport.

`transport` is the one way out; `verdicts` holds the one table that makes our errors of the API server's answers.
"""

from .cluster import KubernetesCluster
from .configuration import Place
from .namespaces import default_namespace, pod_namespace

__all__ = ["KubernetesCluster", "Place", "default_namespace", "pod_namespace"]
