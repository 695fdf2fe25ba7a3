"""`jobhook definitions`: what a receiver can launch."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from .client import Client
from .showing import show_json, show_table, show_tree

COLUMNS = ("NAME", "PARAMETERS", "EVENTS", "JOBS", "DESCRIPTION")


def run(client: Client, name: str | None, *, as_json: bool) -> None:
    """Print all definitions, or one whole. Raises Unanswered."""
    found: dict[str, Any] = client.ask("GET", f"/definitions/{quote(name, safe='')}" if name else "/definitions")
    if as_json:
        show_json(found)
    elif name:
        show_tree({key: value for key, value in found.items() if key != "json_schema"})  # --json has it
    else:
        columns = ("name", "params", "events", "jobs", "description")
        show_table(COLUMNS, [[one.get(column) for column in columns] for one in found["definitions"]])
