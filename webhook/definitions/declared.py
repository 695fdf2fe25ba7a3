"""The parameters that a definition declares, or that its template implies, compiled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..manifests import Unfit
from ..templates import Template
from .findings import Findings
from .model import Document, Parameter
from .params import MAX_LENGTH, Param, Pattern


def compile_params(document: Document, findings: Findings) -> dict[str, Param]:
    """Compile the declared parameters; what is wrong goes to `findings`."""
    return {
        name: _param(name, written, findings, called=document.on is not None)
        for name, written in document.params.items()
    }


def implied_params(template: Template) -> dict[str, Param]:
    """The parameters of the older form: the template's free variables, each a required text unless it has a default."""
    return {
        name: Param(name=name, required=name not in template.guarded, omitted=name in template.guarded)
        for name in sorted(template.variables)
    }


def _param(name: str, written: Parameter, findings: Findings, *, called: bool) -> Param:
    at = ("params", name)
    has_default = written.default is not None
    if called and written.from_ is None and not has_default and written.required:
        remedy = "write `from: event.data.…`, a `default`, or `required: false`"
        findings.add(f"{name} has neither from nor default: no event could give it a value", remedy, *at)
    param = Param(
        name=name,
        description=written.description or "",
        expression=None if written.from_ is None else findings.expression(written.from_, *at, "from"),
        type=written.type,
        pattern=_pattern(written, findings, *at),
        max_length=MAX_LENGTH if written.max_length is None else written.max_length,
        enum=tuple(written.enum) if written.enum is not None else None,
        required=written.required and not has_default,
    )
    return _with_default(param, written.default, findings) if has_default else param


def _pattern(written: Parameter, findings: Findings, *at: str) -> Pattern | None:
    if written.pattern is None:
        return None
    try:
        return Pattern(written.pattern)
    except ValueError as error:
        remedy = "write smaller repetitions" if "too large" in str(error) else "write it without that"
        findings.add(f"pattern: {error}", f"{remedy}; the whole text must match", *at, "pattern")
        return None


def _with_default(param: Param, default: Any, findings: Findings) -> Param:
    try:
        return replace(param, default=param.read(default))
    except Unfit as error:
        findings.add(f"default: {error}", "write one that the parameter takes", "params", param.name, "default")
        return param
