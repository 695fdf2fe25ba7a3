"""`jobhook redeliver`: ask a receiver to send completions again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from .. import marks
from .client import FAILED, Client, Unanswered

PAGE = 500


def redeliver(
    client: Client, names: Sequence[str], sinks: Sequence[str], *, all_failed: bool, told: Callable[[str], None]
) -> dict[str, Any]:
    """Order each Job's completion to be sent again, and answer which were and which were not.

    Args:
        client: the receiver.
        names: of Jobs.
        sinks: only there; where empty, wherever it did not arrive.
        all_failed: every Job besides whose completion has failed (at one of `sinks`, where they are named).
        told: takes lines about what did not go.

    Raises:
        Unanswered: the receiver was not reached, or lets us do nothing.
    """
    query = urlencode([("sink", sink) for sink in sinks])
    ordered: list[str] = []
    refused: dict[str, str] = {}
    for name in dict.fromkeys([*names, *(_failed(client, sinks) if all_failed else ())]):
        try:
            client.ask("POST", f"/jobs/{quote(name, safe='')}/redeliver" + (f"?{query}" if query else ""))
            ordered.append(name)
        except Unanswered as error:
            if error.code != FAILED:
                raise  # the next Job would fare no better
            refused[name] = str(error)
            told(f"{name}: {error}")
    return {"redelivered": ordered, "refused": refused}


def _failed(client: Client, sinks: Sequence[str]) -> Iterator[str]:
    """The Jobs whose completion has failed, listed whole before the first order changes what a page holds."""
    names: list[str] = []
    after: str | None = ""
    while after is not None:
        query = {"label": f"{marks.COMPLETION}={marks.FAILED}", "limit": str(PAGE)} | (
            {"continue": after} if after else {}
        )
        page = client.ask("GET", "/jobs?" + urlencode(query))
        names += [job["name"] for job in page["jobs"]]
        after = page["continue"]
    return (name for name in names if not sinks or _failed_at(client, name, sinks))


def _failed_at(client: Client, name: str, sinks: Sequence[str]) -> bool:
    delivery = client.ask("GET", f"/jobs/{quote(name, safe='')}")["delivery"]
    return any(delivery.get(sink, {}).get("state") == marks.FAILED for sink in sinks)
