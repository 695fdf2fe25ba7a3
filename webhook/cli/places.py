"""What the commands about definitions have in common: where those are, and how an event is read."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..checking import NoEvent, read_arrival
from ..definitions import DefinitionSet, load
from ..events import Arrival

OK, FOUND, MISUSED, UNREACHABLE = range(4)
"""Exit codes: all is well; something was found, or nothing matched; usage; the cluster did not answer."""

STANDARD_INPUT = Path("-")


def folder_of(environ: Mapping[str, str], given: Path | None) -> Path:
    """The definitions that an option or the environment names."""
    return given or Path(environ.get("JOB_DEFINITIONS_CONFIG_PATH") or "definitions")


def read(environ: Mapping[str, str], given: Path | None) -> DefinitionSet:
    """Load definitions. Raises DefinitionError."""
    return load(folder_of(environ, given))


def event_of(file: Path, *, sent_as: str | None, via: str | None) -> Arrival:
    """Read an event from a file, or from the standard input for `-`. Raises NoEvent."""
    try:
        text = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        raise NoEvent(f"{file} cannot be read: {error.strerror}") from error
    try:
        return read_arrival(text, sent_as=sent_as, via=via, now=datetime.now(UTC))
    except NoEvent as error:
        raise NoEvent(f"{file}: {error}") from error
