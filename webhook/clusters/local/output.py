"""Container logs: records that the shim has written, read as people want them.

A record is `TIME F TEXT` for a whole line or `TIME P TEXT` for a part of one; the time has 27 characters.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ...errors import NotFound

STAMP = len("2026-01-02T03:04:05.123456Z")
TEXT = STAMP + 3
CHUNK = 256 * 1024
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a log is to be read, as in `Jobs.log`."""

    tail: int | None = None
    since: datetime | None = None
    timestamps: bool = False


async def read(
    path: Path, view: View, ended: Callable[[], Awaitable[bool]] | None = None
) -> AsyncGenerator[bytes, None]:
    """Read a log; with `ended`, wait for it, and for more, until that says that no more will come.

    Raises:
        NotFound: there is none (yet, or any more).
    """
    over = ended is None
    while (offset := _tail_offset(path, view.tail)) is None:
        if over:
            raise NotFound(f"there is no log of container {path.name.split('.')[0]} yet")
        over = ended is None or await ended()
        if not over:
            await asyncio.sleep(POLL_SECONDS)
    lines = _Lines(view)
    while True:
        over = ended is None or await ended()
        with path.open("rb") as file:
            file.seek(offset)
            while chunk := file.read(CHUNK):
                whole = chunk[: chunk.rfind(b"\n") + 1]
                if not whole:
                    break
                offset += len(whole)
                file.seek(offset)
                if text := lines.show(whole):
                    yield text
                await asyncio.sleep(0)
        if over:
            return
        await asyncio.sleep(POLL_SECONDS)


def last_lines(path: Path, lines: int) -> bytes:
    """The end of a log; empty where there is none."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(_tail_offset(path, lines) or 0)
        return _Lines(View()).show(file.read())
    return b""


class _Lines:
    """Turns records into text; remembers whether the last one ended its line."""

    def __init__(self, view: View) -> None:
        self._view = view
        since = view.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if view.since else ""
        self._since, self._at_start = since.encode(), True

    def show(self, records: bytes) -> bytes:
        return b"".join(self._show(records))

    def _show(self, records: bytes) -> Iterator[bytes]:
        # Not by splitlines, which takes a carriage return within a line for its end.
        for record in records.split(b"\n")[:-1]:
            stamp, part = record[:STAMP], record[STAMP + 1 : STAMP + 2] == b"P"
            if stamp >= self._since:
                if self._view.timestamps and self._at_start:
                    yield stamp + b" "
                yield record[TEXT:] if part else record[TEXT:] + b"\n"
                self._at_start = not part


def _tail_offset(path: Path, lines: int | None) -> int | None:
    """Where the last `lines` lines begin; None where there is no file."""
    if not path.exists():
        return None
    if lines is None or not path.stat().st_size:
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        start = text.rfind(b"\n") + 1
        while lines > 0 and start > 0:
            start = text.rfind(b"\n", 0, start - 1) + 1
            before = text.rfind(b"\n", 0, max(0, start - 1)) + 1
            # A record that follows a part is no line's beginning.
            if start == 0 or text[before + STAMP + 1 : before + STAMP + 2] == b"F":
                lines -= 1
        return start
