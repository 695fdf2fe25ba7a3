"""What the tests of the ledger share: its store, a clock, and waiting for a condition."""

import asyncio
import hashlib
import pathlib
import sys
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from webhook.ledger import Ledger
from webhook.metrics import Metrics

sys.path.append(str(pathlib.Path(__file__).parent))


@pytest.fixture(scope="session")
def stores():
    """The module of the store in memory."""
    import ledger_store

    return ledger_store


@pytest.fixture
def clock(stores):
    """The store's time, and every process's."""
    return stores.Clock()


@pytest.fixture
def store(stores, clock):
    """An empty store of records."""
    return stores.MemoryRecords(clock)


@pytest.fixture
def make(clock):
    """Make a ledger over a store."""

    def ledger(records, *, metrics=None, **fields):
        settings = {
            "remember": timedelta(days=14),
            "settle": timedelta(minutes=5),
            "clock": clock,
            "wall": lambda: clock.now,
        }
        return Ledger(records, metrics=metrics or Metrics(), **(settings | fields))

    return ledger


@pytest.fixture(scope="session")
def running():
    """Run a ledger while a block lasts, synced."""

    @asynccontextmanager
    async def run(ledger):
        task = asyncio.create_task(ledger.run())
        try:
            await asyncio.wait_for(ledger.wait_synced(), 5)
            yield ledger
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return run


@pytest.fixture(scope="session")
def until():
    """Wait for a condition, with a deadline."""

    async def wait(condition, *, seconds=10.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "the condition did not come about in time"
            await asyncio.sleep(0.001)

    return wait


@pytest.fixture(scope="session")
def job_key():
    """The key of a Job by number."""
    return lambda number: hashlib.sha256(str(number).encode()).hexdigest()
