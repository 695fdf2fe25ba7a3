"""A loop that never changes: how fast this core is now, in rounds a millisecond. A program that imports little."""

from __future__ import annotations

import hashlib
import time

SECONDS = 0.2


def rounds() -> float:
    block, count, began = bytes(1024), 0, time.perf_counter()
    while (took := time.perf_counter() - began) < SECONDS:
        for _ in range(20):
            hashlib.sha256(block).digest()
        count += 1
    return count / took / 1000


if __name__ == "__main__":
    print(rounds())
