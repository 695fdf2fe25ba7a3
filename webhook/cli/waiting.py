"""Say which Job there is now, and wait for its end."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from .client import FAILED, OK, Client, Unanswered
from .showing import fields, progress, show, show_json, styled

FIRST, LONGEST = 0.2, 2.0
"""Seconds between two looks at a Job."""
AWAY = 60.0
"""Seconds that a receiver may be away while a Job is waited for."""


def told(client: Client, answer: dict[str, Any], *, wait: bool, as_json: bool) -> int:
    """Say what a submit came to, and answer the exit code.

    Raises:
        Unanswered: while it waited.
    """
    [job] = answer["jobs"]
    if not wait:
        show_json(answer) if as_json else show([job["name"]])
        return OK
    if job.get("gone"):
        raise Unanswered(f"the Job {job['name']} of this key has been, and was cleaned up", code=FAILED)
    ended = _wait(client, job["name"])
    if as_json:
        show_json(ended)
    else:
        show(fields(ended, ("name", "state", "reason", "exit_code")), styles={1: styled(ended["state"])})
    return OK if ended["state"] == "succeeded" else FAILED


def _wait(client: Client, name: str) -> dict[str, Any]:
    pause, heard = FIRST, time.monotonic()
    with progress(name) as say:
        while True:
            try:
                job: dict[str, Any] = client.ask("GET", f"/jobs/{quote(name, safe='')}")
                heard = time.monotonic()
            except Unanswered as error:
                if not error.retry or time.monotonic() - heard > AWAY:
                    raise
                say(f"{name}: {error}")
            else:
                if job["finished"]:
                    return job
                say(_line(job))
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST)


def _line(job: dict[str, Any]) -> str:
    why = ": ".join(str(job[key]) for key in ("reason", "message") if job.get(key))
    return f"{job['name']} is {job['state']}" + (f" ({why})" if why else "")
