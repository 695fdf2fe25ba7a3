"""Processes on chosen cores, and what /proc knows of them."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CORES = sorted(os.sched_getaffinity(0))
RECEIVER_CORE, LOAD_CORE = CORES[-1], CORES[0]

QUIET = 0.1
"""The part of all cores that a quiet machine uses at most."""
PATIENCE = 30.0
"""Seconds that a server may take until it answers."""


class Trouble(Exception):
    """What cannot be measured here, and why."""


class Absent(Trouble):
    """What this machine does not have; the rest is measured without it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A process that listens.

    Attributes:
        took: seconds from its start to its first good answer.
        cpu: seconds of CPU that it used meanwhile: other than `took`, they hardly depend on who else is at work.
        log: what it writes.
    """

    process: subprocess.Popen[bytes]
    url: str
    took: float
    cpu: float
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How a server is started.

    Attributes:
        environment: the whole of it, but for PATH.
        folder: its working directory.
        core: where it runs; None: wherever the kernel puts it.
        ready: the path that answers 200 as soon as it works.
        pause: seconds between two questions whether it does; each costs the server some CPU.
    """

    command: Sequence[str | Path]
    port: int
    log: Path
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    core: int | None = None
    ready: str = "/readyz"
    pause: float = 0.005


def on(core: int | None, command: Sequence[str | Path]) -> list[str]:
    """The command, held to a core."""
    words = [str(word) for word in command]
    return words if core is None else ["taskset", "-c", str(core), *words]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(program: Program) -> Iterator[Server]:
    """Start a server, wait until it answers, and end it."""
    program.log.parent.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(program.folder), **program.environment}
    with program.log.open("wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            on(program.core, program.command),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=environment,
            cwd=program.folder,
        )
        try:
            _await(program, process)
            took, cpu = time.perf_counter() - began, cpu_seconds(family(process.pid))
            yield Server(process, f"http://127.0.0.1:{program.port}", took, cpu, program.log)
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process, gently first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(12)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def _await(program: Program, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if answers(program.port, program.ready):
                return
        time.sleep(program.pause)
    tail = program.log.read_text(errors="replace")[-1500:]
    raise Trouble(f"{' '.join(map(str, program.command))} does not answer:\n{tail}")


def answers(port: int, path: str) -> bool:
    """Whether a server of ours answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    finally:
        connection.close()


def family(pid: int) -> list[int]:
    """A process and all that it has started."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                children.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
    found = [pid]
    for known in found:
        found.extend(children.get(known, ()))
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """CPU of processes and of what they have started and seen end."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += sum(int(value) for value in _fields(pid)[11:15])
    return total / TICK


def rss(pids: Sequence[int]) -> float:
    """Resident memory in MiB; pages that a family shares count for each of its members."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * PAGE / 2**20


def busy_seconds() -> float:
    """CPU of everybody on this machine since it was started, on all cores."""
    fields = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK


def wait_for_quiet(seconds: float) -> None:
    """Wait until the others on this machine leave it alone, for so many seconds at most."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before, began = busy_seconds(), time.monotonic()
        time.sleep(0.3)
        if busy_seconds() - before < QUIET * (time.monotonic() - began) * (os.cpu_count() or 1):
            return


def _fields(pid: int) -> list[str]:
    """/proc/PID/stat from the third field on: a name may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
