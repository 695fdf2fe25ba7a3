"""Secrets as they are stored → keys as the algorithms want them."""

from __future__ import annotations

import binascii

from ..errors import ConfigurationError
from .schemes import Layout, Scheme

MINIMUM = 16
"""Bytes of a key; a shorter one can be guessed."""
_PUBLIC = 32
"""Bytes of an ed25519 public key (RFC 8032 §5.1.5)."""


def check_secret(scheme: Scheme, secret: bytes) -> None:
    """Make sure that a secret can serve a scheme; its length in the file was checked when it was read.

    Raises:
        ConfigurationError: too short, or not in the form that the scheme's secrets have; never shows the secret.
    """
    if scheme.layout is not Layout.VERSIONED:
        if len(secret) < MINIMUM:
            raise ConfigurationError(f"the secret is shorter than {MINIMUM} bytes")
    elif is_public(secret):
        if len(public_key(secret) or b"") != _PUBLIC:
            raise ConfigurationError("the public key is not whpk_ and 32 bytes in base64")
    elif len(symmetric_key(scheme, secret) or b"") < MINIMUM:
        raise ConfigurationError(f"the secret is not whsec_ and at least {MINIMUM} bytes in base64")


def is_public(secret: bytes) -> bool:
    """Tell Standard Webhooks' public keys (v1a) from its shared secrets (v1)."""
    return secret.startswith(b"whpk_")


def symmetric_key(scheme: Scheme, secret: bytes) -> bytes | None:
    """Find the HMAC's key, or None where the secret has not the scheme's form."""
    if scheme.layout is not Layout.VERSIONED:
        return secret or None
    key = decoded(secret.removeprefix(b"whsec_"))
    # A file that changes while the process runs is held to the same as at its start; its length hides the key's.
    return key if key is not None and len(key) >= MINIMUM else None


def public_key(secret: bytes) -> bytes | None:
    """Find the bytes of a public key, or None where there is none."""
    return decoded(secret.removeprefix(b"whpk_"))


def decoded(text: bytes) -> bytes | None:
    """Read base64 strictly (RFC 4648 §4), or answer None; nothing is nothing."""
    try:
        return binascii.a2b_base64(text, strict_mode=True) or None
    except binascii.Error:
        return None
