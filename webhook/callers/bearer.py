"""The token of an `Authorization: Bearer` header, and what a JSON Web Token says of itself."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import NotAuthenticated
from ..json import NotJson, load

LONGEST = 16 * 1024
"""Characters; a service account's token has about a thousand."""

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)")  # RFC 9110 §11.4, RFC 6750 §2.1
_PART = re.compile(r"[A-Za-z0-9_-]+")


def bearer_token(values: Sequence[str | bytes]) -> str:
    """Take the token out of a request's Authorization headers, of which there must be exactly one.

    Raises:
        NotAuthenticated: none, several, another scheme, or characters that no token has.
    """
    if not values:
        raise NotAuthenticated("no Authorization header")
    if len(values) > 1:
        raise NotAuthenticated("more than one Authorization header")
    text = values[0].decode("latin-1") if isinstance(values[0], bytes) else values[0]
    match = _BEARER.fullmatch(text)
    if not match or len(match[1]) > LONGEST:
        raise NotAuthenticated("the Authorization header holds no bearer token")
    return match[1]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says of itself; nothing of it is proven.

    Attributes:
        audiences: whom it is meant for.
        expires: in seconds since the epoch.
    """

    audiences: frozenset[str]
    expires: float


def claims(token: str) -> Claims | None:
    """Read what a JSON Web Token (RFC 7519) claims; None where it has not the shape of one with audience and expiry."""
    parts = token.split(".")
    if len(parts) != 3 or not all(_PART.fullmatch(part) for part in parts):
        return None
    header, payload = _object(parts[0]), _object(parts[1])
    if header is None or payload is None:
        return None
    audiences, expires = payload.get("aud"), payload.get("exp")
    if isinstance(audiences, str):
        audiences = [audiences]
    if not isinstance(audiences, list) or not isinstance(expires, int | float) or isinstance(expires, bool):
        return None
    return Claims(frozenset(name for name in audiences if isinstance(name, str)), expires)


def _object(part: str) -> dict[str, object] | None:
    try:
        value = load(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, NotJson):
        return None
    return value if isinstance(value, dict) else None
