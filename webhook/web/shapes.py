"""The shapes of the Job API's answers: what its views must fill, and what its OpenAPI document says."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict  # pydantic wants it below Python 3.12

StateName = Literal["queued", "pending", "running", "succeeded", "failed", "cancelled"]


class PodCounts(TypedDict):
    """A Job's pods, counted by the Job controller."""

    active: int
    ready: int
    succeeded: int
    failed: int


class CauseView(TypedDict):
    """The event that began a Job; of a submit, what stands for it."""

    id: str
    source: str
    type: str
    via: str
    subject: NotRequired[str]
    time: NotRequired[str]
    correlationid: NotRequired[str]
    traceparent: NotRequired[str]


class JobView(TypedDict):
    """A Job, as lists tell of it; times are RFC 3339."""

    name: str
    namespace: str
    uid: str
    definition: str | None
    state: StateName
    reason: str | None
    message: str | None
    created: str
    started: str | None
    finished: str | None
    pods: PodCounts
    event: CauseView | None
    completion: str | None
    rerun_of: str | None
    labels: dict[str, str]


class ContainerView(TypedDict):
    """A container of a pod, in its last known state."""

    name: str
    init: bool
    state: str
    reason: str | None
    message: str | None
    exit_code: int | None
    restarts: int
    started: str | None
    finished: str | None


class PodView(TypedDict):
    """A pod: one try at a Job, or at one index of it."""

    name: str
    phase: str
    index: int | None
    created: str
    reason: str | None
    message: str | None
    containers: list[ContainerView]


class WarningView(TypedDict):
    """A Warning Event about the Job or one of its pods."""

    about: str
    reason: str
    message: str
    at: str | None
    count: int


class Order(TypedDict):
    """Who cancelled a Job, why and when."""

    by: str
    reason: str
    at: str | None


class JobLink(TypedDict):
    """Another Job."""

    name: str
    definition: str | None
    state: StateName


class JobDetail(JobView):
    """A Job, and all that there is to know of it: why it is as it is, its tries, and what came of it."""

    exit_code: int | None
    pod: str | None
    container: str | None
    result: Any
    tries: list[PodView]
    warnings: list[WarningView]
    cancelled: Order | None
    received: str | None
    hops: int | None
    submitted_by: str | None
    params: Any
    definition_digest: str | None
    reruns: list[JobLink]
    caused: list[JobLink]
    delivery: dict[str, Any]
    logs: str
    problems: list[str]


JobList = TypedDict("JobList", {"jobs": list[JobView], "continue": str | None})
"""A page of Jobs; it may hold fewer than `limit`, even none, while `continue` is set."""


class StatusList(TypedDict):
    """The same as k8s-jobs told it, by the Jobs' names."""

    jobs: dict[str, dict[str, Any]]


class Submitted(TypedDict):
    """One Job that was asked for."""

    name: str
    definition: str
    created: bool
    gone: NotRequired[bool]


class SubmittedJobs(TypedDict):
    """What became of a submit or a rerun."""

    jobs: list[Submitted]


class AncestorSubmitted(TypedDict):
    """The same as k8s-jobs told it."""

    job_name: str


class Purged(TypedDict):
    """A Job that is being removed."""

    name: str
    purged: bool


ParameterView = TypedDict(
    "ParameterView",
    {"name": str, "description": str, "type": str | None, "required": bool, "default": Any, "from": str | None},
)
"""A parameter of a definition; `from` is the expression that gives it an event's value."""


class Ended(TypedDict):
    """A Job of a definition, and how it ended."""

    name: str
    state: StateName
    created: str
    finished: str | None


class DefinitionView(TypedDict):
    """A definition, as the list tells of it."""

    name: str
    description: str
    params: list[str]
    events: bool
    jobs: dict[str, int]
    last: Ended | None


class DefinitionDetail(TypedDict):
    """A definition: what it takes, what calls it, and what became of its last Jobs."""

    name: str
    description: str
    digest: str
    params: list[ParameterView]
    variables: list[str]
    json_schema: dict[str, Any]
    rules: list[dict[str, str]]
    event: str
    allow: list[str]
    retention: dict[str, str]
    labels: dict[str, str]
    jobs: dict[str, int]
    last: list[Ended]


class DefinitionList(TypedDict):
    """All definitions, in the order of their files."""

    definitions: list[DefinitionView]


class Healthy(TypedDict):
    """The process answers."""

    healthy: bool


class Problem(TypedDict):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: NotRequired[str]
