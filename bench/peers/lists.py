"""The least that a list of all Jobs costs: pages of 500, and nothing of them decoded but where the next one begins.

`python -m bench.peers.lists SERVER NAMESPACE CA CERT KEY COUNT` prints JSON: the seconds of so many lists.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from pathlib import Path

import aiohttp
import uvloop

from bench.planting import LIST, Field, entered

AFTER = re.compile(rb'"continue":"([^"]+)"')
HEAD = 1000
"""Bytes of a page in which its metadata stand."""


async def main(field: Field, count: int) -> list[float]:
    async with entered(field) as session:
        async with session.get(f"{field.server}/version") as answer:
            await answer.read()  # connected, before anything is measured
        return [await seconds(field, session) for _ in range(count)]


async def seconds(field: Field, session: aiohttp.ClientSession) -> float:
    began, after = time.perf_counter(), ""
    while True:
        async with session.get(field.jobs, params=LIST | ({"continue": after} if after else {})) as answer:
            body = await answer.read()
        answer.raise_for_status()
        if not (found := AFTER.search(body, 0, HEAD)):
            return time.perf_counter() - began
        after = found[1].decode()


if __name__ == "__main__":
    server, namespace, *files, number = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(main(Field(server, namespace, *map(Path, files)), int(number)))))
