"""An event's key, a Job's key and the Job's name: the same event is the same Job, on every replica, for ever."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from .json import canonical

MAX_PREFIX = 30
KEY_CHARACTERS = 20
EVENT_LABEL_CHARACTERS = 32
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)
"""Two letters of base32 at a time: the standard library's takes as long for a name as verifying takes for a body."""
MAX_NAME = 52
"""So that the suffixes of Indexed pods' hostnames still fit into a DNS label of 63 characters."""


# Every Job of an event bears its label, and one event has one key.
@lru_cache
def event_key(ingress: str, source: str, identity: str) -> str:
    """SHA-256 in hex over the JSON list [ingress, source, identity]; unambiguous for any three texts.

    No Job's key is the same, and no typed key: those lists are longer.
    """
    return hashlib.sha256(canonical([ingress, source, identity])).hexdigest()


# The launch and what it launches ask for the same key and the same name, one after the other.
@lru_cache
def job_key(definition: str, ingress: str, source: str, identity: str) -> str:
    """SHA-256 in hex over the JSON list [definition, ingress, source, identity]."""
    return hashlib.sha256(canonical([definition, ingress, source, identity])).hexdigest()


@lru_cache
def job_name(definition: str, key: str) -> str:
    """Name the Job of a key: a DNS label of at most 52 characters that starts with the definition's name.

    >>> job_name("build", "00" * 32)
    'build-aaaaaaaaaaaaaaaaaaaa'
    """
    return f"{_prefix(definition)}-{base32(key[:30])[:KEY_CHARACTERS]}"


def typed_key(ingress: str, source: str, identity: str, type_: str) -> str:
    """SHA-256 in hex over the JSON list ["type", ingress, source, identity, type]: an event under one type of it.

    No Job's key is the same: that list has four texts, and this has five.
    """
    return hashlib.sha256(canonical(["type", ingress, source, identity, type_])).hexdigest()


@lru_cache
def event_label(key: str) -> str:
    """The event key's first 32 characters in lower-case base32: a label value that finds all Jobs of an event."""
    return base32(key[:40])[:EVENT_LABEL_CHARACTERS]


def base32(key: str) -> str:
    """A hex key, or as much of its beginning as is needed, in lower-case base32, unpadded (RFC 4648 §6)."""
    whole = bytes.fromhex(key.ljust(-(-len(key) // 10) * 10, "0"))  # five bytes are eight letters
    letters: list[str] = []
    for at in range(0, len(whole), 5):
        number = int.from_bytes(whole[at : at + 5], "big")
        letters += _PAIRS[number >> 30], _PAIRS[number >> 20 & 1023], _PAIRS[number >> 10 & 1023], _PAIRS[number & 1023]
    return "".join(letters)[: (len(key) * 4 + 4) // 5]


@lru_cache
def _prefix(definition: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", definition.lower())[:MAX_PREFIX].strip("-") or "job"
