"""The JSON Schema of a definition file: what the models say, and what their validators add, for editors."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_TEMPLATES = ("spec", "spec_path", "spec_config_map_name")
_NAMESPACE = "spec_config_map_namespace"
_TEXT = {"type": "string"}
_NULL = {"type": "null"}


def one_key(schema: Schema) -> None:
    """A mapping of exactly one key, whose value is not null."""
    schema |= {"minProperties": 1, "maxProperties": 1}
    _refuse_null(schema)


def rule(schema: Schema) -> None:
    """A mapping of attributes; null is no condition."""
    schema |= {"minProperties": 1, "propertyNames": {"pattern": "^[a-z0-9]{1,64}$"}}
    _refuse_null(schema)


def one_template(schema: Schema) -> None:
    """Exactly one place for the template; a ConfigMap has both of its keys."""
    branches = []
    for chosen in _TEMPLATES:
        mapped = chosen == _TEMPLATES[-1]
        properties = {name: _TEXT if name == chosen else _NULL for name in _TEMPLATES}
        properties[_NAMESPACE] = _TEXT if mapped else _NULL
        required = [chosen, _NAMESPACE] if mapped else [chosen]
        branches.append({"required": required, "properties": properties})
    schema["oneOf"] = branches


def or_duration(schema: Schema) -> None:
    """A bare duration is as good: one for every outcome."""
    schema["anyOf"].append({"type": "string", "description": "For every outcome, such as 7d."})


def definition_schema() -> Schema:
    """The schema of a file's documents: a definition each, or the older form's list."""
    from pydantic import TypeAdapter

    from .model import Ancestor, Document  # which use this module

    document, listed = (TypeAdapter(shape).json_schema(by_alias=True) for shape in (Document, list[Ancestor]))
    duration = _plain(document["$defs"]["Retention"]["properties"]["failed"]["anyOf"][0])
    shapes = {name: _plain(shape) for name, shape in (document.pop("$defs") | listed.pop("$defs")).items()}
    whole = _plain(document)
    whole["properties"]["retention"]["anyOf"][-1] |= {key: duration[key] for key in ("pattern", "maxLength")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "jobhook definition",
        "description": "Job templates with the rules that call them; docs/definitions.md is the reference.",
        "anyOf": [{"$ref": "#/$defs/Definition"}, {"$ref": "#/$defs/Listed"}],
        "$defs": {
            "Definition": whole,
            "Listed": {"description": "The older form: only submitted, never called by events."} | _plain(listed),
            **shapes,
        },
    }


def _refuse_null(schema: Schema) -> None:
    for name, written in schema["properties"].items():
        choices = [choice for choice in written.get("anyOf", ()) if choice != _NULL]
        if choices:
            kept = {key: value for key, value in written.items() if key not in {"anyOf", "default"}}
            schema["properties"][name] = kept | (choices[0] if len(choices) == 1 else {"anyOf": choices})


def _plain(schema: Any, *, names: bool = False) -> Any:
    """Without pydantic's titles and nulls as defaults, and closed where it leaves names open.

    `names`: the keys of this mapping are properties' names.
    """
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if "patternProperties" in schema and not names else {}
    return closed | {
        key: _plain(value, names=key == "properties" and not names)
        for key, value in schema.items()
        if names or not (key == "title" or (key == "default" and value is None))
    }
