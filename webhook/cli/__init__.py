"""The command `jobhook`."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import cast


def main() -> None:
    """Run the command line; `serve` alone goes past typer and rich, which a server has no use for."""
    if sys.argv[1:] == ["serve"]:
        # A server draws nothing; structlog would import rich where it finds it, for 90 ms of every start.
        sys.modules.setdefault("rich", cast("ModuleType", None))
        from ..main import serve

        sys.exit(serve())
    from .app import app

    app(prog_name="jobhook")
