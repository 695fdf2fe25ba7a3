"""Where a manager's configuration comes from: the environment, as a receiver reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self

from ..settings import Settings, load
from .blocking import BlockingJobs
from .manager import JobManager
from .session import CALLER


class JobManagerFactory:
    """Make managers of one configuration.

    >>> factory = JobManagerFactory.from_vars("doctest", "default", "definitions", environ={"JOBHOOK_CLUSTER": "local"})
    >>> factory.settings.signature, factory.settings.cluster
    ('doctest', 'local')

    Attributes:
        settings: whole and checked.
    """

    def __init__(self, settings: Settings, *, environ: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self._environ = os.environ if environ is None else environ

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read JOB_SIGNATURE, JOB_NAMESPACE, JOB_DEFINITIONS_CONFIG_PATH and all else of docs/configuration.md.

        Args:
            environ: variables by name; None for the process's own.

        Raises:
            ConfigurationError: one line for each thing that is wrong, with its remedy.
        """
        environ = os.environ if environ is None else environ
        return cls(load(environ), environ=environ)

    @classmethod
    def from_vars(
        cls, signature: str, namespace: str, job_definitions_file_path: str, *, environ: Mapping[str, str] | None = None
    ) -> Self:
        """As `from_env`, with three values given.

        Args:
            signature: marks our Jobs, as the value of their label `app.kubernetes.io/managed-by`.
            namespace: where Jobs go.
            job_definitions_file_path: a folder of definitions, or one file of them.
            environ: all other variables; None for the process's own.

        Raises:
            ConfigurationError: as `from_env`.
        """
        given = {
            "JOB_SIGNATURE": signature,
            "JOB_NAMESPACE": namespace,
            "JOB_DEFINITIONS_CONFIG_PATH": str(job_definitions_file_path),
        }
        return cls.from_env({**(os.environ if environ is None else environ), **given})

    def manager(self, *, caller: str = CALLER) -> JobManager:
        """Make a manager; enter it (`async with`) before its first call.

        Args:
            caller: by which name Jobs are submitted and cancelled; idempotency keys are the caller's own.
        """
        return JobManager(self.settings, environ=self._environ, caller=caller)

    def blocking(self, *, caller: str = CALLER) -> BlockingJobs:
        """Make the same for scripts that are not async; enter it (`with`) before its first call."""
        return BlockingJobs(self.manager(caller=caller))
