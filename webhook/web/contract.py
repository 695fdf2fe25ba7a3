"""What each route of the Job API does, takes and answers: one row a route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import shapes
from .models import AncestorSubmit, DeleteQuery, ListQuery, LogsQuery, Query, RedeliverQuery, Submit

JSON = "application/json"

Bodies = Mapping[str, Any]
"""By media type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route.

    Attributes:
        name: unique; what generated clients call it.
        right: what its caller must have; None: open to everyone.
        bodies: models of which a request's body is one.
        keyed: takes an Idempotency-Key.
        answers: by status: what that means, and the types of its bodies.
        refusals: statuses of problems beyond those that every route of its kind may answer.
    """

    name: str
    summary: str
    answers: Mapping[int, tuple[str, Bodies]]
    right: str | None = "read"
    query: type[Query] | None = None
    bodies: tuple[Any, ...] = ()
    keyed: bool = False
    refusals: frozenset[int] = field(default_factory=frozenset)

    def problems(self) -> Iterator[int]:
        """The statuses of all problems that it may answer."""
        found = {400} if self.query or self.keyed else set[int]()
        if self.right is not None:
            found |= {401, 403, 429, 503}
        if self.bodies:
            found |= {400, 408, 413, 415, 422}
        yield from sorted(found | self.refusals)


_JOBS = {JSON: shapes.SubmittedJobs}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/jobs"): Operation(
        name="listJobs",
        summary="A page of Jobs, the newest of the page first",
        query=ListQuery,
        answers={200: ("The Jobs.", {JSON: shapes.JobList | shapes.StatusList})},
        refusals=frozenset({410}),
    ),
    ("POST", "/jobs"): Operation(
        name="submitJob",
        summary="Submit a Job by its definition's name and parameters",
        right="write",
        keyed=True,
        bodies=(Submit, AncestorSubmit),
        answers={
            200: ("The key's Job was there already.", {JSON: shapes.SubmittedJobs | shapes.AncestorSubmitted}),
            201: ("Created.", _JOBS),
        },
        refusals=frozenset({404}),
    ),
    ("GET", "/jobs/{name}"): Operation(
        name="describeJob",
        summary="A Job, and all that there is to know of it",
        answers={200: ("The Job.", {JSON: shapes.JobDetail})},
        refusals=frozenset({404}),
    ),
    ("DELETE", "/jobs/{name}"): Operation(
        name="cancelJob",
        summary="Cancel a Job, which stays; or remove one that has ended",
        right="write",
        query=DeleteQuery,
        answers={202: ("Ordered, or so already.", {JSON: shapes.JobView | shapes.Purged})},
        refusals=frozenset({404, 409}),
    ),
    ("GET", "/jobs/{name}/status"): Operation(
        name="jobStatus",
        summary="A Job's status as Kubernetes has it",
        answers={200: ("The status.", {JSON: dict[str, Any]})},
        refusals=frozenset({404}),
    ),
    ("GET", "/jobs/{name}/logs"): Operation(
        name="jobLogs",
        summary="What a Job's containers wrote, as it is or as it comes",
        query=LogsQuery,
        answers={200: ("The output.", {"text/plain": str, "application/x-ndjson": str})},
        refusals=frozenset({404}),
    ),
    ("POST", "/jobs/{name}/rerun"): Operation(
        name="rerunJob",
        summary="Run a Job again, as a new one by today's definition",
        right="write",
        keyed=True,
        answers={200: ("The key's Job was there already.", _JOBS), 201: ("Created.", _JOBS)},
        refusals=frozenset({404, 422}),
    ),
    ("POST", "/jobs/{name}/redeliver"): Operation(
        name="redeliverCompletion",
        summary="Send a Job's completion again",
        right="write",
        query=RedeliverQuery,
        answers={202: ("It is pending again.", {JSON: dict[str, Any]})},
        refusals=frozenset({404, 409, 422}),
    ),
    ("GET", "/definitions"): Operation(
        name="listDefinitions",
        summary="The definitions, and how their Jobs stand",
        answers={200: ("The definitions.", {JSON: shapes.DefinitionList})},
    ),
    ("GET", "/definitions/{name}"): Operation(
        name="describeDefinition",
        summary="What a definition takes, what calls it, and how its last Jobs ended",
        answers={200: ("The definition.", {JSON: shapes.DefinitionDetail})},
        refusals=frozenset({404}),
    ),
    ("GET", "/healthcheck"): Operation(
        name="healthcheck",
        summary="The process answers",
        right=None,
        answers={200: ("It does.", {JSON: shapes.Healthy})},
    ),
}
