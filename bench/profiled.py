"""Where the time of the whole path goes: py-spy looks at it under load."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

from . import stubbed
from .building import OUT, Tools
from .machine import Trouble, family
from .pressing import press

SHOWN = 45


def profile(tools: Tools, contender: stubbed.Contender, *, seconds: int) -> str:
    """Sample a receiver under load; the stacks are left beside the results."""
    stacks = OUT / f"profile-{contender.key}.txt"
    spy = tools.peers.with_name("py-spy")
    with stubbed.up(tools, contender) as target:
        press(tools, target, connections=stubbed.CONNECTIONS, seconds=1)
        pid = family(target.pids[0])[-1]
        command = [spy, "record", "--pid", pid, "--format", "raw", "--rate", 400, "--duration", seconds, "-o", stacks]
        watcher = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        press(tools, target, connections=stubbed.CONNECTIONS, seconds=seconds + 1.5)
        said, _ = watcher.communicate(timeout=30)
    if watcher.returncode or not stacks.is_file():
        raise Trouble(f"py-spy: {said.decode(errors='replace')[-500:]}")
    return summary(stacks)


def summary(stacks: Path) -> str:
    """Functions by the part of the time that they and what they call take."""
    inside: Counter[str] = Counter()
    itself: Counter[str] = Counter()
    total = 0
    for line in stacks.read_text().splitlines():
        frames, _, count = line.rpartition(" ")
        if frames.startswith("Thread._bootstrap"):  # the process's few others wait, which py-spy cannot always tell
            continue
        names = [frame.rsplit(":", 1)[0] + ")" if ":" in frame else frame for frame in frames.split(";")]
        total += int(count)
        itself[names[-1]] += int(count)
        inside.update(dict.fromkeys(names, int(count)))
    rows = [
        f"{part / total:6.1%} {itself[name] / total:6.1%}  {name}" for name, part in inside.most_common(SHOWN) if total
    ]
    return "\n".join([" total   self  function", *rows])
