"""The JSON Schema (2020-12) of a definition's parameters, as a submit gives them."""

from __future__ import annotations

import re
from typing import Any

from .definition import Definition
from .model import ParameterType
from .params import Param

_SCALARS = ["string", "number", "boolean"]
_TYPES: dict[ParameterType | None, Any] = {
    None: _SCALARS,
    ParameterType.STRING: _SCALARS,
    ParameterType.INTEGER: ["integer", "string"],
    ParameterType.NUMBER: ["number", "string"],
    ParameterType.BOOLEAN: ["boolean", "string"],
}
"""What is taken for each type: texts that read as one are converted."""
_CONVERTED: dict[ParameterType | None, tuple[str, ...]] = {
    None: (),
    ParameterType.STRING: ("number", "boolean"),
    ParameterType.INTEGER: ("string",),
    ParameterType.NUMBER: ("string",),
    ParameterType.BOOLEAN: ("string",),
    ParameterType.JSON: (),
}
"""What is converted before it is looked for in an enum."""
_ELSEWHERE = re.compile(r"\(\?(?!:)|\\[^dDwWsSbBnrtfv0-9\W]|\[\[:|&&|--|~~")
"""What a pattern may hold that ECMA-262, JSON Schema's dialect, has not or reads otherwise."""


def params_schema(definition: Definition) -> dict[str, Any]:
    """Make the schema: what it refuses, a submit refuses; what it cannot say stands in descriptions."""
    params = definition.params
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Parameters of {definition.name}",
        "type": "object",
        "properties": {name: _property(param) for name, param in params.items()},
        "required": [name for name, param in params.items() if param.required],
        "additionalProperties": False,
    }


def _property(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    if param.description:
        schema["description"] = param.description
    if param.enum is not None:
        options: list[dict[str, Any]] = [{"enum": list(param.enum) if param.required else [*param.enum, None]}]
        converted = [{"type": type_} for type_ in _CONVERTED[param.type]]
        schema |= {"anyOf": options + converted} if converted else options[0]
    elif param.type is not ParameterType.JSON:
        types = _TYPES[param.type]
        schema["type"] = types if param.required else [*types, "null"]
        schema["maxLength"] = param.max_length
    if param.pattern is not None and param.type is not ParameterType.JSON:
        if _ELSEWHERE.search(param.pattern.source):
            told = f"The whole text matches {param.pattern.source} (Rust's regex)."
            schema["description"] = " ".join(filter(None, (param.description, told)))
        else:
            schema["pattern"] = f"^(?:{param.pattern.source})$"
    if param.default is not None:
        schema["default"] = param.default
    return schema
