"""What 200,000 keys cost."""

import asyncio
import gc
import hashlib
import time
import tracemalloc
from datetime import date

from webhook.ledger import keys
from webhook.ledger.segment import write

COUNT = 200_000


async def fill(store):
    """Fourteen days of segments, in no order of their names."""
    every = [hashlib.sha256(str(number).encode()).digest()[:16] for number in range(COUNT)]
    for number in range(28):
        packed = keys.pack(every[number::28])
        await store.create(write(f"s{number * 17 % 28}", packed, forget_after=date(2026, 1, 2 + number // 2)))
    store.history.clear()


def test_200_000_keys_take_less_than_8_mib(make, store, clock, running, job_key):
    """The copy, its list at the start and a list anew: at no moment more than 8 MiB."""

    async def play():
        await fill(store)
        ledger = make(store)
        gc.collect()
        tracemalloc.start()
        try:
            async with running(ledger):
                clock.advance(91)
                deadline = asyncio.get_running_loop().time() + 10
                assert await ledger.remembers(job_key(3), deadline=deadline)
                assert not await ledger.remembers(job_key(COUNT), deadline=deadline)
                _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 8 * 1024 * 1024

    # The records themselves travel: what a client holds of them is the segments' own bytes, which the copy keeps.
    deliver, listed = store.follow, store.list

    async def travelling(labels=None):
        async for change in deliver(labels):
            yield change if change.record is None else type(change)(change.seen, copied(change.record))

    async def listing(labels=None):
        return [copied(record) for record in await listed(labels)]

    store.follow, store.list = travelling, listing
    asyncio.run(play())


def copied(record):
    from dataclasses import replace

    return replace(record, data={name: bytes(bytearray(value)) for name, value in record.data.items()})


def test_a_launch_asks_in_microseconds(make, store, running, job_key):
    """What is not in 200,000 keys is told in less than the tenth of a POST."""

    async def play():
        await fill(store)
        async with running(make(store)) as ledger:
            deadline = asyncio.get_running_loop().time() + 60
            asked = [job_key(COUNT + number) for number in range(2000)]
            best = float("inf")
            for _ in range(3):
                began = time.perf_counter()
                for key in asked:
                    await ledger.remembers(key, deadline=deadline)
                best = min(best, (time.perf_counter() - began) / len(asked))
            assert best < 100e-6

    asyncio.run(play())
