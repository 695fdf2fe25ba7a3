"""What ten thousand unfinished Jobs cost a receiver that starts: time until its index is whole, and memory."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import uvloop

from . import contenders, real
from .building import PROJECT, Tools
from .contenders import Site
from .machine import Trouble, family, rss, wait_for_quiet
from .planting import JOBS, Field, entered, plant, settle
from .pressing import WAIT
from .resident import REST

LISTS = 2
"""Bare lists before a start, and after it; the middle of all counts."""
POLL = 0.02
"""Seconds between two looks at `/readyz`, each of which costs the receiver some CPU."""
QUIET = 300.0
"""Seconds that the Job controller may take over all of them."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a receiver.

    Attributes:
        seconds: from the process's start to `/readyz` answering 200.
        syncing: by its own log, from the beginning of its first list of Jobs until its index was whole.
        cpu: its own, in seconds.
        rss: MiB, at rest afterwards.
    """

    seconds: float
    syncing: float
    cpu: float
    rss: float


@dataclass(frozen=True, slots=True)
class Round:
    """Neighbours in time.

    Attributes:
        bare: seconds of a list of all the Jobs that decodes nothing.
        empty: a start without Jobs.
        full: a start with them.
    """

    bare: float
    empty: Start
    full: Start

    @property
    def ratio(self) -> float:
        """How many times as long as a bare list the index takes."""
        return self.full.syncing / self.bare

    @property
    def memory(self) -> float:
        """MiB that the Jobs add."""
        return self.full.rss - self.empty.rss


def rounds(tools: Tools, *, count: int) -> Sequence[Round]:
    """Start a receiver beside no Jobs and beside ten thousand, so many times. Raises Trouble."""
    with real.cluster(real.tools_folder()) as api:
        empty, full = api.field("empty"), api.field("full")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_planted(full))
        api.rest()
        return [_round(tools, api, empty, full) for _ in range(count)]


async def _planted(place: Field) -> None:
    async with entered(place) as session:
        await plant(session, place, JOBS)
        await settle(session, place, seconds=QUIET)


def _round(tools: Tools, api: real.Cluster, empty: Field, full: Field) -> Round:
    without = _start(tools, api, empty, jobs=0)
    before = _lists(tools, full)
    with_jobs = _start(tools, api, full, jobs=JOBS)
    return Round(median([*before, *_lists(tools, full)]), without, with_jobs)


def _start(tools: Tools, api: real.Cluster, place: Field, *, jobs: int) -> Start:
    wait_for_quiet(WAIT)
    site = Site(tools=tools, kubeconfig=api.kubeconfig, namespace=place.namespace, core=None)
    with contenders.jobhook(site, pause=POLL) as receiver:
        time.sleep(REST)
        size = rss(family(receiver.process.pid))
    return Start(receiver.took, _syncing(receiver.log, jobs), receiver.cpu, size)


def _syncing(log: Path, jobs: int) -> float:
    """What a receiver's log says of its first list. Raises Trouble where it speaks of another number of Jobs."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if '"watch.synced"' in line]
    if not lines or lines[0]["jobs"] != jobs:
        raise Trouble(f"{log} should tell of {jobs} Jobs: {lines}")
    return float(lines[0]["seconds"])


def _lists(tools: Tools, place: Field) -> Sequence[float]:
    command = [str(tools.python), "-m", "bench.peers.lists", *place.words, str(LISTS)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"bare lists: {done.stderr.strip()[-600:]}")
    seconds: list[float] = json.loads(done.stdout)
    return seconds
