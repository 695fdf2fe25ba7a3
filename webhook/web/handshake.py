"""The webhook handshake: a sender asks whether it may post here (CloudEvents HTTP webhook 1.0.2 §4).

`WebHook-Request-Callback` is never called: it would let strangers choose whom we send requests to.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from .problems import problem
from .rates import per_minute
from .receiver import receiver_of

ALLOW = {"allow": "POST, OPTIONS"}

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
"""A DNS name (webhook 1.0.2 §4.1.1), as it is found in practice: underscores are in use."""


async def handshake(request: Request) -> Response:
    """`OPTIONS /events`, `OPTIONS /`: grant to the origins of `events.origins`, at the door's rate; to no other."""
    receiver = receiver_of(request)
    origins = request.headers.getlist("webhook-request-origin")
    if not origins:
        return Response(status_code=204, headers=ALLOW)
    if len(origins) > 1 or not _NAME.fullmatch(origins[0]) or not receiver.origins & {"*", origins[0].lower()}:
        return problem(
            403, "this origin may not send events here; `events.origins` names those that may", headers=ALLOW
        )
    rate = receiver.events_rate
    granted = "*" if rate is None else str(per_minute(rate.requests, rate.per))
    # The rate is granted where none was asked for, too: a sender should know it.
    return Response(
        status_code=200,
        headers={**ALLOW, "webhook-allowed-origin": origins[0], "webhook-allowed-rate": granted},
    )
