"""The least that deleting Jobs costs: five DELETEs at once, as a sweep sends them, and nothing else meanwhile.

`python -m bench.peers.deletes SERVER NAMESPACE CA CERT KEY COUNT` prints JSON: seconds, and those of its CPU. What is
to go is listed before.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from bench.planting import LIST, Field, at_once, entered
from webhook.sweep.sweeping import DELETES


async def main(field: Field, count: int) -> dict[str, float]:
    async with entered(field) as session:
        todo = await _some(session, field, count)

        async def delete(job: dict[str, Any]) -> None:
            meta = job["metadata"]
            conditions = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
            options = {"propagationPolicy": "Background", "preconditions": conditions}
            async with session.delete(f"{field.jobs}/{meta['name']}", json=options) as answer:
                await answer.read()
            answer.raise_for_status()

        began, cpu = time.perf_counter(), time.process_time()
        await at_once(delete, todo, workers=DELETES)
        took, used = time.perf_counter() - began, time.process_time() - cpu
        return {"seconds": took, "cpu": used, "deleted": len(todo)}


async def _some(session: aiohttp.ClientSession, field: Field, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    while len(found) < count:
        async with session.get(field.jobs, params=LIST | ({"continue": after} if after else {})) as answer:
            page = await answer.json()
        found += page["items"]
        after = page["metadata"].get("continue", "")
        if not after:
            break
    return found[:count]


if __name__ == "__main__":
    server, namespace, *files, number = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(main(Field(server, namespace, *map(Path, files)), int(number)))))
