"""Logs: event names and fields; lines for people on a terminal, JSON elsewhere. Never a body, a header or a secret."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog

from .json import NotJson, dump

MAX_VALUE = 500
"""Characters of one field: what strangers sent cannot fill a disk with one line."""


def configure(*, level: str = "info", stream: TextIO = sys.stderr, pretty: bool | None = None) -> None:
    """Set up logging for the process, the standard library's included.

    Args:
        level: of ours: debug, info, warning, error.
        stream: where lines go.
        pretty: for people; by default, where `stream` is a terminal.
    """
    for_people = stream.isatty() if pretty is None else pretty
    stamp = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False) if for_people else _stamped
    shared: list[Any] = [_bound, structlog.stdlib.add_log_level, stamp]
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
        if for_people
        else [structlog.processors.format_exc_info, _line]
    )
    lines = Lines(stream)
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    foreign = logging.StreamHandler(lines)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    foreign.setFormatter(formatter)
    # What libraries say below a warning is theirs; uvicorn's access log is counted in metrics instead.
    logging.basicConfig(handlers=[foreign], level=logging.WARNING, force=True)


class Lines:
    """Writes what is worth a warning at once, and the rest once in each turn of the event loop.

    One write into a pipe wakes its reader and costs as much as the rest of the line; under load many lines go in one. A
    process that is killed loses no more than the lines of the turn in which it was.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._held: list[str] = []
        atexit.register(self.flush)

    def debug(self, line: str) -> None:
        """Take a line that may wait for its turn's end."""
        self._held.append(f"{line}\n")
        if len(self._held) == 1:
            try:
                asyncio.get_running_loop().call_soon(self.flush)
            except RuntimeError:  # no loop: nobody would come back
                self.flush()

    def error(self, line: str) -> None:
        """Write a line now, behind those that wait."""
        self._held.append(f"{line}\n")
        self.flush()

    info = msg = debug
    warning = critical = fatal = exception = error

    def write(self, text: str) -> None:
        """Take text, as a stream does."""
        self._held.append(text)

    def flush(self) -> None:
        """Write all that is held."""
        held, self._held = self._held, []
        if held:
            with contextlib.suppress(ValueError):  # closed, at the process's end
                self._stream.write("".join(held))
                self._stream.flush()


def _stamped(logger: object, method: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Add the time, in UTC."""
    del logger, method
    fields["timestamp"] = f"{datetime.now(UTC).isoformat()[:-6]}Z"
    return fields


def _line(logger: object, method: str, fields: dict[str, Any]) -> str:
    """Write the fields as one line of JSON."""
    try:
        return dump(fields).decode()
    except NotJson:  # a value of a kind that JSON has not; a line is never lost for that
        return str(structlog.processors.JSONRenderer()(logger, method, fields))


def _bound(logger: object, method: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Cut long texts and make what is not printable visible, so that no field can forge a line."""
    del logger, method
    for name, value in fields.items():
        if isinstance(value, str):
            text = value if value.isprintable() else value.encode("unicode_escape", "backslashreplace").decode("ascii")
            fields[name] = text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"
    return fields
