"""The goals, and whether a run meets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from . import shapes
from .completions import Prompt
from .figures import Series, at, growth, middle, ratio
from .planting import JOBS
from .resident import Standing
from .restart import Round
from .sweeping import Swept

FLAT = 3.0
"""MiB by which memory may differ between the second and the last quarter of a minute's load, or of a sweep."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One of them.

    Attributes:
        value: what was measured, or None where it was not.
        least: whether the bound is one from below.
    """

    what: str
    bound: float
    value: float | None
    unit: str = "×"
    least: bool = True

    @property
    def met(self) -> bool | None:
        """None where nothing was measured."""
        if self.value is None:
            return None
        return self.value >= self.bound if self.least else self.value <= self.bound

    @property
    def verdict(self) -> str:
        """In a word."""
        return {True: "met", False: "MISSED", None: "not measured"}[self.met]


def stubbed(series: Mapping[str, Series]) -> list[Goal]:
    """Of the whole path against an API server that answers at once."""

    def against(key: str, other: str) -> float | None:
        return ratio(series.get(key, ()), series.get(other, ()))

    p99 = middle(series["whole"], "p99") if series.get("whole") else None
    return [
        Goal("whole path ÷ bare Starlette", 0.13, against("whole", "bare")),
        Goal("verification and decoding ÷ bare Starlette", 0.45, against("verify", "bare")),
        Goal("whole path, p99 at 32 connections", 20, p99, "ms", least=False),
        Goal("whole path ÷ adnanh/webhook with a command", 3, against("whole", "adnanh-runs")),
        Goal("whole path ÷ the ancestor's way", 25, against("whole", "ancestor")),
    ]


def real(series: Mapping[tuple[str, int], Series]) -> list[Goal]:
    """Of the real API server."""
    rates = [
        Goal(
            f"real API server, {connections} connections: jobhook ÷ direct POSTs",
            bound,
            ratio(series.get(("ours", connections), ()), series.get(("direct", connections), ())),
        )
        for connections, bound in ((32, 0.45), (8, 0.65))
    ]
    parts = [one.part for one in series.get(("ours", 32), ()) if one.part is not None]
    part = median(parts) * 100 if parts else None
    return [*rates, Goal("the receiver's part of an event's CPU, 32 connections", 20, part, "%", least=False)]


def completions(found: Prompt | None) -> list[Goal]:
    """Of completions while nothing else happens."""
    p99 = at(found.told, 0.99) if found else None
    return [Goal("a Job's end to its completion at the sink, p99", 100, p99, "ms", least=False)]


def restart(rounds: Sequence[Round]) -> list[Goal]:
    """Of a start beside many Jobs."""
    times = median(one.ratio for one in rounds) if rounds else None
    more = median(one.memory for one in rounds) if rounds else None
    return [
        Goal(f"start beside {JOBS:,} Jobs: index whole ÷ a bare list", 1.5, times, least=False),
        Goal(f"start beside {JOBS:,} Jobs: memory at rest, more", 40, more, "MiB", least=False),
    ]


def sweep(found: Swept | None) -> list[Goal]:
    """Of a sweep."""
    return [
        Goal(f"sweep of {JOBS:,} Jobs ÷ bare DELETEs", 0.8, found.ratio if found else None),
        Goal("memory in a sweep, growth", FLAT, growth(found.rss) if found else None, "MiB", least=False),
    ]


def standing(found: Mapping[str, Standing]) -> list[Goal]:
    """Of the start and of memory at rest."""
    goals = []
    for kind, one in found.items():
        goals += [
            Goal(f"start to ready, {kind}", 0.9, median(one.starts), "s", least=False),
            Goal(f"memory at rest, {kind}", 85, median(one.rss), "MiB", least=False),
        ]
    return goals


def steps(found: Mapping[str, float]) -> list[Goal]:
    """Of matching among many definitions, and of rendering."""
    goals = [Goal(name, 200, cost, "µs", least=False) for name, cost in found.items() if name.startswith(shapes.MATCH)]
    bounds = ((shapes.WARM, 60), (shapes.COLD, 1000))
    return [*goals, *(Goal(name, bound, found.get(name), "µs", least=False) for name, bound in bounds)]


def flat(samples: list[float]) -> Goal:
    """Of memory under load."""
    return Goal("memory under load, growth", FLAT, growth(samples) if samples else None, "MiB", least=False)
