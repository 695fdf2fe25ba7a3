"""Figures as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from .figures import Series, by_cpu, middle, ratio, spread
from .goals import Goal
from .real import CONNECTIONS, LABELS, PATHS
from .resident import Standing
from .stubbed import ALL, BARE


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns by their widest cell; the first to the left, all others to the right.

    >>> print(table(["what", "n"], [["a", "10"]]))
    what   n
    a     10
    """
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in cells)
    )


def number(value: float | None, digits: int = 3) -> str:
    """Three figures, or as many; a dash for what was not measured.

    >>> number(0.1304), number(12345.6), number(None)
    ('0.130', '12,346', '–')
    """
    if value is None or value != value:  # noqa: PLR0124 # not a number
        return "–"
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:,.{max(0, digits - whole)}f}"


def stubbed(series: Mapping[str, Series]) -> str:
    """The receivers against the API server that answers at once."""
    rows = [
        [
            one.label,
            number(middle(found, "rate")),
            number(ratio(found, series.get(BARE.key, ()))),
            number(middle(found, "p50")),
            number(middle(found, "p99")),
            number(middle(found, "cpu")),
            number(by_cpu(found, series.get(BARE.key, ()))),
            number(middle(found, "rss")),
            f"{spread([run.rate for run in found]):.0%}{noise(found)}",
        ]
        for one in ALL
        if (found := series.get(one.key))
    ]
    return table(
        ["one core each", "req/s", "÷ bare", "p50 ms", "p99 ms", "µs CPU", "bare ÷", "RSS MiB", "spread"], rows
    )


def real(series: Mapping[tuple[str, int], Series]) -> str:
    """The paths on a real API server."""
    rows = [
        [
            f"{connections:2} × {LABELS[path]}",
            number(middle(found, "rate")),
            number(ratio(found, series.get(("direct", connections), ()))),
            number(middle(found, "p50")),
            number(middle(found, "p99")),
            "–" if path == "direct" else number(middle(found, "cpu") / 1000),
            number(middle(found, "api_cpu") / 1000),
            f"{spread([run.rate for run in found]):.0%}{noise(found)}",
        ]
        for connections in CONNECTIONS
        for path in PATHS
        if (found := series.get((path, connections)))
    ]
    return table(
        ["connections", "Jobs/s", "÷ direct", "p50 ms", "p99 ms", "receiver ms CPU", "API server ms CPU", "spread"],
        rows,
    )


def noise(series: Series) -> str:
    """A tilde where the machine was restless in most rounds."""
    return " ~" if sum(one.noisy for one in series) * 2 > len(series) else ""


def goals(found: Sequence[Goal]) -> str:
    """What was wanted, and what is."""
    rows = [
        [goal.what, f"{'≥' if goal.least else '≤'} {goal.bound:g} {goal.unit}", number(goal.value), goal.verdict]
        for goal in found
    ]
    return table(["goal", "wanted", "measured", ""], rows)


def standing(found: Mapping[str, Standing]) -> str:
    """Start and memory at rest."""
    rows = [
        [kind, *(number(median(values)) for values in (one.starts, one.cpu, one.rss)), f"{spread(one.starts):.0%}"]
        for kind, one in found.items()
    ]
    return table(["jobhook serve", "start to ready s", "its CPU s", "RSS at rest MiB", "spread"], rows)


def costs(found: Mapping[str, float]) -> str:
    """Single steps."""
    return table(["one step", "µs"], [[name, number(value)] for name, value in found.items()])


def machine(everything: Iterable[Series]) -> str:
    """How steady the machine was."""
    runs = [one for series in everything for one in series]
    if not runs:
        return ""
    speeds = [speed for one in runs for speed in one.calibration]
    noisy = sum(one.noisy for one in runs)
    return (
        f"The machine: a fixed loop ran at {min(speeds):.1f} to {max(speeds):.1f} rounds a millisecond"
        f" (spread {spread(speeds):.0%}) before and after each of {len(runs)} runs; others used"
        f" {max(one.others for one in runs):.0%} of it at most; {noisy} runs were noisy (~)."
    )
