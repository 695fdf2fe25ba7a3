"""The benchmark: `make bench`, or `python -m bench.run`. What it does and how to read it: bench/README.md."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from . import completions, goals, profiled, real, resident, restart, stubbed, sweeping, table
from .building import OUT, PROJECT, Tools, build
from .figures import Measured, plain
from .goals import Goal
from .machine import CORES, RECEIVER_CORE, Absent, Trouble

PARTS = ("stub", "real", "completions", "restart", "sweep", "standing", "memory", "steps", "profile")
USUAL = PARTS[:-1]
DOCS = PROJECT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: make bench DOCS=1 -->", "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Length:
    """How long things are measured: rounds, seconds a run, completions, starts, seconds of the memory's load."""

    rounds: int
    seconds: float
    real_rounds: int
    real_seconds: float
    completions: int
    restarts: int
    starts: int
    memory: float


SHORT = Length(rounds=3, seconds=3, real_rounds=3, real_seconds=3, completions=200, restarts=3, starts=5, memory=60)
LONG = Length(rounds=5, seconds=8, real_rounds=5, real_seconds=4, completions=500, restarts=9, starts=11, memory=180)


@dataclass(slots=True)
class Report:
    """What has come of it so far."""

    goals: list[Goal] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    series: list[list[Measured]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    took: dict[str, int] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Print a paragraph, and keep it for the documentation."""
        print(f"\n{text}", flush=True)
        self.said.append(text)

    def keep(self, series: Mapping[Any, list[Measured]]) -> None:
        """Take runs in; one with answers that were not wanted is no measurement."""
        self.series += series.values()
        self.troubles += [f"{key}: {one.bad}" for key, found in series.items() for one in found if one.bad]


def main() -> int:
    """Run the parts that are asked for. Answers 0, also where a goal is missed; 1 where a part could not be run."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure jobhook beside others, in one run.")
    parser.add_argument("--long", action="store_true", help="more rounds, and longer ones")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=USUAL, help="some parts")
    parser.add_argument("--contenders", nargs="+", metavar="KEY", help="some of the stub part's receivers")
    parser.add_argument("--docs", action="store_true", help=f"write what is said into {DOCS.name}")
    given = parser.parse_args()
    length, report = LONG if given.long else SHORT, Report()
    try:
        tools = build()
    except Trouble as trouble:
        print(f"bench: {trouble}", file=sys.stderr)
        return 1
    for part in PARTS:
        if part in given.only:
            began = time.monotonic()
            try:
                RUNNERS[part](tools, length, report, given.contenders)
            except Absent as absent:
                report.goals += UNMEASURED.get(part, list)()
                report.say(f"Left out: {part}: {absent}")
            except Trouble as trouble:
                report.goals += UNMEASURED.get(part, list)()
                report.troubles.append(f"{part}: {trouble}")
                print(f"\nNot measured: {part}: {trouble}")
            report.took[part] = round(time.monotonic() - began)
    _close(report)
    if given.docs:
        _document(report)
    return 1 if report.troubles else 0


def _stub(tools: Tools, length: Length, report: Report, only: list[str] | None) -> None:
    chosen = [one for one in stubbed.there(tools) if not only or one.key in only]
    series: dict[str, list[Measured]] = defaultdict(list)
    for key, measured in stubbed.rounds(tools, count=length.rounds, seconds=length.seconds, chosen=chosen):
        series[key].append(measured)
        _tell(key, measured)
    ceiling = stubbed.limit(tools, seconds=length.seconds)
    report.say(table.stubbed(series))
    unloaded = dict(stubbed.alone(tools, seconds=length.seconds)) if not only else {}
    lines = [f"The API server that answers at once, asked directly: {ceiling.rate:,.0f} req/s on its core."]
    lines += [f"Left out: {tools.adnanh_trouble}"] if tools.adnanh_trouble else []
    lines += [f"One connection, {key}: p50 {one.p50:.2f} ms, p99 {one.p99:.2f} ms" for key, one in unloaded.items()]
    report.say("\n".join(lines))
    report.goals += goals.stubbed(series)
    report.keep(series)
    report.results["stub"] = {key: plain(found) for key, found in series.items()}
    report.results["alone"] = {key: asdict(one) for key, one in unloaded.items()}
    report.results["limit"] = asdict(ceiling)


def _real(tools: Tools, length: Length, report: Report, _: object) -> None:
    series: dict[tuple[str, int], list[Measured]] = defaultdict(list)
    for path, connections, measured in real.rounds(tools, count=length.real_rounds, seconds=length.real_seconds):
        series[path, connections].append(measured)
        _tell(f"{path} × {connections}", measured)
    report.say(table.real(series))
    report.goals += goals.real(series)
    report.keep(series)
    report.results["real"] = {f"{path}-{count}": plain(found) for (path, count), found in series.items()}


def _completions(tools: Tools, length: Length, report: Report, _: object) -> None:
    found = completions.prompt(tools, count=length.completions)
    report.say(table.completions(found))
    report.goals += goals.completions(found)
    report.results["completions"] = asdict(found)


def _restart(tools: Tools, length: Length, report: Report, _: object) -> None:
    rounds = restart.rounds(tools, count=length.restarts)
    report.say(table.restart(rounds))
    report.goals += goals.restart(rounds)
    report.results["restart"] = [asdict(one) for one in rounds]


def _sweep(tools: Tools, _: Length, report: Report, __: object) -> None:
    found = sweeping.swept(tools)
    report.say(table.sweep(found))
    report.goals += goals.sweep(found)
    report.results["sweep"] = asdict(found)


def _standing(tools: Tools, length: Length, report: Report, _: object) -> None:
    found = {kind: resident.standing(tools, kind, count=length.starts) for kind in resident.CLUSTERS}
    report.say(table.standing(found))
    report.goals += goals.standing(found)
    report.results["standing"] = {kind: asdict(one) for kind, one in found.items()}


def _memory(tools: Tools, length: Length, report: Report, _: object) -> None:
    samples = list(resident.under_load(tools, seconds=length.memory))
    report.say(f"Memory under load, MiB every ten seconds: {' '.join(f'{size:.1f}' for size in samples[::10])}")
    report.goals.append(goals.flat(samples))
    report.results["memory"] = samples


def _steps(tools: Tools, _: Length, report: Report, __: object) -> None:
    costs = json.loads(resident.micro(tools, RECEIVER_CORE))
    report.say(table.costs(costs))
    report.goals += goals.steps(costs)
    report.results["steps"] = costs


def _profile(tools: Tools, _: Length, __: Report, only: list[str] | None) -> None:
    for contender in stubbed.there(tools):
        if contender.key in (only or ["whole"]):
            print(f"\n{contender.label}\n{profiled.profile(tools, contender, seconds=15)}")


RUNNERS = {
    "stub": _stub,
    "real": _real,
    "completions": _completions,
    "restart": _restart,
    "sweep": _sweep,
    "standing": _standing,
    "memory": _memory,
    "steps": _steps,
    "profile": _profile,
}
UNMEASURED: dict[str, Callable[[], list[Goal]]] = {
    "real": lambda: goals.real({}),
    "completions": lambda: goals.completions(None),
    "restart": lambda: goals.restart(()),
    "sweep": lambda: goals.sweep(None),
}
"""The goals of parts that could not be run: the table says so."""


def _tell(name: str, one: Measured) -> None:
    print(f"  {name:15} {one.rate:9,.0f} req/s  p99 {one.p99:7.2f} ms  {one.bad}", file=sys.stderr, flush=True)


def _close(report: Report) -> None:
    if report.goals:
        report.say(table.goals(report.goals))
        report.say(table.machine(report.series))
    for trouble in report.troubles:
        print(f"Trouble: {trouble}")
    print("Seconds:", ", ".join(f"{part} {seconds}" for part, seconds in report.took.items()))
    file = OUT / f"results-{time.strftime('%Y%m%d-%H%M%S')}.json"
    report.results |= {
        "machine": {"cores": len(CORES), "processor": platform.processor(), "python": platform.python_version()},
        "goals": [asdict(goal) | {"verdict": goal.verdict} for goal in report.goals],
        "troubles": report.troubles,
        "seconds": report.took,
    }
    file.write_text(json.dumps(report.results, indent=1))
    print(f"Everything measured: {file.relative_to(OUT.parent.parent)}")


def _document(report: Report) -> None:
    """Put the tables in the place of those before."""
    head, _, rest = DOCS.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    text = "\n\n".join(filter(None, report.said))
    DOCS.write_text(f"{head}{BEGIN}\n```text\n{text}\n```\n{END}{tail}")


if __name__ == "__main__":
    sys.exit(main())
