"""Verify a request's signature over its raw bytes, before anything is parsed.

Every secret is tried; what was wrong is for the log alone. The expected signature is written as the scheme writes it
and compared whole, in constant time: there is nothing to decode, so nothing lenient to decode it, and no truncation.
"""

from __future__ import annotations

import base64
import hmac
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ..errors import NotAuthenticated
from ..json import Struct
from . import keys
from .schemes import Encoding, Layout, Part, Scheme

Headers = Sequence[tuple[bytes, bytes]]
"""As ASGI has them: raw, names in lower case."""

TOLERANCE = timedelta(seconds=300)
"""How far a signed timestamp may be from now, either way, where a source says nothing else."""
MAX_SIGNATURES = 16
"""In one header; a rotation needs two."""

_TIMESTAMP = re.compile(rb"[0-9]{1,11}")


class Verified(Struct, frozen=True, kw_only=True):
    """A signature that holds, and what it covers beside the body.

    Attributes:
        secret: the index of the secret that matched.
        id: the delivery's id, where it is signed.
        timestamp: aware, where it is signed.
    """

    secret: int
    id: str | None = None
    timestamp: datetime | None = None


class _Claim(Struct, frozen=True, kw_only=True):
    """What the request says about itself, unverified: signatures as they came, by kind."""

    signatures: Sequence[bytes]
    public: Sequence[bytes] = ()
    timestamp: bytes = b""
    id: bytes = b""


def verify(
    scheme: Scheme,
    headers: Headers,
    body: bytes,
    secrets: Sequence[bytes],
    *,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> Verified:
    """Tell by which secret a request was signed.

    Raises:
        NotAuthenticated: by none of them, or too long ago; the reason is for the log, never for the sender.
    """
    claim = _claim(scheme, headers)
    moment = _moment(claim.timestamp, now, tolerance) if scheme.timestamped else None
    signed = _signed(scheme, claim, body)
    for index, secret in enumerate(secrets):
        if _matches(scheme, secret, signed, claim):
            return Verified(secret=index, id=claim.id.decode("ascii") or None, timestamp=moment)
    raise NotAuthenticated(f"none of {len(secrets)} secrets made this signature")


def _claim(scheme: Scheme, headers: Headers) -> _Claim:
    given = _one(headers, scheme.header)
    timestamp = _one(headers, scheme.timestamp) if scheme.timestamp else b""
    id_ = _one(headers, scheme.id) if scheme.id else b""
    if not id_.isascii():
        raise NotAuthenticated("the signed id is not ASCII")
    if scheme.layout is Layout.LISTED:
        return _listed(given)
    if scheme.layout is Layout.VERSIONED:
        items = _few(given.split(b" "))
        return _Claim(
            signatures=[item[3:] for item in items if item.startswith(b"v1,")],
            public=[item[4:] for item in items if item.startswith(b"v1a,")],
            timestamp=timestamp,
            id=id_,
        )
    if not given.startswith(scheme.prefix):
        raise NotAuthenticated("the signature lacks its prefix")
    return _Claim(signatures=[given[len(scheme.prefix) :]], timestamp=timestamp, id=id_)


def _listed(given: bytes) -> _Claim:
    """Stripe's form, https://docs.stripe.com/webhooks#verify-manually; unknown keys (`v0`) are left aside."""
    pairs = [item.partition(b"=") for item in _few(given.split(b","))]
    timestamps = [value for key, _, value in pairs if key == b"t"]
    if len(timestamps) != 1:
        raise NotAuthenticated("there is not exactly one timestamp in the signature")
    return _Claim(signatures=[value for key, _, value in pairs if key == b"v1"], timestamp=timestamps[0])


def _one(headers: Headers, name: bytes) -> bytes:
    """Read a header that must be there once: which of two another receiver believes is not ours to guess."""
    values = [value for key, value in headers if key == name]
    if len(values) != 1 or not values[0]:
        raise NotAuthenticated(f"{len(values)} headers {name.decode('ascii')} with a value, not exactly one")
    return values[0]


def _few(items: list[bytes]) -> list[bytes]:
    if len(items) > MAX_SIGNATURES:
        raise NotAuthenticated(f"more than {MAX_SIGNATURES} signatures")
    return items


def _moment(text: bytes, now: datetime, tolerance: timedelta) -> datetime:
    if not _TIMESTAMP.fullmatch(text):
        raise NotAuthenticated("the timestamp is not seconds in ASCII digits")
    seconds = int(text)
    # Compared as numbers, as a far future has no datetime; and whole ones, as the sender's is: else what is just in
    # time would be late by a fraction.
    if abs(math.floor(now.timestamp()) - seconds) > tolerance.total_seconds():
        raise NotAuthenticated(f"the timestamp is more than {tolerance.total_seconds():g} s from now")
    return datetime.fromtimestamp(seconds, UTC)


def _signed(scheme: Scheme, claim: _Claim, body: bytes) -> bytes:
    if scheme.signed == (Part.BODY,):
        return body
    values = {Part.BODY: body, Part.TIMESTAMP: claim.timestamp, Part.ID: claim.id}
    return b"".join(part if isinstance(part, bytes) else values[part] for part in scheme.signed)


def _matches(scheme: Scheme, secret: bytes, signed: bytes, claim: _Claim) -> bool:
    if scheme.layout is Layout.VERSIONED and keys.is_public(secret):
        return any(_verify_ed25519(secret, signed, signature) for signature in claim.public)
    key = keys.symmetric_key(scheme, secret)
    if key is None:  # an empty or unreadable secret signs nothing
        return False
    expected = key if scheme.layout is Layout.TOKEN else _mac(scheme, key, signed)
    any_case = scheme.encoding is Encoding.ANY_HEX
    return any(
        hmac.compare_digest(expected, signature.lower() if any_case else signature) for signature in claim.signatures
    )


def _mac(scheme: Scheme, key: bytes, signed: bytes) -> bytes:
    digest = hmac.digest(key, signed, scheme.algorithm)
    return base64.b64encode(digest) if scheme.encoding is Encoding.BASE64 else digest.hex().encode()


def _verify_ed25519(secret: bytes, signed: bytes, signature: bytes) -> bool:
    # Late, as few sources have a public key.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(keys.public_key(secret) or b"")
        key.verify(keys.decoded(signature) or b"", signed)
    except (InvalidSignature, ValueError):
        return False
    return True
