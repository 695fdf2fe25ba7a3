"""What a sweep did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A sweep in numbers.

    Attributes:
        delivered, failed: completions that came to their end in it.
        deleted: Jobs that are gone; on a dry run those that would be.
        orphans: large events that are gone, as their Job never came; on a dry run those that would be.
        kept: Jobs by why they stay (`Kept`).
        errors: Jobs at which something broke, and a list that broke off; the log says what.
        more: the time budget, or an error, left something undone.
        seconds: how long it took.
    """

    delivered: int = 0
    failed: int = 0
    deleted: int = 0
    orphans: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)
    errors: int = 0
    more: bool = False
    dry_run: bool = False
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """As `POST /cleanup` answers it."""
        return asdict(self)
