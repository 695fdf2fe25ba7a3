"""The Job API's OpenAPI 3.1 document, made of the models that requests are read by and answers are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from .. import __version__
from ..json import dump
from .contract import OPERATIONS, Operation
from .models import IdempotencyKey, Query
from .problems import MEDIA_TYPE
from .shapes import Problem

_REFS = "#/components/schemas/{model}"
_NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$"}
_PROBLEMS = {
    400: "Malformed: which part, and how.",
    401: "No token of a caller.",
    403: "The caller lacks the right, which is named; or another website asks in a browser's name.",
    404: "There is none of that name.",
    408: "The body did not come in time.",
    409: "Not as things are: which has to change first.",
    410: "The continue token has expired: list again from the beginning.",
    413: "The body is too large.",
    415: "The content type is not JSON's.",
    422: "A definition refuses the values, or the key stands for something else: which, and why.",
    429: "Too often, or too much at a time.",
    503: "The cluster cannot be asked now; safe to send again.",
}
_HEADERS = {
    401: {"www-authenticate": {"schema": {"type": "string"}}},
    429: {"retry-after": {"schema": {"type": "string"}}},
    503: {"retry-after": {"schema": {"type": "string"}}},
}


async def document(request: Request) -> Response:
    """`GET /openapi.json`: this API's description; open to everyone, as it tells of no Job."""
    del request
    return Response(_bytes(), media_type="application/json")


@cache
def _bytes() -> bytes:
    return dump(openapi())


def openapi() -> dict[str, Any]:
    """Make the document."""
    schemas = _Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "jobhook: the Job API",
            "version": __version__,
            "description": "Submit Jobs, look at them, read their logs, cancel them and run them again.",
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.components,
        },
    }


@dataclass(slots=True)
class _Schemas:
    """The schemas of types, with what several share among the components."""

    components: dict[str, Any] = field(default_factory=dict)

    def of(self, type_: Any) -> dict[str, Any]:
        schema = TypeAdapter(type_).json_schema(ref_template=_REFS, by_alias=True)
        self.components |= schema.pop("$defs", {})
        name = getattr(type_, "__name__", "")
        if not name or "properties" not in schema:
            return schema
        self.components[name] = schema
        return {"$ref": _REFS.format(model=name)}


def _operation(path: str, operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    told: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.name,
        "parameters": [*_parameters(path, operation, schemas)],
        "responses": {str(status): body for status, body in sorted(_responses(operation, schemas).items())},
    }
    if operation.right is None:
        told["security"] = []
    else:
        told["description"] = f"Needs a caller that may `{operation.right}`."
    if operation.bodies:
        options = [schemas.of(body) for body in operation.bodies]
        schema = options[0] if len(options) == 1 else {"anyOf": options}
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return told


def _parameters(path: str, operation: Operation, schemas: _Schemas) -> Iterator[dict[str, Any]]:
    if "{name}" in path:
        yield {"name": "name", "in": "path", "required": True, "schema": _NAME}
    if operation.query is not None:
        yield from _query(operation.query, schemas)
    if operation.keyed:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The caller's own: the same key is the same Job, however often it is sent.",
            "schema": schemas.of(IdempotencyKey),
        }


def _query(model: type[Query], schemas: _Schemas) -> Iterator[dict[str, Any]]:
    whole = model.model_json_schema(ref_template=_REFS, by_alias=True)
    schemas.components |= whole.get("$defs", {})
    for name, schema in whole["properties"].items():
        # Null is what is not given: nobody can write it in a query.
        options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
        written = {key: value for key, value in options[0].items() if key not in {"title", "description", "default"}}
        told = {"name": name, "in": "query", "schema": written}
        yield told | ({"description": schema["description"]} if "description" in schema else {})


def _responses(operation: Operation, schemas: _Schemas) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for status, (description, bodies) in operation.answers.items():
        content = {media: {"schema": schemas.of(type_)} for media, type_ in bodies.items()}
        found[status] = {"description": description, "content": content}
    problem = {"content": {MEDIA_TYPE: {"schema": schemas.of(Problem)}}}
    for status in operation.problems():
        headers = {"headers": _HEADERS[status]} if status in _HEADERS else {}
        found[status] = {"description": _PROBLEMS[status], **headers, **problem}
    return found
