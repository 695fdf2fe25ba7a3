"""One Job in progress: what the Job controller does about it.

One task a Job. It decides, writes down what it has decided, and only then acts; what the disk does not take is tried
again, and nothing is started that is not on it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from ...errors import ClusterUnavailable
from ...json import convert
from ..reading import moment
from . import status, support
from .attempts import Attempts
from .decide import decide
from .manifest import JobSpec
from .pod import Machine
from .poddocs import Document
from .removal import remove_job
from .slots import Slots
from .store import Store
from .tables import Transaction, get_job

log = structlog.get_logger(__name__)

RETRY = timedelta(seconds=1)
MAX_WAITING = 64
"""Tries of one Job that wait for a turn at once; more come as those are done."""


class JobRun:
    """A Job from its creation, or its finding at a start, to its end. `pods` are its tries so far."""

    def __init__(
        self,
        job: dict[str, Any],
        pods: Sequence[Document],
        *,
        store: Store,
        machine: Machine,
        slots: Slots,
        folder: Path,
    ) -> None:
        self._job, self._store, self._machine = job, store, machine
        self._spec = convert(job["spec"], JobSpec)
        self._status: status.Status = dict(job["status"])
        self._stored = job["status"]
        self._verdict = status.targeted(self._status)
        self._wake = asyncio.Event()
        self._attempts = Attempts(pods, machine=machine, slots=slots, folder=folder, changed=self._wake.set)
        self._gone = False

    def update(self, job: dict[str, Any] | None) -> None:
        """Take in the Job as somebody has changed it; None: it is deleted."""
        if job is None:
            self._gone = True
        elif status.terminal(job["status"]) and not status.terminal(self._status):
            # Ended by another hand: what runs is ended too, and nothing is written any more.
            self._gone = True
        elif job["spec"] == self._job["spec"]:
            return
        else:
            self._spec, self._job = convert(job["spec"], JobSpec), job
        self._wake.set()

    async def run(self) -> None:
        """Bring it to its end; where it has a time to live after that, wait for it and delete the Job."""
        try:
            while not self._done():
                self._wake.clear()
                again = self._step(self._machine.now())
                if await self._save():
                    self._attempts.launch(self._spec)
                else:
                    again = self._machine.now() + RETRY
                if not self._done():
                    await self._sleep(again)
            await self._expire()
        finally:
            await self._attempts.cancel()

    def _done(self) -> bool:
        return not self._attempts.active if self._gone else status.terminal(self._stored) is not None

    def _step(self, now: datetime) -> datetime | None:
        """Decide; answer when to decide again at the latest."""
        again, attempts = None, self._attempts
        attempts.forget()
        if self._gone:
            attempts.stop()
            return None
        if self._verdict is None and self._spec.suspend:
            attempts.stop(unwanted=True)
            attempts.forget()
            status.suspend(self._status, now)
        elif self._verdict is None:
            again = self._go_on(now)
        if self._verdict is not None and attempts.active:
            status.target(self._status, self._verdict, now)
            attempts.stop()
        if self._verdict is not None and not attempts.active:
            status.end(self._status, self._verdict, now)
        self._status = status.counted(self._status, self._spec, attempts.look())
        return again

    def _go_on(self, now: datetime) -> datetime | None:
        if "startTime" not in self._status:
            status.resume(self._status, now)
        self._verdict = support.verdict(self._spec.template.spec)
        if self._verdict is not None:
            return None
        decision = decide(
            self._spec,
            self._attempts.look(),
            started=moment(self._status["startTime"]) or now,
            now=now,
            backoff=self._machine.backoff,
            room=MAX_WAITING - self._attempts.waiting,
        )
        self._verdict = decision.verdict
        self._attempts.stop(decision.surplus, unwanted=True)
        for index in decision.start:
            self._attempts.ask(index)
        self._attempts.take_turns(self._job, self._spec)
        return decision.again

    async def _save(self) -> bool:
        """Write down what has changed; False where the store does not take it."""
        unsaved, new = self._attempts.unsaved(), dict(self._status)
        if self._gone or (new == self._stored and not unsaved.pods and not unsaved.forgotten):
            return True

        def change(transaction: Transaction) -> None:
            name = self._job["metadata"]["name"]
            row = get_job(transaction.connection, name)
            if row is None or row.job.uid != self._job["metadata"]["uid"]:
                return
            for attempt, pod, text in unsaved.pods:
                transaction.put_pod(pod, text, job=name, number=attempt.number)
            for pod in unsaved.forgotten:
                transaction.delete_pod(pod)
            if row.document["status"] != new and not status.terminal(row.document["status"]):
                document = row.document | {"status": new}
                transaction.put_job(document, is_open=status.is_open(document))

        try:
            await self._store.write(change)
        except ClusterUnavailable as error:
            log.warning("job.not_saved", job=self._job["metadata"]["name"], reason=str(error))
            self._attempts.give_back(unsaved)
            return False
        self._stored = new
        return True

    async def _sleep(self, until: datetime | None) -> None:
        seconds = None if until is None else max(0.0, (until - self._machine.now()).total_seconds())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _expire(self) -> None:
        """Delete the Job when its ttlSecondsAfterFinished is over (a template's own becomes its retention instead)."""
        while not self._gone and (ttl := self._spec.ttl_seconds_after_finished) is not None:
            ended = moment(status.terminal(self._stored)) or self._machine.now()
            self._wake.clear()
            if (due := ended + timedelta(seconds=ttl)) > self._machine.now():
                await self._sleep(due)
                continue
            with contextlib.suppress(ClusterUnavailable):
                await self._store.write(lambda transaction: remove_job(transaction, self._job["metadata"]))
                return
            await asyncio.sleep(RETRY.total_seconds())
