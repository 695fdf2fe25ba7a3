"""What operators and the platform ask: alive, ready, metrics, one sweep."""

from __future__ import annotations

from dataclasses import asdict

import structlog
from starlette.requests import Request
from starlette.responses import Response

from ..json import dump
from ..metrics import CONTENT_TYPE
from .models import CleanupQuery
from .problems import problem
from .query import query_of
from .receiver import receiver_of

log = structlog.get_logger(__name__)


async def alive(request: Request) -> Response:
    """`GET /healthz`: the process answers; nothing else is asked."""
    del request
    return Response(b'{"healthy":true}', media_type="application/json")


async def ready(request: Request) -> Response:
    """`GET /readyz`: whether requests should come here; with what is wrong in either case."""
    readiness = receiver_of(request).readiness()
    if readiness.reasons:
        return problem(503, "; ".join(readiness.reasons), headers={"retry-after": "5"})
    return Response(dump({"ready": True, "warnings": list(readiness.warnings)}), media_type="application/json")


async def metrics(request: Request) -> Response:
    """`GET /metrics`: Prometheus' text format."""
    return Response(receiver_of(request).metrics.text(), headers={"content-type": CONTENT_TYPE})


async def cleanup(request: Request) -> Response:
    """`POST /cleanup`: one sweep; `?dry_run=true` only tells what it would do."""
    receiver = receiver_of(request)
    caller = await receiver.allow(request, "cleanup")
    query = query_of(request, CleanupQuery)
    log.info("sweep.ordered", by=caller.name, dry_run=query.dry_run)
    report = await receiver.sweep(query.dry_run, query.budget)
    return Response(dump(asdict(report)), media_type="application/json")
