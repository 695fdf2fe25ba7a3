"""The load against one server, with the machine's own noise beside it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .building import HERE, Tools
from .figures import Measured
from .machine import LOAD_CORE, RECEIVER_CORE, Trouble, busy_seconds, cpu_seconds, family, on, rss, wait_for_quiet

PUSH = HERE / "payloads" / "push.json"
DELIVERY = (
    "X-GitHub-Event: push",
    f"X-GitHub-Delivery: {'@' * 40}",
    f"X-Hub-Signature-256: sha256={'#' * 64}",
    "User-Agent: GitHub-Hookshot/bench",
)
WAIT = 6.0
"""Seconds that a quiet machine is waited for; then it is measured all the same, and shows as noisy."""
WARM = 1.0
"""Seconds of load before what counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is asked.

    Attributes:
        pids: the receiver's processes; their descendants count as well.
        api, etcd: the API server's process and its store's, where their CPU is wanted.
        beside: other processes of ours that work for it; where there is an etcd, the controllers.
        pinned: whether load and receiver have a core each.
    """

    url: str
    pids: Sequence[int] = ()
    api: int | None = None
    etcd: int | None = None
    beside: Sequence[int] = ()
    body: Path = PUSH
    headers: Sequence[str] = DELIVERY
    secret: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    pinned: bool = True


OURS = ("own", "api", "etcd", "beside", "load")
"""Those of the clocks that are no stranger's."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """CPU seconds used so far, and the time."""

    own: float
    api: float
    etcd: float
    beside: float
    load: float
    machine: float
    now: float


def measure(tools: Tools, target: Target, *, connections: int, seconds: float) -> Measured:
    """Wait for a quiet machine, warm up, calibrate, press, calibrate."""
    wait_for_quiet(WAIT)
    press(tools, target, connections=connections, seconds=WARM)
    slowness = calibrate(target)
    pids = [descendant for pid in target.pids for descendant in family(pid)]
    before = _clocks(target, pids)
    result = press(tools, target, connections=connections, seconds=seconds)
    after = _clocks(target, pids)
    good = max(1, result["good"])
    return Measured(
        rate=result["rate"],
        p50=result["p50_ms"],
        p99=result["p99_ms"],
        cpu=(after.own - before.own) / good * 1e6,
        api_cpu=(after.api - before.api) / good * 1e6 if target.api else None,
        controllers_cpu=(after.beside - before.beside) / good * 1e6 if target.etcd else None,
        etcd_cpu=(after.etcd - before.etcd) / good * 1e6 if target.etcd else None,
        rss=rss(pids),
        calibration=(slowness, calibrate(target)),
        others=_others(before, after),
        bad=_bad(result),
    )


def _clocks(target: Target, pids: Sequence[int]) -> Clocks:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Clocks(
        own=cpu_seconds(pids),
        api=cpu_seconds([target.api]) if target.api else 0.0,
        etcd=cpu_seconds([target.etcd]) if target.etcd else 0.0,
        beside=cpu_seconds(target.beside),
        load=used.ru_utime + used.ru_stime,
        machine=busy_seconds(),
        now=time.perf_counter(),
    )


def _others(before: Clocks, after: Clocks) -> float:
    ours: float = sum(getattr(after, name) - getattr(before, name) for name in OURS)
    cores = os.cpu_count() or 1
    return max(0.0, after.machine - before.machine - ours) / ((after.now - before.now) * cores)


def press(tools: Tools, target: Target, *, connections: int, seconds: float) -> dict[str, Any]:
    """Let the load run and read what it says."""
    command: list[str | Path] = [tools.load, "-url", target.url, "-body", target.body]
    command += ["-connections", str(connections), "-seconds", str(seconds)]
    for name in ("secret", "ca", "cert", "key"):
        if file := getattr(target, name):
            command += [f"-{name}", file]
    for header in target.headers:
        command += ["-header", header]
    done = subprocess.run(
        on(LOAD_CORE if target.pinned else None, command), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Trouble(f"the load ended: {done.stderr.strip()}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _bad(result: dict[str, Any]) -> str:
    refused = [f"{count} × {status}" for status, count in result["statuses"].items() if not status.startswith("2")]
    broken = [f"{count} × {text}" for text, count in result["errors"].items()]
    return ", ".join([*refused, *broken, *filter(None, [result.get("refusal", "")])])


def calibrate(target: Target) -> float:
    """Say how fast the receiver's core is now: rounds a millisecond of a loop that never changes."""
    command = on(RECEIVER_CORE if target.pinned else None, [sys.executable, "-I", "-S", HERE / "calibration.py"])
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
