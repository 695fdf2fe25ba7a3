"""What may be wrong with a manifest's text, and with a value in it."""

from __future__ import annotations

from .. import yaml
from ..errors import JobhookError


class BadManifest(JobhookError):
    """The rendered text is no manifest that may be sent, whatever the values are.

    Attributes:
        problem: what is wrong, with the place in the manifest.
        line, column: from 1, within the text; 1 where it is about the whole.
        remedy: what to write instead; may be empty.
    """

    def __init__(self, problem: str, *, line: int = 1, column: int = 1, remedy: str = "") -> None:
        super().__init__(f"{problem}{'; ' + remedy if remedy else ''}")
        self.problem, self.line, self.column, self.remedy = problem, line, column, remedy


class BadSyntax(BadManifest):
    """The rendered text is no YAML of the strict kind."""


class NotJob(BadManifest):
    """The text is YAML and lacks what makes it a Job."""


class Unfit(JobhookError):
    """A value cannot stand where the manifest wants it; the message names the reason, and perhaps a remedy."""


def show_place(path: tuple[str | int, ...]) -> str:
    """Write a place in a manifest as people do.

    >>> show_place(("spec", "containers", 0, "args", 1)), show_place(("metadata", "labels", "a.b/c"))
    ('spec.containers[0].args[1]', 'metadata.labels[a.b/c]')
    """
    text = ""
    for step in path:
        if isinstance(step, int) or not step.isidentifier():
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def bad(node: yaml.Node, path: tuple[str | int, ...], problem: str, remedy: str = "") -> BadManifest:
    """The error for a node; behind the problem's semicolon is the remedy where none is given."""
    problem, _, advice = problem.partition("; ")
    return BadManifest(f"{show_place(path)}: {problem}", line=node.line, column=node.column, remedy=remedy or advice)


def show_value(value: object) -> str:
    """The beginning of a stranger's value, escaped, so that it can stand in a message or a log."""
    text = ascii(value[:80]) if isinstance(value, str) else str(value)[:80]
    return text if len(text) <= 80 else text[:77] + "…"
