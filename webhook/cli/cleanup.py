"""`jobhook cleanup`: ask a receiver for sweeps until nothing is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .client import Client, Unanswered

PAUSE = 2.0
"""Seconds between tries at a receiver that does not answer."""


def cleanup(client: Client, *, dry_run: bool, patience: float, told: Callable[[str], None]) -> dict[str, Any]:
    """Sweep until a sweep says that it is through, and answer the sum of the reports.

    Args:
        client: the receiver.
        dry_run: only tell what would be done.
        patience: seconds that a receiver which does not answer is asked again, and that all sweeps may take.
        told: takes lines about progress.

    Raises:
        Unanswered: not done within `patience`, or refused.
    """
    end = time.monotonic() + patience
    total: dict[str, Any] = {}
    path = "/cleanup?dry_run=true" if dry_run else "/cleanup"
    while True:
        try:
            report = client.ask("POST", path)
        except Unanswered as error:
            if not error.retry or time.monotonic() + PAUSE >= end:
                raise
            told(f"{error}; once more in {PAUSE:.0f} s")
            time.sleep(PAUSE)
            continue
        total = _sum(total, report)
        if not report.get("more") or dry_run or time.monotonic() >= end:
            return total
        told(f"{total.get('deleted', 0)} Jobs deleted so far …")


def _sum(total: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    """Add what was done; what was kept is told as the last sweep saw it."""
    added = dict(report)
    for name, count in total.items():
        if name in {"deleted", "orphans", "delivered", "failed", "errors", "seconds"} and isinstance(
            count, int | float
        ):
            added[name] = count + report.get(name, 0)
    return added
