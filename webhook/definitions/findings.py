"""What is wrong with one definition, gathered while it is compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches

from ..errors import DefinitionError
from ..templates import Expression, NotTemplate, compile_expression
from .files import Entry


@dataclass(slots=True)
class Findings:
    """One entry, and what is wrong with it so far."""

    entry: Entry
    problems: list[DefinitionError] = field(default_factory=list)

    def add(self, problem: str, remedy: str, *at: str | int) -> None:
        """Note what is wrong with what stands at the keys `at`."""
        self.problems.append(self.entry.fault(problem, remedy, *at))

    def expression(self, source: str, *at: str | int) -> Expression | None:
        """Compile an expression over the event; None where it cannot be."""
        try:
            expression = compile_expression(source)
        except NotTemplate as error:
            self.add(f"{at[-1]}: {error.problem}", error.remedy or "correct the expression", *at)
            return None
        for name in sorted(expression.variables - {"event"}):
            self.add(f"{at[-1]}: there is no variable {name}", f"write event.{name} or event.data.{name}", *at)
        return expression


def together(errors: list[DefinitionError]) -> DefinitionError:
    """The first error, carrying the others."""
    first, *others = errors
    first.others = tuple(others)
    return first


def nearest(name: str, names: list[str]) -> str:
    """The name that may have been meant, or the first few that there are."""
    found = get_close_matches(name, names, 1, 0.6)
    return found[0] if found else " or ".join(names[:5])
