"""The Job API: its routes in one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from . import cancelling, definitions, joblogs, jobs, openapi, operations, redelivery, submitting

TABLE: tuple[tuple[str, Callable[[Request], Awaitable[Response]], str], ...] = (
    ("/jobs", jobs.list_jobs, "GET"),
    ("/jobs", submitting.submit, "POST"),
    ("/jobs/{name}", jobs.describe_job, "GET"),
    ("/jobs/{name}", cancelling.delete_job, "DELETE"),
    ("/jobs/{name}/status", jobs.job_status, "GET"),
    ("/jobs/{name}/logs", joblogs.job_log, "GET"),
    ("/jobs/{name}/rerun", submitting.run_again, "POST"),
    ("/jobs/{name}/redeliver", redelivery.redeliver, "POST"),
    ("/definitions", definitions.list_definitions, "GET"),
    ("/definitions/{name}", definitions.describe_definition, "GET"),
    ("/healthcheck", operations.alive, "GET"),
    ("/openapi.json", openapi.document, "GET"),
)
