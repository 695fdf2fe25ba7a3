"""One container as a process tree, run as a program of its own between the receiver and the container's command.

It is what the kernel's namespaces are to a real container: whatever the command leaves behind ends with it, and the
whole tree ends when the receiver does, even by SIGKILL. On Linux it is a subreaper, so that daemons of double forks
come back to it; elsewhere it reaches the command's process group alone. Unlike in a container, SIGTERM goes to all of
the tree: a shell in front of a program would not pass it on.

    stdin    first the order (`order`), then `stop SECONDS` lines; its end means that the receiver is gone
    stdout   `started`, or `failed MESSAGE`; at last `exited CODE`
    status   the command's exit code; 128 + the number of a signal that ended it

The command's output goes into the log, a record a line: the time in UTC, `F` for a whole line or `P` for a part of
one, the text. It imports nothing of this package and little else, so that it starts in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
START_ERROR = 128
ORPHANED_GRACE_SECONDS = 1.0  # a next receiver must not meet the old processes
LONGEST_PART = 16 * 1024
CUT_OFF = b"(the log is cut off here: it has reached its limit)"


class Order:
    """What to run: NUL-separated fields, on stdin behind their length in ten digits."""

    def __init__(self, text: bytes) -> None:
        limit, log, folder, count, *rest = text.split(b"\0")
        self.log_limit, self.log, self.folder = int(limit), log, folder
        self.command, environment = rest[: int(count)], rest[int(count) :]
        self.environment = dict(pair.split(b"=", 1) for pair in environment)


class Log:
    """The log file: stamped records, up to a limit of bytes."""

    def __init__(self, path: bytes, limit: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._left, self._part = limit, b""

    def take(self, output: bytes) -> None:
        """Write the whole lines of what came; keep the begun one, unless it is too long."""
        *lines, self._part = (self._part + output).split(b"\n")
        stamp = _stamp()
        records = [b"%b F %b\n" % (stamp, line) for line in lines]
        if len(self._part) > LONGEST_PART:
            records.append(b"%b P %b\n" % (stamp, self._part))
            self._part = b""
        self._write(b"".join(records))

    def finish(self) -> None:
        """Write a last line that had no end."""
        if self._part:
            self._write(b"%b P %b\n" % (_stamp(), self._part))
        os.close(self._file)

    def _write(self, records: bytes) -> None:
        if not records or self._left <= 0:
            return
        self._left -= len(records)
        if self._left <= 0:
            records += b"%b F %b\n" % (_stamp(), CUT_OFF)
        # A full disk costs log lines, never the run.
        with contextlib.suppress(OSError):
            os.write(self._file, records)


class Shim:
    """The command, its output and its end."""

    def __init__(self, order: Order, receiver: int) -> None:
        self._order, self._receiver = order, receiver
        self._command = 0
        self._code: int | None = None
        self._kill_at: float | None = None
        self._log = Log(order.log, order.log_limit)
        self._wake, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in HEARD:
            signal.signal(number, lambda *_: None)
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        # Sent when the *thread* that started us ends; whether the receiver is really gone is asked then.
        _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    def run(self) -> int:
        """Run the command to its end and that of all it has begun; answer the exit code."""
        output = self._start()
        watched = select.poll()
        for descriptor in (0, output, self._wake):
            watched.register(descriptor, select.POLLIN)
        while self._goes_on():
            for descriptor, _ in watched.poll(None if self._kill_at is None else 20):
                self._hear(descriptor, output, watched)
            if os.getppid() != self._receiver:
                self._stop(ORPHANED_GRACE_SECONDS)
            if self._overdue():
                self._signal(signal.SIGKILL)
        self._end_rest()
        with contextlib.suppress(BlockingIOError):
            while self._move(output):
                pass
        self._log.finish()
        return START_ERROR if self._code is None else self._code

    def _start(self) -> int:
        """Begin the command; answer where its output can be read."""
        output, write = os.pipe()
        errors, tell = os.pipe()
        child = os.fork()
        if child == 0:
            _become(self._order, write, tell)
        os.close(write)
        os.close(tell)
        os.set_blocking(output, False)
        problem = os.read(errors, 4096)
        os.close(errors)
        self._command = child
        _say(b"failed " + problem if problem else b"started")
        return output

    def _goes_on(self) -> bool:
        """Whether the command runs, or what it left behind has time yet to stop."""
        with contextlib.suppress(ChildProcessError):
            while found := os.waitpid(-1, os.WNOHANG):
                if found[0] == 0:
                    return self._code is None or (self._kill_at is not None and not self._overdue())
                if found[0] == self._command:
                    code = os.waitstatus_to_exitcode(found[1])
                    self._code = code if code >= 0 else 128 - code
        return False

    def _overdue(self) -> bool:
        return self._kill_at is not None and time.monotonic() >= self._kill_at

    def _hear(self, descriptor: int, output: int, watched: select.poll) -> None:
        if descriptor == output:
            # One piece a round: a command that never stops to write must not keep us from hearing `stop`.
            if not self._move(output):
                watched.unregister(output)
        elif descriptor == self._wake:
            os.read(self._wake, 512)
        elif line := os.read(0, 512):
            self._stop(float(line.split()[-1]))
        else:
            watched.unregister(0)
            self._stop(ORPHANED_GRACE_SECONDS)

    def _move(self, output: int) -> bool:
        chunk = os.read(output, 65536)
        if chunk:
            self._log.take(chunk)
        return bool(chunk)

    def _stop(self, grace: float) -> None:
        until = time.monotonic() + grace
        if self._kill_at is None:
            self._signal(signal.SIGTERM)
        self._kill_at = until if self._kill_at is None else min(until, self._kill_at)

    def _end_rest(self) -> None:
        """Kill what the command has left behind, until there is no child any more."""
        with contextlib.suppress(ChildProcessError):
            while True:
                self._signal(signal.SIGKILL)
                os.waitpid(-1, 0)

    def _signal(self, number: int) -> None:
        """Signal all that runs: on Linux every descendant, else the command's process group."""
        if sys.platform != "linux" or self._code is None:
            # Once the command was reaped, its number may be another's.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._command, number)
        for pid in _descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _become(order: Order, output: int, tell: int) -> None:
    """Turn this fork into the command; never returns."""
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for number in (*HEARD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(order.folder)
        os.execvpe(order.command[0], order.command, order.environment)  # noqa: S606 - that is what it is for
    except OSError as error:
        name = order.command[0].decode(errors="replace")
        os.write(tell, f'exec: "{name}": {error.strerror}'.encode()[:4000])
    finally:
        os._exit(START_ERROR)


def _descendants(root: int) -> list[int]:
    found, new = [], [root]
    while new:
        parent = new.pop()
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{parent}/task"):  # noqa: PTH208 - pathlib is slow to import
                with open(f"/proc/{parent}/task/{thread}/children", "rb") as children:  # noqa: PTH123
                    below = [int(pid) for pid in children.read().split()]
                new += below
                found += below
    return found


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _stamp() -> bytes:
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime(f"%Y-%m-%dT%H:%M:%S.{nanoseconds // 1000:06d}Z", time.gmtime(seconds)).encode()


def _say(line: bytes) -> None:
    # Nobody listens once the receiver is gone; the run's end does not depend on it.
    with contextlib.suppress(OSError):
        os.write(1, line.replace(b"\n", b" ") + b"\n")


def _read(size: int) -> bytes:
    text = b""
    while len(text) < size and (chunk := os.read(0, size - len(text))):
        text += chunk
    return text


def main() -> int:
    """Read the order, run it, and end as it ended. The receiver's process id is the first argument."""
    size = int(_read(10) or b"0")
    text = _read(size)
    if not size or len(text) < size:
        return START_ERROR
    code = Shim(Order(text), int(sys.argv[1])).run()
    _say(b"exited %d" % code)
    return code


if __name__ == "__main__":
    sys.exit(main())
