"""`jobhook rerun`: a Job once more."""

from __future__ import annotations

import uuid
from urllib.parse import quote

from .client import Client
from .waiting import told


def run(client: Client, name: str, *, key: str | None, wait: bool, as_json: bool) -> int:
    """Order it, say the new Job's name, wait where that is wanted, and answer the exit code. Raises Unanswered."""
    headers = {"idempotency-key": key or str(uuid.uuid4())}
    answer = client.ask("POST", f"/jobs/{quote(name, safe='')}/rerun", headers=headers, tries=3)
    return told(client, answer, wait=wait, as_json=as_json)
