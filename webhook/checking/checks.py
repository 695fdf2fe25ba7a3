"""All that is wrong with a folder or a file of definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..definitions import ConfigMap, Definition
from ..definitions.files import Entry
from ..definitions.loading import Written, build_each, read
from ..definitions.plans import Plans
from ..manifests import BadManifest
from . import trials
from .doors import Doors, closed
from .finding import Finding, Severity, finding
from .never import odd_rules
from .trials import Trial


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check.

    Attributes:
        findings: by file, line and column.
        definitions: how many can be used.
        trials: the definitions' own tests that were run, with where each is written.
    """

    findings: tuple[Finding, ...] = ()
    definitions: int = 0
    trials: tuple[tuple[Entry, Definition, Trial], ...] = field(default=(), repr=False)

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(found.severity is Severity.ERROR for found in self.findings)

    def also(self, more: list[Finding]) -> Checked:
        """With further findings."""
        return replace(self, findings=_ordered([*self.findings, *more]))


def check(path: Path, *, config_maps: Mapping[ConfigMap, str] | None = None, doors: Doors | None = None) -> Checked:
    """Check a folder or a file.

    Args:
        path: as `load` takes it.
        config_maps: the templates in ConfigMaps; None: they are not looked at, and it is said so.
        doors: the receiver's that is to have them; None: any name may be a source's.

    Raises:
        DefinitionError: there is no such folder or file.
    """
    return check_written(read(path), config_maps=config_maps, doors=doors)


def check_written(
    written: Written, *, config_maps: Mapping[ConfigMap, str] | None = None, doors: Doors | None = None
) -> Checked:
    """Check what was read already; as `check`."""
    findings = [finding(problem, Severity.WARNING) for problem in written.passed_over]
    if config_maps is None:
        findings += _unseen(written)
        seen = tuple(each for each in written.entries if each[1].spec_config_map_name is None)
        written = replace(written, entries=seen)
    compiled, problems = build_each(written, config_maps or {})
    findings += [finding(problem) for problem in problems]
    ran = []
    for entry, definition in compiled:
        odd = (*odd_rules(definition), *(closed(definition, doors) if doors is not None else ()))
        for severity, problem, remedy, at in odd:
            findings.append(finding(entry.fault(problem, remedy, *at), severity))
        findings += _lenient(entry, definition)
        for trial in trials.run(definition, entry.folder):
            findings += [failure(entry, trial, problem) for problem in trial.problems]
            ran.append((entry, definition, trial))
    return Checked(_ordered(findings), len(compiled), tuple(ran))


def failure(
    entry: Entry, trial: Trial, problem: str, remedy: str = "correct the definition, or what the test expects"
) -> Finding:
    """What is wrong with one of the tests, where it is written."""
    key = "expect"
    if trial.at_event:
        key, remedy = "event", "a CloudEvent in JSON is needed"
    return finding(entry.fault(f"test {trial.number + 1}: {problem}", remedy, "tests", trial.number, key))


def _unseen(written: Written) -> Iterator[Finding]:
    for entry, document in written.entries:
        if document.spec_config_map_name is not None:
            place = f"ConfigMap {document.spec_config_map_namespace}/{document.spec_config_map_name}"
            problem, remedy = f"the template is in the {place}, which was not looked at", "use --cluster"
            yield finding(entry.fault(problem, remedy, "spec_config_map_name"), Severity.WARNING)


def _lenient(entry: Entry, definition: Definition) -> Iterator[Finding]:
    """Where the older form lets values go that a definition of its own would have to opt in to."""
    if not definition.ancestor:
        return
    strict = Plans(digits=True)
    for problem in dict.fromkeys(_strict_problems(strict, definition)):
        remedy = "write the definition in a document of its own, with `allow` for what is meant"
        yield finding(entry.fault(f"{problem}, which only the older form lets in", remedy), Severity.WARNING)


def _strict_problems(strict: Plans, definition: Definition) -> Iterator[str]:
    for skeleton in definition.template.skeletons:
        try:
            strict.of(skeleton.text)
        except BadManifest as error:
            yield error.problem


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda found: (found.file, found.line or 0, found.column or 0)))
