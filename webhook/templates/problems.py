"""What may be wrong with a template, or with an evaluation."""

from __future__ import annotations

from ..errors import JobhookError


class NotTemplate(JobhookError):
    """The text is no expression or template of the allowed kind.

    Attributes:
        problem: what is wrong.
        line: from 1, within the text.
        remedy: what to write instead; may be empty.
    """

    def __init__(self, problem: str, *, line: int = 1, remedy: str = "") -> None:
        super().__init__(f"line {line}: {problem}{'; ' + remedy if remedy else ''}")
        self.problem, self.line, self.remedy = problem, line, remedy


class EvaluationFailed(JobhookError):
    """An expression or a template could not be evaluated with these values; the message says why."""


class Absent(EvaluationFailed):
    """It needs a value that is not there."""
