"""What a receiver costs that stands there: its start, its memory at rest, its memory under load."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from . import contenders, stubbed
from .building import Tools
from .contenders import Site
from .machine import LOAD_CORE, Trouble, family, rss, wait_for_quiet
from .pressing import WAIT, measure

CLUSTERS = ("kubernetes", "local")
REST = 2.0
"""Seconds after the start at which memory is looked at."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A receiver at rest, several times.

    Attributes:
        starts: seconds from the process's start to `/readyz` answering 200.
        cpu: seconds of CPU of each start.
        rss: MiB.
    """

    starts: Sequence[float]
    cpu: Sequence[float]
    rss: Sequence[float]


def standing(tools: Tools, kind: str, *, count: int) -> Standing:
    """Start and stop a receiver several times. Raises Trouble."""
    starts, cpu, sizes = [], [], []
    with contenders.stub(tools, core=LOAD_CORE) as (server, kubeconfig):
        site = Site(tools=tools, server=server.url, kubeconfig=kubeconfig)
        for _ in range(count):
            wait_for_quiet(WAIT)
            with contenders.jobhook(site, cluster=kind) as receiver:
                starts.append(receiver.took)
                cpu.append(receiver.cpu)
                time.sleep(REST)
                sizes.append(rss(family(receiver.process.pid)))
    return Standing(starts, cpu, sizes)


def under_load(tools: Tools, *, seconds: float) -> Sequence[float]:
    """Memory in MiB, once a second, while events come as fast as they are taken and the watch hears of every Job."""
    samples: list[float] = []
    done = threading.Event()
    with stubbed.up(tools, stubbed.TOLD) as target:
        pids = [pid for given in target.pids for pid in family(given)]

        def watch() -> None:
            while not done.wait(1.0):
                samples.append(rss(pids))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            measured = measure(tools, target, connections=stubbed.CONNECTIONS, seconds=seconds)
        finally:
            done.set()
            watcher.join()
    if measured.bad:
        raise Trouble(f"under load: {measured.bad}")
    return samples


def micro(tools: Tools, core: int) -> str:
    """The costs of single steps, as JSON."""
    command = ["taskset", "-c", str(core), str(tools.python), "-m", "bench.micro"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"single steps: {done.stderr.strip()[-600:]}")
    return done.stdout
