"""Logs within somebody else's program."""

from __future__ import annotations

import structlog


def as_library() -> None:
    """Hand our lines to the standard library's logging (loggers `webhook.…`), unless the program has set structlog up.

    By itself structlog prints them on the standard output, which is the program's.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
