"""One container's process: a shim between, that ends all of it when it is told to, or when we end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

SHIM = Path(__file__).with_name("shim.py")
START_ERROR = 128
LOST = 137
"""As if by SIGKILL: what is reported where the shim could not report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run.

    Attributes:
        environment: all of it; nothing of ours is added.
        log_limit: bytes of output that are kept.
    """

    words: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    log_limit: int

    def order(self) -> bytes:
        """As the shim reads it."""
        pairs = [f"{name}={value}" for name, value in self.environment.items()]
        fields = [str(self.log_limit), str(self.log), str(self.folder), str(len(self.words)), *self.words, *pairs]
        text = "\0".join(fields).encode("utf-8", "surrogateescape")
        return b"%010d" % len(text) + text


@dataclass(frozen=True, slots=True)
class Exit:
    """How it ended.

    Attributes:
        problem: empty, or why there is no exit code of its own.
    """

    code: int
    problem: str = ""


class Process:
    """A running command, or one that could not be started (`problem`)."""

    def __init__(self, shim: asyncio.subprocess.Process) -> None:
        self._shim = shim
        self.problem: str | None = None

    async def begin(self, command: Command) -> None:
        """Give the order, and wait until the command has started or could not."""
        assert self._shim.stdin is not None
        self._write(command.order())
        said = await self._line()
        if said != "started":
            self.problem = said.removeprefix("failed ") or "the shim ended before it began"

    def stop(self, grace: timedelta) -> None:
        """Send SIGTERM to all of it now, and SIGKILL to what is left after `grace`; again with less shortens that."""
        self._write(f"stop {grace.total_seconds()}\n".encode())

    async def wait(self) -> Exit:
        """Wait for its end, and that of all that it has begun."""
        said = await self._line()
        code = await self._shim.wait()
        if said != f"exited {code}":
            return Exit(LOST, f"the process was lost: its shim ended with {code} {said}".strip())
        return Exit(code)

    async def end(self, grace: timedelta) -> None:
        """End it if it still runs, and let go of it."""
        assert self._shim.stdin is not None
        if self._shim.returncode is None:
            self.stop(grace)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._shim.wait(), grace.total_seconds() + 1)
        # Our end of the pipe is its life-line: it kills all on losing it.
        self._shim.stdin.close()
        await self._shim.wait()

    def _write(self, text: bytes) -> None:
        assert self._shim.stdin is not None
        if not self._shim.stdin.is_closing():
            self._shim.stdin.write(text)

    async def _line(self) -> str:
        assert self._shim.stdout is not None
        return (await self._shim.stdout.readline()).decode(errors="replace").strip()


@contextlib.asynccontextmanager
async def running(command: Command, *, leaving: timedelta) -> AsyncIterator[Process]:
    """Run a command; it is ended, with `leaving` as its grace, when this context is left early."""
    shim = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(SHIM), str(os.getpid())),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"LANG": "C.UTF-8"},
    )
    process = Process(shim)
    try:
        await process.begin(command)
        yield process
    finally:
        await process.end(leaving)
