"""The parameters' values of one event, or of one submit."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ..definitions import Definition, Param
from ..errors import ValueRefused
from ..manifests import Unfit
from ..templates import Absent, Budget, EvaluationFailed


def from_event(definition: Definition, variables: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
    """Evaluate every parameter's `from`, within one budget for all of them. Raises ValueRefused."""
    return {name: _from_event(definition, param, variables, budget) for name, param in definition.params.items()}


def from_submit(definition: Definition, given: Mapping[str, Any]) -> dict[str, Any]:
    """Take the values of a submit; `from` is not evaluated. Raises ValueRefused, also for an unknown parameter."""
    for name in given:
        if name not in definition.params:
            near = get_close_matches(name, definition.params, 1, 0.6)
            known = f"did you mean {near[0]}?" if near else f"there are {', '.join(definition.params) or 'none'}"
            raise ValueRefused(f"{definition.name}: there is no parameter {ascii(name)[1:-1][:64]}; {known}")
    values = {}
    for name, param in definition.params.items():
        value = given.get(name)
        if value is not None or not param.omitted:
            values[name] = _read(definition, param, value, "it is not given")
    return values


def _from_event(definition: Definition, param: Param, variables: Mapping[str, Any], budget: Budget) -> Any:
    if param.expression is None:
        return _read(definition, param, None, "it has no value")
    try:
        value = param.expression.evaluate(variables, budget)
        missing = f"{param.expression.source[:100]} is null"
    except Absent as error:
        value, missing = None, str(error)
    except EvaluationFailed as error:
        raise ValueRefused(f"{definition.name}: {param.name}: {error}") from error
    return _read(definition, param, value, missing)


def _read(definition: Definition, param: Param, value: Any, missing: str) -> Any:
    if value is None:
        if param.default is not None:
            return param.default
        if param.required:
            raise ValueRefused(f"{definition.name}: {param.name}: {missing}")
        return None
    try:
        return param.read(value)
    except Unfit as error:
        raise ValueRefused(f"{definition.name}: {param.name}: {error}") from error
