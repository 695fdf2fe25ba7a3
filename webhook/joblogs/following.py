"""Follow a Job's output from before its first container has started until the Job has ended.

Pods are looked for again and again; every run of every container has one reader. A stream that breaks is taken up
where it was, by the time of the last line that came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import cast

import structlog

from .. import times
from ..errors import ClusterError, NotFound
from ..job import Container, Pod
from ..ports import Jobs
from .lines import Line, split
from .wanted import Source, Wanted

log = structlog.get_logger(__name__)

LOOK_AGAIN = 1.0
"""Seconds between two looks for pods and for the Job's end."""
QUEUED = 256
"""Lines that may wait for a reader who is slow; then the cluster waits."""
PER_JOB = 16
"""Containers of one Job that are followed at a time; those of a wider Job take their turns."""
STALLED = 30
"""Looks that a stream may outlive its container's run without a line; then its connection is dead."""
TRIES = 5
"""At the log of a container that has ended."""


@dataclass(slots=True)
class _Reader:
    """One container.

    Attributes:
        read: the last run that was read to its end; runs count from 0 by the container's restarts.
        last: the time of the last line of the present run.
        fails: broken streams in a row.
        open: its stream is; else it waits for its turn.
        late: looks since its run has ended, while its stream has not.
    """

    read: int = -1
    last: str = ""
    fails: int = 0
    open: bool = False
    late: int = 0
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    def busy(self) -> bool:
        return self.task is not None and not self.task.done()


class Following:
    """The lines of one Job as they are written."""

    def __init__(
        self, jobs: Jobs, name: str, wanted: Wanted, *, streams: asyncio.Semaphore, look_again: float = LOOK_AGAIN
    ) -> None:
        self._jobs, self._name, self._wanted = jobs, name, wanted
        self._streams, self._own, self._look_again = streams, asyncio.Semaphore(PER_JOB), look_again
        self._readers: dict[Source, _Reader] = {}
        self._queue: asyncio.Queue[Line | None] = asyncio.Queue(QUEUED)

    async def lines(self) -> AsyncGenerator[Line, None]:
        """All lines; ends with the Job. Closing it closes every stream."""
        watching = asyncio.create_task(self._watch())
        try:
            while (line := await self._queue.get()) is not None:
                yield line
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        try:
            while True:
                if await self._look():
                    break
                await asyncio.sleep(self._look_again)
        finally:
            tasks = [reader.task for reader in self._readers.values() if reader.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._queue.put(None)

    async def _look(self) -> bool:
        """Begin to read what has started since; answer whether all is over."""
        try:
            job = await self._jobs.read(self._name)  # before the pods: those of a Job that has ended are all there
            pods = await self._jobs.pods(self._name)
        except NotFound:
            return not any(reader.busy() for reader in self._readers.values())
        except ClusterError as error:
            log.warning("log.cluster_away", job=self._name, reason=str(error))
            return False
        except Exception as error:  # nobody awaits this task: who follows must not wait for ever
            log.exception("log.fault", job=self._name)
            await self._queue.put(Line(pod="", container="", problem=type(error).__name__))
            return True
        chosen = self._wanted.of(pods)
        begun = [self._see(pod, part) for pod, part in chosen]
        for source in self._readers.keys() - {(pod.name, part.name) for pod, part in chosen}:
            self._hurry(self._readers[source], ended=True)  # its pod is gone
        return job.end is not None and not any(begun) and not any(reader.busy() for reader in self._readers.values())

    def _see(self, pod: Pod, part: Container) -> bool:
        """Read a run of a container that was not read yet; answer whether there is something to wait for."""
        source = pod.name, part.name
        reader = self._readers.setdefault(source, _Reader())
        # Between two runs the count is already that of the next.
        run = part.restarts - (part.state == "waiting")
        if reader.busy():
            self._hurry(reader, ended=part.state != "running" or run > reader.read + 1)
            return True
        if run <= reader.read:
            return False
        over = part.state != "running" or run > reader.read + 1
        if run > reader.read + 2:
            reader.read = run - 2  # of the runs before, only the last one's output is kept
        reader.late = 0
        reader.task = asyncio.create_task(self._read(source, reader, run=reader.read + 1, latest=run, over=over))
        return True

    def _hurry(self, reader: _Reader, *, ended: bool) -> None:
        """End a stream that should have ended long ago; the next look takes it up again. A slow reader is no reason."""
        reader.late = reader.late + 1 if ended and reader.open and not self._queue.full() else 0
        if reader.late > STALLED and reader.task is not None:
            reader.task.cancel()

    async def _read(self, source: Source, reader: _Reader, *, run: int, latest: int, over: bool) -> None:
        """Carry one run's lines on; `over`: it has ended, so that what comes now is all of it."""
        try:
            async with self._own, self._streams:
                reader.open = True
                await self._carry(source, reader, previous=run < latest)
        except NotFound:
            pass  # its log is gone, or not there yet: then the next look begins again
        except ClusterError as error:
            reader.fails += 1
            if over and reader.fails >= TRIES:
                await self._queue.put(Line(pod=source[0], container=source[1], problem=str(error)))
            else:
                return
        finally:
            reader.open = False
        if over:
            reader.read, reader.last, reader.fails = run, "", 0

    async def _carry(self, source: Source, reader: _Reader, *, previous: bool) -> None:
        resumed, wanted = reader.last, self._wanted
        first = not resumed and reader.read < 0
        output = self._jobs.log(
            *source,
            tail=wanted.tail if first else None,
            since=times.parse(resumed) if resumed else wanted.since,
            timestamps=True,
            previous=previous,
            follow=not previous,
        )
        async with aclosing(cast("AsyncGenerator[bytes, None]", output)) as chunks:
            async for at, text in split(chunks):
                if resumed and at and at <= resumed:
                    continue  # the cluster counts whole seconds
                reader.last, reader.fails, reader.late = at or reader.last, 0, 0
                await self._queue.put(Line(pod=source[0], container=source[1], at=at, text=text))
