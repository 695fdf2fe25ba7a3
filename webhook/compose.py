"""Put the parts together: from settings to a running receiver. The one place that knows all of them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from . import sources as doors
from .callers import Callers, Reviews
from .clusters.choice import cluster_of
from .completion import Frozen, completion_event
from .completion import source as completions_source
from .definitions.library import Library
from .delivery import Courier, Deliverer, Remembered, Removed, Target, redeliver
from .events import EVENTS_DOOR, Event
from .follow import Follower
from .heartbeat import SILENCE, heartbeat
from .job import Job
from .launch import Launcher
from .ledger import Ledger
from .metrics import Metrics
from .onename import OneName
from .ports import Cluster
from .progress import Progress
from .settings import Settings
from .steps import PATIENCE, NextSteps
from .submit import Submitter
from .sweep import Report, sweep, until
from .targets import mementos, restored, target_of
from .web.app import Application, Routes, build
from .web.body import Budget
from .web.rates import Gate
from .web.receiver import Readiness, Receiver

log = structlog.get_logger(__name__)

STOP_BUDGET = timedelta(seconds=3)
"""For deliveries under way when the process ends."""


@dataclass(frozen=True, slots=True)
class Running:
    """A receiver that works: its application, and what watches over it.

    Attributes:
        failed: set where a part that should never end has ended; the process is of no use then.
    """

    app: Application
    receiver: Receiver
    failed: asyncio.Event


@asynccontextmanager
async def running(
    settings: Settings,
    listener: socket.socket,
    *,
    environ: Mapping[str, str],
    routes: Routes = (),
    hosts: Sequence[str] | None = None,
    stop: asyncio.Event | None = None,
) -> AsyncIterator[Running]:
    """Start everything but the listening itself; leaving stops it in order and frees our claims.

    Args:
        settings: whole and checked.
        listener: where the receiver will be found; its address names the replica.
        environ: the process's environment, for Kubernetes' own variables.
        routes: further ones.
        hosts: the names by which it may be called; None for any.
        stop: the order to end, which a sweep does not outlast; None: there is none but leaving.

    Raises:
        ConfigurationError: definitions, sources or the cluster cannot be had as configured.
    """
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        cluster = cluster_of(settings, environ, metrics)
        await stack.enter_async_context(cluster)
        library = Library(
            settings.definitions,
            metrics=metrics,
            records=cluster.records,
            may_be_missing=not settings.definitions_named,
        )
        await library.load()
        ledger = Ledger(cluster.records, remember=settings.remember, settle=settings.settle, metrics=metrics)
        follower = Follower(cluster.jobs, metrics=metrics)
        declared = doors.declared(settings.sources)
        launcher = Launcher(
            cluster.jobs,
            definitions=lambda: library.current,
            signature=settings.signature,
            metrics=metrics,
            payloads=cluster.payloads,
            memory=ledger,
            names=OneName(
                follower,
                ledger,
                definitions=lambda: library.current,
                doors={name: source.provider.PREFIX for name, source in declared.items()},
            ),
        )
        steps = Target(sink=NextSteps(launcher, lambda: library.current), timeout=PATIENCE)
        targets = [steps, *[await target_of(stack, sink) for sink in settings.sinks]]
        remembered = Remembered(
            cluster.records,
            mementos(settings.sinks),
            signature=settings.signature,
            restore=partial(restored, await stack.enter_async_context(AsyncExitStack())),
        )
        courier = _courier(settings, cluster, targets, metrics, listener, removed=remembered)
        deliverer = Deliverer(courier, cluster.jobs, metrics=metrics, random=random.random)
        follower.subscribe(deliverer.heed)
        failed = asyncio.Event()
        works = follower.run(), ledger.run(), deliverer.run(), library.watch(), remembered.run(), heartbeat(cluster)
        await stack.enter_async_context(_tasks(failed, *works))
        stack.push_async_callback(deliverer.stop, STOP_BUDGET)

        async def clean(dry_run: bool, budget: timedelta) -> Report:  # noqa: FBT001 # the receiver's form
            whole = sweep(
                cluster.jobs,
                courier,
                retention=settings.retention.model_dump(),
                budget=budget,
                metrics=metrics,
                payloads=cluster.payloads,
                ledger=ledger,
                dry_run=dry_run,
            )
            return await until(stop, whole)

        async def order(name: str, sinks: Sequence[str]) -> Mapping[str, Progress]:
            return await redeliver(
                cluster.jobs, name, sinks, declared=courier.targets, now=datetime.now(UTC), metrics=metrics
            )

        async def remember(keys: Sequence[str]) -> None:
            async with ledger.writing() as clerk:
                await clerk.release(keys)

        receiver = Receiver(
            jobs=cluster.jobs,
            launcher=launcher,
            submitter=Submitter(cluster.jobs, launcher, definitions=lambda: library.current),
            payloads=cluster.payloads,
            completions=completions_source(
                cluster_name=settings.cluster_name, namespace=cluster.jobs.namespace, signature=settings.signature
            ),
            index=lambda: follower.index,
            remember=remember,
            definitions=lambda: library.current,
            sources=declared,
            callers=_callers(settings, cluster),
            events_open=settings.events.auth == "none",
            distrusted=doors.distrusted(declared.values()),
            trusted=frozenset(settings.events.types),
            origins=frozenset(origin.lower() for origin in settings.events.origins),
            events_rate=settings.events.rate,
            gates=_gates(settings),
            body_limit=settings.limits.body,
            answer_seconds=settings.limits.answer.total_seconds(),
            budget=Budget(settings.limits.bodies_in_flight),
            sweep=clean,
            redeliver=order,
            readiness=lambda: _readiness(library, follower, ledger, cluster),
            metrics=metrics,
        )
        yield Running(build(receiver, routes=routes, hosts=hosts), receiver, failed)


def _courier(
    settings: Settings,
    cluster: Cluster,
    targets: Sequence[Target],
    metrics: Metrics,
    listener: socket.socket,
    *,
    removed: Removed,
) -> Courier:
    def compose(job: Job, frozen: Frozen) -> Event:
        return completion_event(job, frozen, cluster_name=settings.cluster_name, signature=settings.signature)

    replica = f"{socket.gethostname()}:{listener.getsockname()[1]}"
    return Courier(
        cluster.jobs,
        targets,
        compose=compose,
        replica=replica,
        metrics=metrics,
        random=random.random,
        removed=removed,
    )


def _callers(settings: Settings, cluster: Cluster) -> Callers:
    reviews = Reviews(cluster.identities) if cluster.identities is not None else None
    return Callers(settings.callers, reviews=reviews)


@asynccontextmanager
async def _tasks(failed: asyncio.Event, *works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run what works for as long as the receiver does; one that breaks is told, and ends the process."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("task.broke", task=task.get_name(), exc_info=error)
            failed.set()

    tasks = [asyncio.create_task(work, name=getattr(work, "__qualname__", "")) for work in works]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


def _gates(settings: Settings) -> dict[str, Gate]:
    rates = {EVENTS_DOOR: settings.events.rate} | {name: source.rate for name, source in settings.sources.items()}
    return {door: Gate(rate.requests, rate.per) for door, rate in rates.items() if rate is not None}


def _readiness(library: Library, follower: Follower, ledger: Ledger, cluster: Cluster) -> Readiness:
    reasons = []
    if not follower.synced:
        reasons.append("the Jobs have not been listed yet")
    elif (age := cluster.age()) is None or age > SILENCE:
        reasons.append(f"the cluster has not been heard for {SILENCE.total_seconds():.0f} s")
    if not ledger.synced:
        reasons.append("the ledger has not been listed yet")
    reasons += cluster.problems if reasons else ()
    broken = () if library.problem is None else (f"definitions: {library.problem}",)
    return Readiness(reasons=tuple(reasons), warnings=(*broken, *cluster.problems))
