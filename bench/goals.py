"""The goals, and whether a run meets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from . import shapes
from .figures import Series, growth, middle, ratio
from .resident import Standing

FLAT = 3.0
"""MiB by which memory may differ between the second and the last quarter of a minute's load."""


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
    return [
        Goal(
            f"real API server, {connections} connections: jobhook ÷ direct POSTs",
            bound,
            ratio(series.get(("ours", connections), ()), series.get(("direct", connections), ())),
        )
        for connections, bound in ((32, 0.45), (8, 0.65))
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
