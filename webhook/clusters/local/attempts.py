"""All tries of one Job: those that wait for a turn, those that run, and those that are over."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from ...json import dump
from . import poddocs
from .manifest import JobSpec
from .places import PodFolder
from .pod import Machine, PodRun
from .slots import Slot, Slots
from .tries import Try, read_try

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A try, from its asking for a turn on.

    Attributes:
        document: None until its turn has come.
        task: while its processes run.
        unwanted: the Job was suspended, or wants fewer: it is forgotten once it has ended.
        dirty: the store does not have it as it is.
        last: how it was counted once it was over.
    """

    number: int
    index: int | None = None
    slot: Slot | None = None
    document: poddocs.Document | None = None
    run: PodRun | None = None
    task: asyncio.Task[None] | None = None
    unwanted: bool = False
    dirty: bool = False
    last: Try | None = None

    def look(self) -> Try:
        """As the rules count it."""
        if self.document is None:
            return Try(index=self.index)
        if self.last is not None:
            return self.last
        seen = read_try(self.document)
        if self.over:
            self.last = seen
        return seen

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.document is not None and self.task is None and poddocs.over(self.document)


@dataclass(frozen=True, slots=True)
class Unsaved:
    """What the store does not know yet.

    Attributes:
        pods: (attempt, name, JSON).
        forgotten: names.
    """

    pods: Sequence[tuple[Attempt, str, bytes]]
    forgotten: Sequence[str]


class Attempts:
    """The tries of one Job. `changed` is called whenever one of them goes on."""

    def __init__(
        self,
        pods: Sequence[poddocs.Document],
        *,
        machine: Machine,
        slots: Slots,
        folder: Path,
        changed: Callable[[], None],
    ) -> None:
        self._machine, self._slots, self._folder, self._changed = machine, slots, folder, changed
        self._all = [Attempt(number=number, document=pod) for number, pod in enumerate(pods)]
        self._next = len(pods)
        self._forgotten: list[str] = []
        for attempt in self._all:
            if attempt.document and not poddocs.over(attempt.document):
                poddocs.lose(attempt.document, machine.now())
                attempt.dirty = True

    @property
    def active(self) -> bool:
        """Whether one waits or runs."""
        return any(not attempt.over for attempt in self._all)

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return sum(attempt.document is None for attempt in self._all)

    def look(self) -> list[Try]:
        """As the rules count them."""
        return [attempt.look() for attempt in self._all]

    def ask(self, index: int | None) -> None:
        """Ask for a turn for one more."""
        attempt = Attempt(number=self._next, index=index)
        self._next += 1
        self._all.append(attempt)
        attempt.slot = self._slots.ask(self._changed)

    def take_turns(self, job: dict[str, Any], spec: JobSpec) -> None:
        """Make the pods of those whose turn has come; they start with `launch`, once they are on disk."""
        for attempt in self._all:
            if attempt.document is None and attempt.slot and attempt.slot.held:
                attempt.document = poddocs.new_pod(job, spec, index=attempt.index, now=self._machine.now())
                attempt.dirty = True

    def launch(self, spec: JobSpec) -> None:
        """Start those that are made and do not run yet."""
        for attempt in self._all:
            if attempt.document is not None and attempt.task is None and not attempt.over:
                folder = PodFolder(self._folder / attempt.document["metadata"]["name"])
                changed = self._marker(attempt)
                run = PodRun(attempt.document, spec, folder=folder, machine=self._machine, changed=changed)
                attempt.run, attempt.task = run, asyncio.create_task(self._to_end(attempt, run))

    def stop(self, number: int | None = None, *, unwanted: bool = False) -> None:
        """Let all end, or the newest `number`."""
        active = [attempt for attempt in reversed(self._all) if not attempt.over]
        for attempt in active[:number]:
            attempt.unwanted |= unwanted
            if attempt.run:
                attempt.run.stop()
            elif attempt.document is None:
                self._all.remove(attempt)
            else:
                poddocs.finish(attempt.document, succeeded=False)
                attempt.dirty = True
            if attempt.slot and not attempt.run:
                attempt.slot.release()

    def forget(self) -> None:
        """Drop those that are over and unwanted."""
        for attempt in [attempt for attempt in self._all if attempt.over and attempt.unwanted]:
            assert attempt.document is not None
            self._all.remove(attempt)
            self._forgotten.append(attempt.document["metadata"]["name"])
            shutil.rmtree(self._folder / self._forgotten[-1], ignore_errors=True)

    def unsaved(self) -> Unsaved:
        """Take what is to be saved; `give_back` it where that failed."""
        pods = []
        for attempt in self._all:
            if attempt.dirty and attempt.document is not None:
                attempt.dirty = False
                pods.append((attempt, attempt.document["metadata"]["name"], dump(attempt.document)))
        forgotten, self._forgotten = self._forgotten, []
        return Unsaved(pods, forgotten)

    def give_back(self, unsaved: Unsaved) -> None:
        """Remember what could not be saved."""
        for attempt, _, _ in unsaved.pods:
            attempt.dirty = True
        self._forgotten += unsaved.forgotten

    async def cancel(self) -> None:
        """End all processes within `Machine.leaving`, and leave the documents as if they still ran."""
        tasks = [attempt.task for attempt in self._all if attempt.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for attempt in self._all:
            if attempt.slot:
                attempt.slot.release()

    def _marker(self, attempt: Attempt) -> Callable[[], None]:
        def mark() -> None:
            attempt.dirty = True
            self._changed()

        return mark

    async def _to_end(self, attempt: Attempt, run: PodRun) -> None:
        try:
            await run.run()
        except Exception as error:
            log.exception("pod.broken", pod=run.document["metadata"]["name"])
            poddocs.finish(run.document, succeeded=False, reason="Error", message=str(error))
        finally:
            if attempt.slot:
                attempt.slot.release()
        attempt.run = attempt.task = None
        attempt.dirty = True
        self._changed()
