"""The library: run Jobs and look after them, from Python, over either cluster."""

from .blocking import BlockingJobs
from .factory import JobManagerFactory
from .manager import JobManager

__all__ = ["BlockingJobs", "JobManager", "JobManagerFactory"]
