"""The command `jobhook`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; `serve` alone goes past typer and rich, which a server has no use for."""
    if sys.argv[1:] == ["serve"]:
        from ..main import serve  # each command imports what it needs

        sys.exit(serve())
    from .app import app

    app(prog_name="jobhook")
