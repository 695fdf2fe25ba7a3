"""The two clusters: Kubernetes, and this machine."""
