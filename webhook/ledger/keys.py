"""Keys in few bytes: sorted, packed end to end, found by halving."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

WIDTH = 16
"""Bytes of a key: half of a SHA-256. Among 200,000 keys any two are alike with a chance of 10⁻²⁸."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def entry(key: str) -> bytes:
    """The 16 bytes that stand for a Job's key.

    >>> entry("00" * 31 + "ff").hex()
    '00000000000000000000000000000000'
    """
    if _SHA256.fullmatch(key):
        return bytes.fromhex(key)[:WIDTH]
    # An annotation that somebody wrote by hand: no event has that key, and it must not stop a sweep.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:WIDTH]


def pack(entries: Iterable[bytes]) -> bytes:
    """Sort entries and lay them end to end, each once."""
    return b"".join(sorted(set(entries)))


def unpack(packed: bytes) -> Sequence[bytes]:
    """The entries, as they lie."""
    return [packed[at : at + WIDTH] for at in range(0, len(packed), WIDTH)]


def holds(packed: bytes, sought: bytes) -> bool:
    """Whether an entry is among packed ones."""
    # Written out: `bisect` with a key takes twice as long, and every launch is here.
    low, high = 0, len(packed) // WIDTH
    while low < high:
        middle = (low + high) >> 1
        if packed[middle * WIDTH : middle * WIDTH + WIDTH] < sought:
            low = middle + 1
        else:
            high = middle
    return packed[low * WIDTH : low * WIDTH + WIDTH] == sought


class Sieve:
    """Tell most of what is not there in one step: one bit for all entries that begin with the same 22 bits.

    Attributes:
        added: entries, those that came again counted again; nothing is ever taken out.
    """

    def __init__(self) -> None:
        self._bits = bytearray(1 << 19)
        self.added = 0

    def add(self, packed: bytes) -> None:
        """Let packed entries through."""
        bits = self._bits
        for at in range(0, len(packed), WIDTH):
            number = int.from_bytes(packed[at : at + 3], "big") >> 2
            bits[number >> 3] |= 1 << (number & 7)
        self.added += len(packed) // WIDTH

    def __contains__(self, entry: bytes) -> bool:
        number = int.from_bytes(entry[:3], "big") >> 2
        return bool(self._bits[number >> 3] & (1 << (number & 7)))
