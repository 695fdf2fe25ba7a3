"""This machine as a cluster: Jobs in a SQLite file, their containers as processes."""

from __future__ import annotations

from .cluster import Limits, LocalCluster
from .decide import Backoff

__all__ = ["Backoff", "Limits", "LocalCluster"]
