"""One pod: its init containers one after another, then its containers together, as processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from . import poddocs, reasons, volumes
from .decide import Backoff
from .environment import command_line, environment, working_folder
from .manifest import Container, JobSpec
from .places import PodFolder
from .poddocs import Document
from .process import START_ERROR, Command, running
from .termination import message

LONGEST_RESTART_DELAY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What all pods of this machine share.

    Attributes:
        inherit: variables that every container has.
        log_limit: bytes of output that are kept of one run of a container.
        leaving: how long processes have to stop when the receiver does.
        maps: reads a record for a configMap volume.
    """

    now: Callable[[], datetime]
    inherit: Mapping[str, str]
    log_limit: int
    leaving: timedelta
    backoff: Backoff
    maps: volumes.ConfigMaps


class PodRun:
    """A pod in progress. `document` is its state, and `changed` is called after every change of it."""

    def __init__(
        self, document: Document, spec: JobSpec, *, folder: PodFolder, machine: Machine, changed: Callable[[], None]
    ) -> None:
        self.document = document
        self._spec, self._folder, self._machine, self._changed = spec, folder, machine, changed
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let it end: SIGTERM, after the grace of its spec SIGKILL; nothing more is started."""
        self._stopping.set()

    async def run(self) -> None:
        """Run it to its end. Cancelling ends its processes, and leaves the document as if they still ran."""
        pod = self._spec.template.spec
        try:
            await self._prepare()
        except (volumes.MountFailed, OSError, ValueError) as error:
            poddocs.finish(self.document, succeeded=False, reason="FailedMount", message=str(error))
            return
        for container in pod.init_containers or ():
            if await self._to_end(container) != 0:
                poddocs.finish(self.document, succeeded=False)
                return
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._to_end(container)) for container in pod.containers or ()]
        poddocs.finish(self.document, succeeded=all(task.result() == 0 for task in tasks))

    async def _prepare(self) -> None:
        pod = self._spec.template.spec
        names = [container.name for container in (*(pod.init_containers or ()), *(pod.containers or ()))]
        self._folder.make(names, [volume["name"] for volume in pod.volumes or ()])
        for volume in pod.volumes or ():
            await volumes.fill(volume, self.document["metadata"], folder=self._folder, maps=self._machine.maps)

    async def _to_end(self, container: Container) -> int | None:
        """Run a container, again and again where the pod's restartPolicy says so; answer its last exit code."""
        code: int | None = None
        run = 0
        while not self._stopping.is_set():
            code = await self._once(container, run)
            if code == 0 or not self._spec.on_failure:
                break
            run += 1
            await self._wait_to_restart(container, run)
        return code

    async def _wait_to_restart(self, container: Container, failures: int) -> None:
        delay = min(self._machine.backoff.delay(failures), LONGEST_RESTART_DELAY)
        status = poddocs.status_of(self.document, container.name)
        ended = status["state"]
        # Counted now rather than at the restart: it is this failure that the Job's backoffLimit is about.
        status["restartCount"] = failures
        text = f"back-off {delay.total_seconds():g}s restarting failed container={container.name}"
        poddocs.wait(status, reasons.BACK_OFF, text)
        self._changed()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), delay.total_seconds())
            status["state"], status["restartCount"] = ended, failures - 1

    async def _once(self, container: Container, run: int) -> int:
        status, machine = poddocs.status_of(self.document, container.name), self._machine
        try:
            async with running(self._command(container, run), leaving=machine.leaving) as process:
                if process.problem is None:
                    poddocs.run(self.document, status, run=run, now=machine.now())
                    self._changed()
                stop = asyncio.create_task(self._stop_when_told(process.stop))
                try:
                    end = await process.wait()
                finally:
                    stop.cancel()
        except OSError as error:
            # No process, no folder, or no more descriptors: this machine's fault, told as the container's.
            poddocs.terminate(
                status, code=START_ERROR, message=str(error), now=machine.now(), reason=reasons.START_ERROR
            )
            return START_ERROR
        problem = process.problem or end.problem
        reason = reasons.START_ERROR if process.problem else reasons.UNKNOWN if end.problem else ""
        text = problem or message(container, self._folder, run=run, code=end.code)
        poddocs.terminate(status, code=end.code, message=text, now=machine.now(), reason=reason)
        if poddocs.runs(self.document):
            # Else the end of the pod, or its next container, is told right after: one commit for both.
            self._changed()
        return end.code

    async def _stop_when_told(self, stop: Callable[[timedelta], None]) -> None:
        await self._stopping.wait()
        stop(timedelta(seconds=self._spec.grace_seconds))

    def _command(self, container: Container, run: int) -> Command:
        variables = environment(
            container, self.document["metadata"], folder=self._folder, inherit=self._machine.inherit
        )
        return Command(
            words=command_line(container, variables, folder=self._folder),
            environment=variables,
            folder=working_folder(container, self._folder),
            log=self._folder.log(container.name, run),
            log_limit=self._machine.log_limit,
        )
