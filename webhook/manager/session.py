"""A manager's connection: opened, used, closed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from .. import marks
from ..job import Job
from ..quiet import as_library
from ..settings import Settings
from .parts import Parts, opened

CALLER = "library"


class Session:
    """What every call of a manager stands on.

    Args:
        settings: whole and checked.
        environ: where Kubernetes' own variables are.
        caller: by which name Jobs are submitted and cancelled; no spaces.
    """

    def __init__(self, settings: Settings, *, environ: Mapping[str, str], caller: str = CALLER) -> None:
        self._settings, self._environ, self._caller = settings, environ, caller
        self._stack = AsyncExitStack()
        self._opened: Parts | None = None

    async def __aenter__(self) -> Self:
        as_library()
        self._opened = await self._stack.enter_async_context(opened(self._settings, self._environ))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened = None
        await self._stack.__aexit__(kind, error, trace)

    @property
    def _parts(self) -> Parts:
        if self._opened is None:
            raise RuntimeError("the JobManager is not open: write `async with factory.manager() as manager:`")
        return self._opened

    @property
    def namespace(self) -> str:
        """Where the Jobs are."""
        return self._parts.jobs.namespace

    @property
    def definitions(self) -> tuple[str, ...]:
        """The names that `create_job` takes at the moment."""
        return self._parts.library.current.names

    def label_selector(self, job_definition_name: str | None = None) -> str:
        """The selector of our Jobs, or of one definition's, as Kubernetes writes it: for kubectl and dashboards."""
        definition = {marks.DEFINITION: job_definition_name} if job_definition_name else {}
        return marks.selector({marks.MANAGED_BY: self._settings.signature, **definition})


def name_of(job: Job | str) -> str:
    """A Job's name, given either."""
    return job if isinstance(job, str) else job.name
