"""Figures as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from .completions import Prompt
from .figures import Series, at, by_cpu, middle, ratio, spread
from .goals import Goal
from .planting import JOBS
from .real import CONNECTIONS, LABELS, PATHS
from .resident import Standing
from .restart import Round, Start
from .stubbed import ALL, BARE
from .sweeping import Deleting, Swept


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
    """The paths on a real API server: how fast, and by whose CPU."""
    measured = [
        (f"{connections:2} × {LABELS[path]}", found, series.get(("direct", connections), ()))
        for connections in CONNECTIONS
        for path in PATHS
        if (found := series.get((path, connections)))
    ]
    speed = [
        [
            what,
            number(middle(found, "rate")),
            number(ratio(found, direct)),
            number(middle(found, "p50")),
            number(middle(found, "p99")),
            f"{spread([run.rate for run in found]):.0%}{noise(found)}",
        ]
        for what, found, direct in measured
    ]
    cpu = [
        [
            what,
            *(number(middle(found, name) / 1000) for name in ("cpu", "api_cpu", "etcd_cpu", "controllers_cpu")),
            *(f"{middle(found, name):.0%}" for name in ("part", "part_of_way")),
        ]
        for what, found, direct in measured
        if found is not direct
    ]
    by = ["receiver", "API server", "etcd", "controllers", "receiver's part", "controllers left out"]
    return "\n\n".join(
        (
            table(["connections", "Jobs/s", "÷ direct", "p50 ms", "p99 ms", "spread"], speed),
            table(["ms of CPU an event", *by], cpu),
        )
    )


def completions(found: Prompt) -> str:
    """How soon the sink knows."""
    rows = [
        [what, *(number(value) for value in (at(times, 0.5), at(times, 0.99), max(times)))]
        for what, times in (
            ("the PATCH that ends a Job, to its answer", found.ended),
            ("from that answer to its completion at the sink", found.told),
            ("both together", found.whole),
        )
    ]
    return table([f"{len(found.told)} Jobs, one at a time", "p50 ms", "p99 ms", "longest ms"], rows)


def restart(rounds: Sequence[Round]) -> str:
    """A start beside no Jobs, and beside many."""

    def row(what: str, starts: Sequence[Start]) -> list[str]:
        columns = ("seconds", "cpu", "syncing", "rss")
        return [what, *(number(median(getattr(one, name) for one in starts)) for name in columns)]

    head = ["jobhook serve", "start to ready s", "its CPU s", "index whole s", "RSS at rest MiB"]
    rows = [
        row("beside no Job", [one.empty for one in rounds]),
        row(f"beside {JOBS:,} Jobs", [one.full for one in rounds]),
    ]
    ratios = [one.ratio for one in rounds]
    bare = number(median(one.bare for one in rounds))
    last = f"A bare list of them: {bare} s; index whole ÷ that: {min(ratios):.2f} to {max(ratios):.2f}."
    return f"{table(head, rows)}\n{last}"


def sweep(found: Swept) -> str:
    """A sweep beside bare DELETEs."""

    def row(what: str, one: Deleting, ratio: float | None, by_cpu: float | None) -> list[str]:
        return [what, *(number(value) for value in (one.rate, ratio, one.own, one.control, by_cpu))]

    before, after = found.bare
    calls = f"{found.calls} call" + "s" * (found.calls > 1)
    rows = [
        row("bare DELETEs, before", before, None, None),
        row(f"POST /cleanup, {calls}", found.sweep, found.ratio, found.by_cpu),
        row("bare DELETEs, after", after, None, None),
    ]
    head = ["five at once", "Jobs/s", "÷ bare", "ms CPU: who deletes", "control plane", "bare ÷"]
    memory = " ".join(number(size) for size in [*found.rss[:-1:5], found.rss[-1]])
    return f"{table(head, rows)}\nThe receiver's memory meanwhile, MiB every five seconds: {memory}"


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
