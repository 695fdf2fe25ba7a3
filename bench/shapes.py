"""Matching among many definitions, and rendering the examples: steps of `bench.micro`."""

from __future__ import annotations

import tempfile
import time
import timeit
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from webhook.checking.trials import run
from webhook.definitions import load
from webhook.events import Arrival, Event
from webhook.rendering import render
from webhook.routing import match

MANY = 1000
MATCH = f"match among {MANY:,}, "
WARM, COLD = "render the median example, warm", "render the median example, cold"
SHAPES: Mapping[str, Callable[[int], str]] = {
    "a type each": lambda i: f"{{type: com.acme.t{i}}}",
    "a type prefix each": lambda i: f"{{type: {{prefix: com.acme{i}.}}}}",
    "a source each": lambda i: f"{{source: https://github.com/acme{i}}}",
    "one type, a source prefix each": lambda i: f"{{type: t, source: {{prefix: https://github.com/acme{i}/}}}}",
    "one type, a branch each": lambda i: f"{{type: t, when: 'event.data.ref == \"refs/heads/{i}\"'}}",
}
_EXAMPLES = ("definitions", "docs/cookbook")
_ARRIVAL = Arrival(
    event=Event(id="1", source="https://github.com/acme/w", type="t", data={"ref": "refs/heads/main"}),
    via="events",
    identity="1",
    received=datetime(2026, 1, 31, tzinfo=UTC),
)


def matching() -> dict[str, Callable[[], object]]:
    """One event among a thousand definitions that do not take it, by what tells them apart."""
    return {MATCH + name: _matching(rule) for name, rule in SHAPES.items()}


def _matching(rule: Callable[[int], str]) -> Callable[[], object]:
    job = "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: []}}}}"
    with tempfile.TemporaryDirectory() as folder:
        texts = [f'name: n{number}\non: [{rule(number)}]\nspec: "{job}"\n' for number in range(MANY)]
        (Path(folder) / "all.yaml").write_text("---\n".join(texts))
        definitions = load(Path(folder))
    return lambda: match(definitions, _ARRIVAL)


def examples(project: Path) -> dict[str, float]:
    """Microseconds to render the median example of the project, with its plan parsed before and for the first time."""
    warm, cold = [], []
    for folder in (project / name for name in _EXAMPLES):
        for definition in load(folder):
            trial = next((one for one in run(definition, folder) if one.arrival is not None and one.rendered), None)
            fresh = load(folder).get(definition.name)
            if trial is None or trial.arrival is None or fresh is None:
                continue
            began = time.perf_counter()
            render(fresh, trial.arrival)
            cold.append((time.perf_counter() - began) * 1e6)
            timer = timeit.Timer(lambda definition=definition, arrival=trial.arrival: render(definition, arrival))
            warm.append(min(timer.repeat(5, 50)) / 50 * 1e6)
    return {WARM: median(warm), COLD: median(cold)}
