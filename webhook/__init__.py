"""Events in, Kubernetes Jobs out, completions back as events.

As a library: `from webhook import JobManager, JobManagerFactory` (docs/library.md).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .manager import BlockingJobs, JobManager, JobManagerFactory
    from .mounted import application

__all__ = ["BlockingJobs", "JobManager", "JobManagerFactory", "__version__", "application"]

__version__ = "0.1.0"

_HOMES = {
    "BlockingJobs": ".manager",
    "JobManager": ".manager",
    "JobManagerFactory": ".manager",
    "application": ".mounted",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more: a receiver has no use for the library, nor the command for either."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
