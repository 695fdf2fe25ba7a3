"""The data folder, which one process has at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ...errors import ConfigurationError


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder, for us alone, and hold it against other processes; the kernel lets go of it when we end.

    Raises:
        ConfigurationError: another jobhook has it, or it cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"the data folder {folder} cannot be used: {error.strerror}; see JOBHOOK_DATA"
        ) from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        raise ConfigurationError(
            f"another jobhook{f' (process {holder})' if holder else ''} uses this folder: {folder};"
            " stop it, or give this one a folder of its own by JOBHOOK_DATA"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
