"""Whether a request that changes something may have come from another website (RFC 6454).

A browser that is signed in sends what any page tells it to, and says in `Origin` which page that was. Programs send no
`Origin`; our own page's is the host that it was asked for.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from ..errors import NotAllowed

_PORTS = {"http": 80, "https": 443}


def check_origin(request: Request) -> None:
    """Let pass what has no Origin, or ours. Raises NotAllowed."""
    origins = request.headers.getlist("origin")
    if not origins:
        return
    hosts = request.headers.getlist("host")
    if len(origins) > 1 or len(hosts) != 1 or not _same(origins[0], hosts[0]):
        raise NotAllowed("another website may not do this in a browser's name")


def _same(origin: str, host: str) -> bool:
    """Whether an origin is the host that was asked; behind a proxy that ends TLS, its scheme is not ours to know."""
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"//{host}")
        if theirs.scheme not in _PORTS or theirs.hostname is None:
            return False
        default = _PORTS[theirs.scheme]
        return (theirs.hostname, theirs.port or default) == (ours.hostname, ours.port or default)
    except ValueError:
        return False
