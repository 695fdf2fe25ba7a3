"""`jobhook jobs`: a list of Jobs, by as many pages as it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from .client import Client
from .showing import ago, on_terminal, show_json, show_table

PAGE = 500
COLUMNS = ("NAME", "DEFINITION", "STATE", "CREATED", "FINISHED", "REASON")
STATE = 2


def run(client: Client, query: Sequence[tuple[str, str]], *, limit: int, as_json: bool) -> None:
    """Print the Jobs that a query finds, at most `limit`. Raises Unanswered."""
    found = []
    for job in _jobs(client, query, limit=limit):
        found.append(job)
        if len(found) == limit:
            break
    if as_json:
        show_json({"jobs": found})
    else:
        show_table(COLUMNS, [_row(job, datetime.now(UTC)) for job in found], state=STATE)


def _jobs(client: Client, query: Sequence[tuple[str, str]], *, limit: int) -> Iterator[dict[str, Any]]:
    after: str | None = ""
    while after is not None:
        more = [("limit", str(min(limit, PAGE)))] + ([("continue", after)] if after else [])
        page = client.ask("GET", "/jobs?" + urlencode([*query, *more]))
        yield from page["jobs"]
        after = page["continue"]


def _row(job: dict[str, Any], now: datetime) -> list[Any]:
    moments = [job["created"], job["finished"]]
    if on_terminal():
        moments = [f"{text} ago" if (text := ago(moment, now)) else "" for moment in moments]
    return [job["name"], job["definition"], job["state"], *moments, job["reason"]]
