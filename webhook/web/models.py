"""What the Job API takes: the models that requests are read by, and that its OpenAPI document is made of."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .. import durations, times
from ..job import State

MAX_LIMIT = 500
MAX_TAIL = 100_000
LEAST_SWEEP, MAX_SWEEP = timedelta(seconds=1), timedelta(seconds=50)
"""Of one `POST /cleanup`: below the minute that proxies on the way give an answer."""

LABEL_NAME = r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
LABEL_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
_RFC3339 = (
    r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
)
_MOMENT = rf"^(({_RFC3339}(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]))|[0-9]{{1,4}}(ms|s|m|h|d)([0-9]{{1,4}}(m|s))?)$"


def _number(text: object) -> object:
    """Take decimal digits and nothing else that Python would read as a number."""
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise ValueError("is no number")


def _flag(text: object) -> object:
    if text in {"true", "false"}:
        return text == "true"
    raise ValueError("is neither true nor false")


def _budget(text: object) -> object:
    budget = durations.parse(text) if isinstance(text, str) else None
    if budget is None or not LEAST_SWEEP <= budget <= MAX_SWEEP:
        raise ValueError(f"is not from {durations.show(LEAST_SWEEP)} to {durations.show(MAX_SWEEP)}")
    return budget


Number = BeforeValidator(_number)
Budget = Annotated[timedelta, BeforeValidator(_budget)]
Flag = Annotated[bool, BeforeValidator(_flag)]
LabelValue = Annotated[str, Field(min_length=1, max_length=63, pattern=f"^{LABEL_VALUE}$")]
Moment = Annotated[
    str,
    Field(
        max_length=64,
        json_schema_extra={"pattern": _MOMENT, "examples": ["2026-01-31T12:00:00Z", "90s", "1h30m"]},
        description="An RFC 3339 date-time, or how long ago.",
    ),
]


class Query(BaseModel):
    """A route's query: no other parameters, as a misspelt filter would let everything through."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class ListQuery(Query):
    """`GET /jobs`."""

    definition: LabelValue | None = Field(None, description="Made by this definition.")
    state: State | None = Field(None, description="In this state now.")
    event: LabelValue | None = Field(None, description="Begun by one event: the label jobhook.dev/event.")
    event_id: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None, description="Begun by an event of this CloudEvents id."
    )
    label: list[Annotated[str, Field(max_length=400, pattern=f"^{LABEL_NAME}={LABEL_VALUE}$")]] = Field(
        default_factory=list, description="NAME=VALUE; several: all of them."
    )
    since: Moment | None = Field(None, description="Created since: an RFC 3339 date-time, or how long ago.")
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), Number] = Field(100, description="Jobs that a page may hold.")
    after: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        None, alias="continue", description="The token of the next page, as the last one gave it."
    )
    job_definition_name: LabelValue | None = Field(
        None, description="As k8s-jobs had it: every Job of that definition, by name, with its status."
    )


class LogsQuery(Query):
    """`GET /jobs/{name}/logs`."""

    pod: Annotated[str, Field(min_length=1, max_length=253)] | None = Field(None, description="Only of this pod.")
    container: Annotated[str, Field(min_length=1, max_length=63)] | None = Field(
        None, description="Only of containers of this name."
    )
    tail: Annotated[int, Field(ge=0, le=MAX_TAIL), Number] | None = Field(
        None, description="So many lines of each container, its last ones."
    )
    since: Moment | None = Field(None, description="Written since: an RFC 3339 date-time, or how long ago.")
    timestamps: Flag = Field(False, description="Begin each line with its time.")
    previous: Flag = Field(False, description="Of each container's run before the present one.")
    follow: Flag = Field(False, description="Begin before the containers have, and go on until the Job has ended.")


class DeleteQuery(Query):
    """`DELETE /jobs/{name}`."""

    reason: Annotated[str, Field(max_length=500)] = Field("", description="Why; its completion says so.")
    purge: Flag = Field(False, description="Remove a Job that has ended, with its pods and logs.")


class RedeliverQuery(Query):
    """`POST /jobs/{name}/redeliver`."""

    sink: list[Annotated[str, Field(min_length=1, max_length=63)]] = Field(
        default_factory=list, description="To this sink; several: to each; none: to all that the Job knows."
    )


class CleanupQuery(Query):
    """`POST /cleanup`: what is misspelt here would delete what was only to be looked at."""

    dry_run: Flag = Field(False, description="Only tell what would be done.")
    budget: Budget = Field(MAX_SWEEP, description="Begin nothing after so long: a duration from 1s to 50s.")


class Submit(BaseModel):
    """A Job that is wanted: `POST /jobs`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    definition: Annotated[str, Field(min_length=1, max_length=63)] = Field(description="The definition's name.")
    params: dict[str, Any] = Field(
        default_factory=dict, description="The parameters' values; `GET /definitions/{name}` has their JSON Schema."
    )
    labels: dict[str, str] = Field(default_factory=dict, description="Labels for the Job, beside the definition's.")


class AncestorSubmit(BaseModel):
    """The same as k8s-jobs had it: the template's arguments beside the definition's name."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    job_definition_name: Annotated[str, Field(min_length=1, max_length=63)]


IdempotencyKey = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
"""Printable ASCII without spaces; the header's whole value."""


def moment(text: str | None, *, now: datetime) -> datetime | None:
    """Read a `Moment`. Raises ValueError."""
    if text is None:
        return None
    if text[:1].isdigit() and text[-1:].isalpha() and "T" not in text.upper():
        return now - min(durations.parse(text), _LONGEST)
    return times.parse(text)


_LONGEST = timedelta(days=36500)
