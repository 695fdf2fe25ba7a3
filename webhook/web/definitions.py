"""The definitions as the Job API tells of them, with what became of their last Jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from .. import durations, times
from ..definitions import Definition, Param, Rule
from ..definitions.paramschema import params_schema
from ..errors import NotFound
from ..follow import Entry
from ..json import dump
from .receiver import receiver_of
from .shapes import DefinitionDetail, DefinitionView, Ended, ParameterView

LAST = 10
"""Jobs of a definition that are told of by name: those that ended last."""


async def list_definitions(request: Request) -> Response:
    """`GET /definitions`: what there is, and how its Jobs stand."""
    receiver = receiver_of(request)
    await receiver.allow(request, "read")
    jobs = _by_definition(receiver.index().values())
    views = [_summary(definition, jobs.get(definition.name, [])) for definition in receiver.definitions()]
    return Response(dump({"definitions": views}), media_type="application/json")


async def describe_definition(request: Request) -> Response:
    """`GET /definitions/{name}`: what it takes, what calls it, and how its last Jobs ended."""
    receiver = receiver_of(request)
    await receiver.allow(request, "read")
    name = request.path_params["name"]
    definition = receiver.definitions().get(name)
    if definition is None:
        raise NotFound(f"there is no definition {name[:64]!r}")
    jobs = [entry for entry in receiver.index().values() if entry.definition == name]
    return Response(dump(_detail(definition, jobs)), media_type="application/json")


def _by_definition(entries: Iterable[Entry]) -> Mapping[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.definition is not None:
            found.setdefault(entry.definition, []).append(entry)
    return found


def _summary(definition: Definition, jobs: list[Entry]) -> DefinitionView:
    last = _last(jobs, 1)
    return {
        "name": definition.name,
        "description": definition.description,
        "params": list(definition.params),
        "events": bool(definition.rules),
        "jobs": _counts(jobs),
        "last": last[0] if last else None,
    }


def _detail(definition: Definition, jobs: list[Entry]) -> DefinitionDetail:
    return {
        "name": definition.name,
        "description": definition.description,
        "digest": definition.digest,
        "params": [_param(param) for param in definition.params.values()],
        "variables": sorted(definition.template.variables),
        "json_schema": params_schema(definition),
        "rules": [_rule(rule) for rule in definition.rules],
        "event": definition.event,
        "allow": sorted(allow.value for allow in definition.allow),
        "retention": {outcome: durations.show(period) for outcome, period in definition.retention.items()},
        "labels": dict(definition.labels),
        "jobs": _counts(jobs),
        "last": _last(jobs, LAST),
    }


def _param(param: Param) -> ParameterView:
    return {
        "name": param.name,
        "description": param.description,
        "type": param.type.value if param.type else None,
        "required": param.required,
        "default": param.default,
        "from": param.expression.source if param.expression else None,
    }


def _rule(rule: Rule) -> dict[str, str]:
    """A rule as people write it: `type: com.github.push`, and the whole of `when`."""
    told = dict(str(condition).split(": ", 1) for condition in rule.conditions)
    return told | ({"when": rule.when.source} if rule.when else {})


def _counts(jobs: Iterable[Entry]) -> dict[str, int]:
    return dict(sorted(Counter(entry.state.value for entry in jobs).items()))


def _last(jobs: Iterable[Entry], count: int) -> list[Ended]:
    ended = sorted((entry for entry in jobs if entry.ended), key=lambda entry: entry.ended or entry.created)
    return [
        {
            "name": entry.name,
            "state": entry.state.value,
            "created": times.show(entry.created),
            "finished": times.show(entry.ended) if entry.ended else None,
        }
        for entry in reversed(ended[-count:])
    ]
