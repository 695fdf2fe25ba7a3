"""`jobhook logs`: what a Job's containers wrote, as they wrote it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from .client import Client


def run(client: Client, name: str, query: Mapping[str, str], *, as_json: bool) -> None:
    """Copy the log to the standard output, byte by byte. Raises Unanswered."""
    path = f"/jobs/{quote(name, safe='')}/logs" + (f"?{urlencode(query)}" if query else "")
    accept = "application/x-ndjson" if as_json else "text/plain"
    for piece in client.stream(path, accept=accept, endless="follow" in query):
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
