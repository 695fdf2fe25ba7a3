"""`jobhook cleanup`: ask a receiver for sweeps until nothing is left to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .client import Client, Unanswered

PAUSE = 2.0
"""Seconds between tries at a receiver that does not answer."""
TICK = 4.0
LEAST, MOST = 5.0, 50.0
"""Seconds of one sweep. Each begins at the first page again, so that short ones alone might never get far."""


def cleanup(
    client: Client, *, dry_run: bool, patience: float, watched: bool, told: Callable[[str], None]
) -> dict[str, Any]:
    """Sweep until a sweep says that it is through, and answer the sum of the reports.

    Args:
        client: the receiver.
        dry_run: only tell what would be done.
        patience: seconds that a receiver which does not answer is asked again, and that all sweeps may take.
        watched: by a person, who wants to see soon that it goes on: the first sweeps are short.
        told: takes lines about progress.

    Raises:
        Unanswered: not done within `patience`, or refused.
    """
    end = time.monotonic() + patience
    total: dict[str, Any] = {}
    # A dry run that broke off could not be gone on with, only repeated.
    budget = LEAST if watched and not dry_run else MOST
    while True:
        seconds = max(LEAST, min(budget, end - time.monotonic()))
        try:
            with _waiting(told if watched else None):
                report = client.ask("POST", f"/cleanup?budget={seconds:.0f}s{'&dry_run=true' * dry_run}")
        except Unanswered as error:
            if not error.retry or time.monotonic() + PAUSE >= end:
                raise
            told(f"{error}; once more in {PAUSE:.0f} s")
            time.sleep(PAUSE)
            continue
        total = _sum(total, report)
        if not report.get("more") or dry_run or time.monotonic() >= end:
            return total
        told(f"{total.get('deleted', 0)} Jobs deleted, {total.get('delivered', 0)} completions delivered so far …")
        budget = min(2 * budget, MOST)


@contextmanager
def _waiting(told: Callable[[str], None] | None) -> Iterator[None]:
    """Tell every few seconds that an answer is still awaited."""
    done, began = threading.Event(), time.monotonic()

    def tell() -> None:
        while told and not done.wait(TICK):
            told(f"sweeping for {time.monotonic() - began:.0f} s …")

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def undone(report: Mapping[str, Any]) -> str | None:
    """What a report leaves to be done, in words; None where nothing is."""
    if errors := report.get("errors"):
        return f"{errors} errors; the receiver's log says which, and what is left is tried again by the next cleanup"
    if report.get("more"):
        return "not finished within its time; run it again, or give it more --patience"
    return None


def _sum(total: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    """Add what was done; what was kept is told as the last sweep saw it."""
    added = dict(report)
    for name, count in total.items():
        if name in {"deleted", "orphans", "delivered", "failed", "errors", "seconds"} and isinstance(
            count, int | float
        ):
            added[name] = count + report.get(name, 0)
    return added
