"""What a manager stands on: the receiver's use cases, without its doors and its deliveries."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from .. import marks
from ..clusters.choice import cluster_of
from ..completion import TYPES
from ..definitions import Rule
from ..definitions.library import Library
from ..events import JOBS_DOOR
from ..job import Job
from ..launch import Launcher
from ..ledger import Ledger
from ..metrics import Metrics
from ..ports import Cluster, Jobs
from ..settings import Settings
from ..submit import Submitter


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The collaborators of one manager that is open.

    Attributes:
        submitter: for orders without a key: no other can be the same, so the ledger need not be asked.
        remembering: for orders with a key.
        sinks: whether completions are sent to somebody, by this configuration.
    """

    cluster: Cluster
    library: Library
    ledger: Ledger
    submitter: Submitter
    remembering: Submitter
    sinks: bool

    @property
    def jobs(self) -> Jobs:
        """The Jobs of the namespace that bear our signature."""
        return self.cluster.jobs

    def owed(self, job: Job) -> bool:
        """Whether a finished Job's completion still has to reach somebody: a sink, or a definition's next step.

        Without either, and where no receiver has begun to deliver, a finished Job counts as delivered.
        """
        if job.labels.get(marks.COMPLETION) != marks.PENDING:
            return False
        begun = {marks.CLAIM, marks.DELIVERY} & set(job.annotations)
        return bool(begun) or self.sinks or self._next_steps()

    def _next_steps(self) -> bool:
        return any(_takes_completions(rule) for definition in self.library.current for rule in definition.rules)


def _takes_completions(rule: Rule) -> bool:
    """Whether a rule could take a completion, by the two things that are the same of all."""
    for condition in rule.conditions:
        if condition.attribute == "type" and not any(condition.holds(type_) for type_ in TYPES.values()):
            return False
        if condition.attribute == "via" and not condition.holds(JOBS_DOOR):
            return False
    return True


@asynccontextmanager
async def opened(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Parts]:
    """Connect, load the definitions and watch them; leaving ends all of that.

    Raises:
        ConfigurationError: the definitions or the cluster cannot be had as configured.
    """
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(cluster_of(settings, environ, metrics))
        library = Library(
            settings.definitions,
            metrics=metrics,
            records=cluster.records,
            may_be_missing=not settings.definitions_named,
        )
        await library.load()
        # Not followed: it lists itself anew where it is asked and its copy is too old.
        ledger = Ledger(cluster.records, remember=settings.remember, settle=settings.settle, metrics=metrics)

        def submitter(memory: Ledger | None) -> Submitter:
            launcher = Launcher(
                cluster.jobs,
                definitions=lambda: library.current,
                signature=settings.signature,
                metrics=metrics,
                payloads=cluster.payloads,
                memory=memory,
            )
            return Submitter(cluster.jobs, launcher, definitions=lambda: library.current)

        await stack.enter_async_context(_running(library))
        yield Parts(
            cluster=cluster,
            library=library,
            ledger=ledger,
            submitter=submitter(None),
            remembering=submitter(ledger),
            sinks=bool(settings.sinks),
        )


@asynccontextmanager
async def _running(library: Library) -> AsyncIterator[None]:
    watching = asyncio.create_task(library.watch(), name="library.watch")
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
