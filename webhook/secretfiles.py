"""Secrets in files (mounted Secrets), read again when they change; no secret is ever shown or logged."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import structlog

from .errors import ConfigurationError

MINIMUM = 16
"""Bytes; a shorter secret can be guessed."""
MAXIMUM = 64 * 1024
RECENT_SECONDS = 0.02
"""How old a look at a file may be where one that fails is followed by another."""

_SETTLED_NS = 2_000_000_000
# A file system stamps times by ticks (up to two seconds): a file that changed a moment ago may change once more and
# look the same, so until then it is read at every use.

log = structlog.get_logger(__name__)
_Stamp = tuple[int, int, int, int, int]


class UnusableSecret(ConfigurationError):
    """A file holds no secret that can be used.

    Attributes:
        reason: what is wrong and the remedy, without the path and what is in it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


def read(path: Path, *, minimum: int = MINIMUM) -> bytes:
    """Read a secret once, without the one newline at its end.

    Raises:
        UnusableSecret: no regular file, not readable, shorter than `minimum` bytes, or longer than `MAXIMUM`.
    """
    return _read(path, minimum)[0]


class SecretFile:
    """One secret; a stat at each use (two microseconds) finds a change, also a swapped symlink, at once."""

    __slots__ = ("_looked", "_minimum", "_name", "_problem", "_read", "path")

    def __init__(self, path: Path, *, minimum: int = MINIMUM) -> None:
        self.path = path
        self._name = os.fspath(path)
        self._minimum = minimum
        self._read: tuple[_Stamp | None, bytes | None] = (None, None)
        self._problem: str | None = None
        self._looked = float("-inf")

    def __repr__(self) -> str:
        return f"SecretFile({str(self.path)!r})"

    def recent(self) -> bytes | None:
        """Give the secret as the file held it at most `RECENT_SECONDS` ago: for who asks `value` where it fails."""
        known, value = self._read
        if known is not None and time.monotonic() - self._looked < RECENT_SECONDS:
            return value
        return self.value()

    def value(self) -> bytes | None:
        """Give the secret as the file holds it now, or None where it holds none: then nothing may be let in by it."""
        self._looked = time.monotonic()
        known, value = self._read
        try:
            if known is not None and _stamp(os.stat(self._name)) == known:  # noqa: PTH116 (once a request: half a Path's time)
                return value
            value, stamp = _read(self.path, self._minimum)
        except (UnusableSecret, OSError, ValueError) as error:
            self._read = (None, None)
            self._tell(error.reason if isinstance(error, UnusableSecret) else _why(error))
            return None
        self._tell(None)
        self._read = (stamp, value)
        return value

    def _tell(self, problem: str | None) -> None:
        """Log what became of the file, once for each change."""
        if problem == self._problem:
            return
        self._problem = problem
        if problem is None:
            log.info("secret.usable", path=str(self.path))
        else:
            log.error("secret.unusable", path=str(self.path), reason=problem)


def _read(path: Path, minimum: int) -> tuple[bytes, _Stamp | None]:
    """Read the secret and the stamp by which it is known to be unchanged; None while that cannot be known."""
    try:
        # Not blocking: a named pipe must not hold the process up.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnusableSecret(path, "is no regular file; name the file that holds the secret")
            content = file.read(MAXIMUM + 1)
    except (OSError, ValueError) as error:
        raise UnusableSecret(path, _why(error)) from error
    settled = time.time_ns() - status.st_ctime_ns > _SETTLED_NS
    return _checked(path, content, minimum), _stamp(status) if settled else None


def _checked(path: Path, content: bytes, minimum: int) -> bytes:
    value = content.removesuffix(b"\n").removesuffix(b"\r") if content.endswith(b"\n") else content
    if not value.strip():
        raise UnusableSecret(path, f"is empty; write a secret of at least {minimum} bytes into it")
    if len(value) < minimum:
        raise UnusableSecret(
            path, f"holds fewer than {minimum} bytes; write a longer secret, for example from `openssl rand -hex 32`"
        )
    if len(value) > MAXIMUM:
        raise UnusableSecret(path, f"holds more than {MAXIMUM // 1024} KiB; name the file that holds the secret alone")
    return value


def _stamp(status: os.stat_result) -> _Stamp:
    # The change time, too: it moves even where a writer sets the modification time back.
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "names no file; make it, or mount the Secret that has it"
    if isinstance(error, PermissionError):
        return "cannot be read (permission denied); let the receiver's user read it"
    if isinstance(error, IsADirectoryError):
        return "is a folder; name the file in it that holds the secret"
    return f"cannot be read ({getattr(error, 'strerror', None) or 'a path cannot hold that'}); name a readable file"
