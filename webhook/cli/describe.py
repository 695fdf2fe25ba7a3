"""`jobhook describe`: one Job, whole."""

from __future__ import annotations

from urllib.parse import quote

from .client import Client
from .showing import show_json, show_tree


def run(client: Client, name: str, *, as_json: bool) -> None:
    """Print what the receiver says of a Job. Raises Unanswered."""
    job = client.ask("GET", f"/jobs/{quote(name, safe='')}")
    show_json(job) if as_json else show_tree(job)
