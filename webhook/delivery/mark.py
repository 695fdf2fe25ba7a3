"""The patches of a claim and of its end, and what the latter means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .. import marks
from ..completion import Frozen
from ..progress import Claim, Progress, dump_delivery
from .plan import Result, Verdict

Patch = dict[str, Any]


def claiming(claim: Claim, delivery: Mapping[str, Progress], frozen: Frozen) -> Patch:
    """Claim a Job; what is frozen and the sinks are written with it, the same as they were where they were there."""
    return {
        "metadata": {
            "annotations": {
                marks.CLAIM: claim.dump(),
                marks.DELIVERY: dump_delivery(delivery),
                marks.COMPLETION_DATA: frozen.dump(),
            }
        }
    }


def marking(delivery: Mapping[str, Progress]) -> Patch:
    """Write progress down, take the claim away, and close the completion where nothing is pending."""
    annotations = {marks.CLAIM: None, marks.DELIVERY: dump_delivery(delivery) if delivery else None}
    metadata: Patch = {"annotations": annotations}
    if (state := overall(delivery)) != marks.PENDING:
        metadata["labels"] = {marks.COMPLETION: state}
    return {"metadata": metadata}


def overall(delivery: Mapping[str, Progress]) -> str:
    """The completion's label: the worst of what its sinks came to, and delivered where there are none."""
    states = {progress.state for progress in delivery.values()}
    for worst in (marks.PENDING, marks.FAILED, marks.DEAD):
        if worst in states:
            return worst
    return marks.DELIVERED


def verdict_of(delivery: Mapping[str, Progress]) -> Verdict:
    """What marked progress means for what comes next."""
    state = overall(delivery)
    if state != marks.PENDING:
        return Verdict(result=Result.FAILED if state == marks.FAILED else Result.DELIVERED)
    nexts: list[datetime] = [one.next or one.since for one in delivery.values() if one.pending]
    return Verdict(result=Result.LATER, at=min(nexts))
