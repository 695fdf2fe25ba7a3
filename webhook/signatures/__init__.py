"""Signed webhooks: schemes are data, one small engine verifies them over raw bytes."""

from .keys import check_secret
from .making import UnusableKey, sign, signing_key
from .schemes import SCHEMES, Encoding, Layout, Part, Scheme, generic
from .verify import TOLERANCE, Headers, Verified, verify

__all__ = [
    "SCHEMES",
    "TOLERANCE",
    "Encoding",
    "Headers",
    "Layout",
    "Part",
    "Scheme",
    "UnusableKey",
    "Verified",
    "check_secret",
    "generic",
    "sign",
    "signing_key",
    "verify",
]
