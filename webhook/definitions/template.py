"""A definition's template, compiled, and what can be told of its manifest without an event."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..errors import DefinitionError
from ..manifests import BadManifest, BadSyntax, NotJob
from ..templates import NotTemplate, Skeleton, Template, compile_template
from .files import Entry
from .findings import nearest
from .plans import Plans

_SHQUOTE = 'write {{ … | shquote }}, or pass it as a word after the script and write "$1" there, or in env'


@dataclass(frozen=True, slots=True)
class Source:
    """A template's text, and where it is from.

    Attributes:
        file: as messages name it; empty where it is the entry's own `spec`.
    """

    text: str
    entry: Entry
    file: str = ""

    def compile(self, names: Collection[str] | None) -> tuple[Template | None, list[DefinitionError]]:
        """Compile it; `names` are the variables that it may use, None: any."""
        try:
            template = compile_template(self.text)
        except NotTemplate as error:
            return None, [self.fault(error.problem, error.remedy or "correct the template", error.line)]
        problems = []
        for name in sorted(template.variables - set(names)) if names is not None else ():
            line = next((number for number, text in enumerate(self.text.splitlines(), 1) if name in text), 1)
            remedy = f"add it to params, or write {nearest(name, sorted(names or ()))}"
            problems.append(self.fault(f"there is no parameter {name}", remedy, line))
        return template, problems

    def check(self, template: Template, plans: Plans) -> Iterator[DefinitionError]:
        """What is wrong with the manifest whatever the event is."""
        unusable: dict[type[BadManifest], list[BadManifest]] = {BadSyntax: [], NotJob: []}
        found: dict[str, DefinitionError] = {}
        for skeleton in template.skeletons:
            try:
                for error in self._unquoted(skeleton, plans):
                    found.setdefault(str(error), error)
            except (BadSyntax, NotJob) as fault:
                # Conditions may depend on each other: an error is only what no choice of branches makes good.
                unusable[type(fault)].append(fault)
            except BadManifest as fault:
                found.setdefault(fault.problem, self._of(fault))
        for faults in unusable.values():
            if len(faults) == len(template.skeletons):
                yield self._of(faults[0])
        yield from found.values()

    def fault(self, problem: str, remedy: str, line: int, column: int = 1) -> DefinitionError:
        """An error at a line of the template; a condition above may have moved a manifest's line a little."""
        if self.file:
            return DefinitionError(problem, path=self.file, line=line, column=column, remedy=remedy)
        node, lines = self.entry.node.get("spec"), self.entry.lines
        if node is None or node.line > len(lines):
            return self.entry.fault(problem, remedy)
        block = lines[node.line - 1][node.column - 1 : node.column] in {"|", ">"}
        first = lines[node.line] if block and node.line < len(lines) else ""
        indent = len(first) - len(first.lstrip()) if block else node.column
        at = node.line + line - (not block)
        return DefinitionError(problem, path=self.entry.file, line=at, column=column + indent, remedy=remedy)

    def _of(self, fault: BadManifest) -> DefinitionError:
        return self.fault(fault.problem, fault.remedy or "correct the YAML", fault.line, fault.column)

    def _unquoted(self, skeleton: Skeleton, plans: Plans) -> Iterator[DefinitionError]:
        for number, line, column in plans.of(skeleton.text).scripts:
            if not skeleton.quoted[number]:
                yield self.fault("a value within a shell's script", _SHQUOTE, line, column)
