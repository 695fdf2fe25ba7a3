"""How fast a sweep deletes ten thousand finished Jobs, beside as many bare DELETEs."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import mean
from typing import Any
from urllib.parse import urlsplit

import uvloop

from webhook import marks

from . import contenders, real
from .building import PROJECT, RUN, Tools
from .contenders import Site
from .machine import Trouble, cpu_seconds, family, rss
from .planting import JOBS, Field, at_once, end, entered, manifests, told

SETTLE = 2.0
"""Seconds that a key is in the ledger before its Job may go: here there is one receiver, and nobody repeats events."""
AGE = timedelta(days=1)
"""Since the Jobs' end: their retention is an hour."""
TOKEN = RUN / "token"
LONGEST = 120.0
"""Seconds of one `POST /cleanup`, which promises less."""


@dataclass(frozen=True, slots=True)
class Deleting:
    """Jobs that went.

    Attributes:
        rate: a second.
        own: milliseconds of CPU a Job of the one who deleted them.
        control: the same of the whole control plane.
    """

    rate: float
    own: float
    control: float

    @property
    def cpu(self) -> float:
        return self.own + self.control


@dataclass(frozen=True, slots=True)
class Swept:
    """A sweep, and bare DELETEs of half as many Jobs each before and after it.

    Attributes:
        sweep: from the first `POST /cleanup` to the last one's answer.
        calls: how many it took until `more` was false.
        rss: MiB of the receiver, once a second: before, all the while, and after.
    """

    bare: Sequence[Deleting]
    sweep: Deleting
    calls: int
    rss: Sequence[float]

    @property
    def ratio(self) -> float:
        return self.sweep.rate / mean(one.rate for one in self.bare)

    @property
    def by_cpu(self) -> float:
        """The same by everybody's CPU: steadier where others are at work."""
        return mean(one.cpu for one in self.bare) / self.sweep.cpu


def swept(tools: Tools) -> Swept:
    """Plant twice as many Jobs, and let half of them be swept. Raises Trouble."""
    TOKEN.write_text("a-token-of-the-benchmark-alone")
    with real.cluster(real.tools_folder()) as api:
        bare, ours = api.field("bare"), api.field("ours")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_planted(bare))
            runner.run(_planted(ours))
        site = Site(tools=tools, kubeconfig=api.kubeconfig, namespace=ours.namespace, core=None)
        caller = {"name": "bench", "tokens": [str(TOKEN)], "may": ["cleanup"]}
        with contenders.jobhook(site, more={"callers": [caller], "settle": f"{SETTLE:g}s"}) as receiver:
            report = _cleanup(receiver.url)
            if report["kept"]["settling"] != JOBS:
                raise Trouble(f"the keys of {JOBS} Jobs should be on their way into the ledger: {report}")
            api.rest()
            time.sleep(SETTLE)
            first = _bare(tools, api, bare)
            sweep, calls, samples = _sweep(api, receiver.url, family(receiver.process.pid))
            return Swept((first, _bare(tools, api, bare)), sweep, calls, samples)


def _sweep(api: real.Cluster, url: str, pids: Sequence[int]) -> tuple[Deleting, int, Sequence[float]]:
    control, own, began = _control(api), cpu_seconds(pids), time.perf_counter()
    calls, deleted, more = 0, 0, True
    with _watched(pids) as samples:
        while more:
            report = _cleanup(url)
            calls, deleted, more = calls + 1, deleted + report["deleted"], report["more"]
        took = time.perf_counter() - began
    if deleted != JOBS:
        raise Trouble(f"{deleted} Jobs of {JOBS} were swept: {report}")
    used = (cpu_seconds(pids) - own, _control(api) - control)
    return Deleting(deleted / took, *(seconds / deleted * 1000 for seconds in used)), calls, samples


async def _planted(place: Field) -> None:
    """Jobs that ended long ago, and whose completions were delivered."""
    ended = datetime.now(UTC) - AGE

    async def put(manifest: dict[str, Any]) -> None:
        await told(session, "POST", place.jobs, manifest)
        await end(session, place, manifest["metadata"]["name"], at=ended)

    async with entered(place) as session:
        delivered = manifests(place.namespace, JOBS, labels={marks.COMPLETION: marks.DELIVERED})
        await at_once(put, delivered, workers=16)


def _bare(tools: Tools, api: real.Cluster, place: Field) -> Deleting:
    control = _control(api)
    command = [str(tools.python), "-m", "bench.peers.deletes", *place.words, str(JOBS // 2)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"bare DELETEs: {done.stderr.strip()[-600:]}")
    result = json.loads(done.stdout)
    count, used = result["deleted"], (result["cpu"], _control(api) - control)
    return Deleting(count / result["seconds"], *(seconds / count * 1000 for seconds in used))


def _control(api: real.Cluster) -> float:
    return cpu_seconds(list(api.pids.values()))


def _cleanup(url: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=LONGEST)
    try:
        connection.request("POST", "/cleanup", headers={"Authorization": f"Bearer {TOKEN.read_text()}"})
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise Trouble(f"POST /cleanup: {answer.status} {text[:300]!r}")
    report: dict[str, Any] = json.loads(text)
    return report


@contextmanager
def _watched(pids: Sequence[int]) -> Iterator[list[float]]:
    """Memory once a second, and at both ends."""
    samples, done = [rss(pids)], threading.Event()

    def watch() -> None:
        while not done.wait(1.0):
            samples.append(rss(pids))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield samples
    finally:
        done.set()
        watcher.join()
        samples.append(rss(pids))
