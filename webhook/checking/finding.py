"""One thing that a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..errors import DefinitionError


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"
    """It works, and is hardly meant so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong, where, and what to do about it.

    Attributes:
        line, column: from 1; None where it is about the whole file.
    """

    file: str
    line: int | None
    column: int | None
    message: str
    remedy: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        warning = "warning: " if self.severity is Severity.WARNING else ""
        return f"{place}: {warning}{self.message}{'; ' + self.remedy if self.remedy else ''}"


def finding(error: DefinitionError, severity: Severity = Severity.ERROR) -> Finding:
    """An error of loading as a finding."""
    return Finding(
        file=error.path,
        line=error.line,
        column=error.column,
        message=error.problem,
        remedy=error.remedy,
        severity=severity,
    )
