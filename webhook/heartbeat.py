"""Whether the cluster is there: known by whatever it answers, and asked where it has said nothing for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from .errors import ClusterError, ClusterUnavailable
from .ports import Cluster, Jobs

SILENCE = timedelta(seconds=60)
"""Without an answer of the cluster for so long, a receiver is not ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often a cluster is asked that says nothing by itself; all in seconds.

    Attributes:
        quiet: without an answer for so long it is asked: bookmarks come a minute apart, which is `SILENCE`, and an API
            server that was begun anew may send none for longer.
        every: between two questions.
        knock: the same where nobody was there to hear the last one: that costs nobody anything, and tells soon of a
            return.
        patience: for one answer; `quiet` and this together are below `SILENCE`.
    """

    quiet: float = 40.0
    every: float = 15.0
    knock: float = 5.0
    patience: float = 10.0


async def heartbeat(
    cluster: Cluster, *, rhythm: Rhythm | None = None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Keep `cluster.age()` below `SILENCE` while the cluster answers, without end; one that talks is not asked."""
    rhythm = rhythm or Rhythm()
    await sleep(rhythm.quiet)  # at the start the first lists ask
    while True:
        age = cluster.age()
        if age is not None and (rest := rhythm.quiet - age.total_seconds()) > 0:
            await sleep(rest)
        else:
            await sleep(await _ask(cluster.jobs, rhythm))


async def _ask(jobs: Jobs, rhythm: Rhythm) -> float:
    """Ask once, and say for how long to wait then; whatever came back is in the cluster's age."""
    try:
        async with asyncio.timeout(rhythm.patience):
            await jobs.ping()
    except TimeoutError:
        return rhythm.knock
    except ClusterUnavailable as error:
        return rhythm.every if error.sent or error.retry_after else rhythm.knock
    except ClusterError:
        pass  # a missing right was said by somebody
    return rhythm.every
