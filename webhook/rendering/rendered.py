"""The manifest of a Job from its definition and an event, or from submitted parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..definitions import Definition, view
from ..errors import ValueRefused
from ..events import Arrival, Event
from ..json import Struct
from ..manifests import BadManifest, Plan, Unfit
from ..templates import Budget, EvaluationFailed
from . import payload
from .params import from_event, from_submit

MAX_VALUES = 1024 * 1024
"""Characters of all values together: a Job over some 1.5 MB is refused by the API server's store."""
_OUTCOMES = ("succeeded", "failed", "cancelled")


class Rendered(Struct, frozen=True):
    """What a definition makes of an event.

    Attributes:
        manifest: a new Job, without name and namespace, which are the launch's; the template's own labels and
            annotations are in it.
        params: the parameters' values, by name.
        retention: how long the finished Job is kept, by outcome; those left out are jobhook.yaml's.
        payload: the event where it is too large to be in the manifest, for a record that `mount` names there.
    """

    manifest: dict[str, Any]
    params: Mapping[str, Any]
    retention: Mapping[str, timedelta] = {}
    payload: bytes | None = None


def render(definition: Definition, arrival: Arrival, *, namespace: str | None = None) -> Rendered:
    """Render the Job that an event asks for.

    Args:
        definition: one that the event calls.
        arrival: the event.
        namespace: the one that Jobs go to; a manifest that names another is refused. None: any may be named.

    Raises:
        ValueRefused: a value cannot stand where the definition wants it; says which, where and why.
    """
    event, budget = view(arrival.event), Budget()
    params = from_event(definition, {"event": event}, budget)
    variables = {**params, "event": event}
    return _render(definition, params, variables, budget=budget, event=arrival.event, namespace=namespace)


def render_submit(
    definition: Definition, params: Mapping[str, Any], *, namespace: str | None = None, event: Event | None = None
) -> Rendered:
    """Render the Job of a submit by parameters.

    Args:
        definition: any.
        params: as they were given.
        namespace: as `render`.
        event: of a rerun the one that began the old Job, its parameters apart; else there is none: it is undefined.

    Raises:
        ValueRefused: as `render`; also an unknown parameter, and a definition that hands the event to its containers.
    """
    if definition.event != "none" and event is None:
        raise ValueRefused(
            f"{definition.name}: its containers read the event (`event: {definition.event}`), and a submit has none"
        )
    values = from_submit(definition, params)
    variables = values if event is None else {**values, "event": view(event)}
    return _render(definition, values, variables, budget=Budget(), event=event, namespace=namespace)


def _render(
    definition: Definition,
    params: Mapping[str, Any],
    variables: Mapping[str, Any],
    *,
    budget: Budget,
    event: Event | None,
    namespace: str | None,
) -> Rendered:
    try:
        text, values = definition.template.render(variables, budget)
        _limit(values)
        plan = definition.plans.of(text)
        _check_namespace(plan, namespace)
        manifest, beside = plan.fill(values), None
        if event is not None and definition.event != "none":
            beside = payload.hand_over(manifest, event, definition.event)
    except (EvaluationFailed, BadManifest, Unfit) as error:
        raise ValueRefused(f"{definition.name}: {error}") from error
    _own_marks(manifest, definition)
    return Rendered(manifest, params, _retention(manifest, definition), beside)


def _limit(values: Sequence[Any]) -> None:
    if sum(len(value) for value in values if isinstance(value, str)) > MAX_VALUES:
        raise Unfit(f"the values have more than {MAX_VALUES} characters")


def _check_namespace(plan: Plan, namespace: str | None) -> None:
    if namespace is not None and plan.namespace not in {None, namespace}:
        raise Unfit(f"metadata.namespace is {str(plan.namespace)[:64]}, and Jobs go to {namespace}")


def _own_marks(manifest: dict[str, Any], definition: Definition) -> None:
    for name, own in (("labels", definition.labels), ("annotations", definition.annotations)):
        metadata = manifest["metadata"]
        if own:
            metadata[name] = {**(metadata.get(name) or {}), **own}
        elif name in metadata and not metadata[name]:
            del metadata[name]


def _retention(manifest: dict[str, Any], definition: Definition) -> Mapping[str, timedelta]:
    """The definition's own; for the other outcomes the manifest's TTL, which goes: only the sweep deletes."""
    seconds = manifest["spec"].pop("ttlSecondsAfterFinished", None)
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        return definition.retention
    return {**dict.fromkeys(_OUTCOMES, timedelta(seconds=seconds)), **definition.retention}
