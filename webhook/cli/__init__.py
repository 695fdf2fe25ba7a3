"""The command `jobhook`."""

from __future__ import annotations

import importlib.machinery
import sys
from types import ModuleType
from typing import cast


def main() -> None:
    """Run the command line; `serve` alone goes past typer and rich, which a server has no use for."""
    if sys.argv[1:] == ["serve"]:
        start_lean()
        from ..main import serve  # each command imports what it needs

        sys.exit(serve())
    from .app import app

    app(prog_name="jobhook")


def start_lean() -> None:
    """Keep out of a server's process what its libraries would import and it never uses; call it before they load.

    - structlog imports rich where it finds it, to draw tracebacks: 90 ms.
    - `kubernetes/__init__.py` imports the synchronous client with requests, urllib3 and oauthlib, of which
      `kubernetes.aio` needs nothing: 110 ms and 7 MiB. A package without that file's contents serves it as well.
    """
    sys.modules.setdefault("rich", cast("ModuleType", None))
    spec = importlib.machinery.PathFinder.find_spec("kubernetes")
    if "kubernetes" not in sys.modules and spec is not None and spec.submodule_search_locations is not None:
        bare = ModuleType("kubernetes")
        bare.__path__ = list(spec.submodule_search_locations)
        bare.__spec__ = spec
        sys.modules["kubernetes"] = bare
