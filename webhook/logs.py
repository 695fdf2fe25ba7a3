"""Logs: event names and fields; lines for people on a terminal, JSON elsewhere. Never a body, a header or a secret."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog

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
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if for_people else "iso", utc=not for_people),
        _bound,
    ]
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
        if for_people
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    foreign = logging.StreamHandler(stream)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    foreign.setFormatter(formatter)
    # What libraries say below a warning is theirs; uvicorn's access log is counted in metrics instead.
    logging.basicConfig(handlers=[foreign], level=logging.WARNING, force=True)


def _bound(logger: object, method: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Cut long texts and make what is not printable visible, so that no field can forge a line."""
    del logger, method
    for name, value in fields.items():
        if isinstance(value, str):
            text = value if value.isprintable() else value.encode("unicode_escape", "backslashreplace").decode("ascii")
            fields[name] = text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"
    return fields
