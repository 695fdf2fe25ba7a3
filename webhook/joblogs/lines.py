"""A container's output, line by line, each with its time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

LONGEST = 256 * 1024
"""Bytes of one line; a longer one comes in parts, so that no output fills the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of one container, or a part of one that is very long.

    Attributes:
        text: without the line's end.
        at: when it was written, as the cluster says it (RFC 3339); empty for what follows in a line's later parts.
        problem: why there is no more of this container, in the place of a text; else empty.
    """

    pod: str
    container: str
    text: bytes = b""
    at: str = ""
    problem: str = ""


async def split(chunks: AsyncIterator[bytes]) -> AsyncGenerator[tuple[str, bytes], None]:
    """Cut what comes with timestamps into (time, text)."""
    held, whole = b"", True
    async for chunk in chunks:
        *lines, held = (held + chunk).split(b"\n")
        for line in lines:
            yield _read(line, begins=whole)
            whole = True
        if len(held) > LONGEST:
            yield _read(held, begins=whole)
            held, whole = b"", False
    if held:
        yield _read(held, begins=whole)


def _read(line: bytes, *, begins: bool) -> tuple[str, bytes]:
    if not begins:
        return "", line
    stamp, _, text = line.partition(b" ")
    return stamp.decode("ascii", "replace"), text
