"""`jobhook cancel`: a Job that is not wanted any more."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from .client import Client
from .showing import show, show_json, styled


def run(client: Client, name: str, *, reason: str, purge: bool, as_json: bool) -> None:
    """Order a Job's end, or with `purge` its removal, and say what it is now. Raises Unanswered."""
    query = urlencode({"purge": "true"} if purge else {"reason": reason} if reason else {})
    job = client.ask("DELETE", f"/jobs/{quote(name, safe='')}" + (f"?{query}" if query else ""))
    if as_json:
        show_json(job)
        return
    # The order was taken; the Job controller carries it out.
    state = "purged" if purge else job["state"] if job["finished"] else "cancelling"
    show([name, state], styles={1: styled(state)})
