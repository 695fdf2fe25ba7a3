"""Sign what we send by Standard Webhooks, https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime

from ..errors import ConfigurationError
from .keys import MINIMUM, decoded

_PREFIX = b"whsec_"


class UnusableKey(ConfigurationError):
    """A secret that can sign nothing; the message never shows it."""


def signing_key(secret: bytes) -> bytes:
    """Find the key in a secret: what `whsec_` has in base64, else the secret's own bytes.

    Raises:
        UnusableKey: `whsec_` and no base64, or fewer than 16 bytes.
    """
    key = decoded(secret.removeprefix(_PREFIX)) if secret.startswith(_PREFIX) else secret
    if key is None:
        raise UnusableKey("the secret is not whsec_ and base64; write it as it was made, or as plain bytes")
    if len(key) < MINIMUM:
        raise UnusableKey(f"the secret is shorter than {MINIMUM} bytes; write a longer one")
    return key


def sign(body: bytes, *, id_: str, moment: datetime, keys: Sequence[bytes]) -> dict[str, str]:
    """Make the three headers that sign `{id}.{timestamp}.{body}`: a signature for each key, in their order.

    Args:
        body: the raw bytes that are sent.
        id_: the same on every try.
        moment: of this try.
        keys: from `signing_key`; several during a rotation.
    """
    timestamp = str(int(moment.timestamp()))
    signed = b".".join((id_.encode(), timestamp.encode(), body))
    signatures = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode("ascii") for key in keys)
    return {
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
