"""Which replica goes at once: the one that ranks first for a Job among those that were lately seen to deliver.

A claim decides who delivers; this only spares the others a claim that would fail (docs/reliability.md, "Who goes
first"). So it may be wrong: two that both hold themselves first meet at the claim, and where nobody does, each goes
after its jitter.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

RECENT = timedelta(minutes=5)
"""How long a replica counts after its last claim that was seen."""
MOST = 64
"""Replicas kept: far more than there are."""


class Peers:
    """The replicas whose claims were seen, this one always among them."""

    def __init__(self, replica: str) -> None:
        self._replica = replica
        self._seen: dict[str, datetime] = {}

    def saw(self, replica: str, now: datetime) -> None:
        """Take note of a claim."""
        if replica == self._replica:
            return
        self._seen.pop(replica, None)
        self._seen[replica] = now
        if len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]

    def first(self, uid: str, now: datetime) -> bool:
        """Whether this replica ranks first for a Job; alone it always does (rendezvous hashing)."""
        rivals = [replica for replica, seen in self._seen.items() if now - seen < RECENT]
        return not rivals or max([self._replica, *rivals], key=lambda replica: _weight(replica, uid)) == self._replica


def _weight(replica: str, uid: str) -> bytes:
    return hashlib.blake2b(f"{replica}\n{uid}".encode(), digest_size=8).digest()
