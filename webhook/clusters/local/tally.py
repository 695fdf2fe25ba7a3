"""A Job's tries, counted by its rules for failures: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .manifest import JobSpec, Rule
from .tries import Try


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a Job ends, in Kubernetes' words."""

    succeeded: bool
    reason: str
    message: str


@dataclass(slots=True)
class Tally:
    """The tries, counted.

    Attributes:
        failed: those that count towards `backoffLimit`.
        done, lost: indexes that succeeded, and that failed for good.
        fatal: the verdict of a `FailJob` rule.
    """

    active: int = 0
    succeeded: int = 0
    failed: int = 0
    done: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    busy: set[int] = field(default_factory=set)
    failures: dict[int, int] = field(default_factory=dict)
    fatal: Verdict | None = None


def count(spec: JobSpec, tries: Iterable[Try]) -> Tally:
    """Count tries by the Job's rules."""
    tally = Tally()
    for attempt in tries:
        if attempt.finished is None:
            tally.active += 1
            if attempt.index is not None:
                tally.busy.add(attempt.index)
        elif attempt.succeeded:
            tally.succeeded += 1
            if attempt.index is not None:
                tally.done.add(attempt.index)
        else:
            _count_failure(spec, attempt, tally)
    if spec.indexed:
        tally.done = {index for index in tally.done if index < (spec.completions or 0)}
        tally.succeeded = len(tally.done)
    tally.lost -= tally.done
    return tally


def _count_failure(spec: JobSpec, attempt: Try, tally: Tally) -> None:
    rule = _matching(spec, attempt)
    if rule and rule[1].action == "FailJob" and tally.fatal is None:
        tally.fatal = Verdict(
            False, "PodFailurePolicy", f"Pod {attempt.name} {rule[2]} matching FailJob rule at index {rule[0]}"
        )
    if rule and rule[1].action == "Ignore":
        return
    tally.failed += 1
    if attempt.index is not None:
        failures = tally.failures[attempt.index] = tally.failures.get(attempt.index, 0) + 1
        limit = spec.backoff_limit_per_index
        if limit is not None and (failures > limit or (rule and rule[1].action == "FailIndex")):
            tally.lost.add(attempt.index)


def _matching(spec: JobSpec, attempt: Try) -> tuple[int, Rule, str] | None:
    """The first rule of the podFailurePolicy that a failed pod matches: its number, itself and how."""
    for number, rule in enumerate(spec.pod_failure_policy.rules if spec.pod_failure_policy else ()):
        if codes := rule.on_exit_codes:
            for container, code in attempt.exits:
                named = codes.container_name in {None, container}
                if named and (code in codes.values) == (codes.operator == "In"):
                    return number, rule, f"failed with exit code {code} of container {container}"
        for pattern in rule.on_pod_conditions or ():
            if pattern.status == "True" and pattern.type in attempt.conditions:
                return number, rule, f"has condition {pattern.type}"
    return None
