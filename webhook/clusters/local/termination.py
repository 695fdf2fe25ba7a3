"""A container's termination message."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .manifest import FALLBACK_TO_LOGS, Container
from .output import last_lines
from .places import PodFolder

MAX_MESSAGE = 4096
MAX_FROM_LOG = 2048
LINES_FROM_LOG = 80
"""The kubelet's limits: bytes, bytes, lines."""


def message(container: Container, folder: PodFolder, *, run: int, code: int) -> str:
    """What a container has left in its termination log; by its policy, else the end of its output if it failed."""
    text = _tail(folder.termination(container.name), MAX_MESSAGE)
    if not text and code and container.termination_message_policy == FALLBACK_TO_LOGS:
        text = last_lines(folder.log(container.name, run), LINES_FROM_LOG)[-MAX_FROM_LOG:]
    return text.decode(errors="replace")


def _tail(path: Path, size: int) -> bytes:
    try:
        # The container may have put anything in its place: no link is followed, no pipe waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return b""
        file.seek(max(0, found.st_size - size))
        return file.read(size)
