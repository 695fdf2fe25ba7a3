"""What the tests of completions share: a store in memory, a sink over HTTP, and waiting for a condition."""

import asyncio
import pathlib
import sys
import time

import pytest

sys.path.append(str(pathlib.Path(__file__).parent))


@pytest.fixture
def store():
    """An empty store of Jobs."""
    from delivery_store import MemoryJobs

    return MemoryJobs()


@pytest.fixture(scope="session")
def make():
    """The module that makes Jobs, pods and containers."""
    import delivery_store

    return delivery_store


@pytest.fixture(scope="session")
def sink_server():
    """The class of HTTP sinks."""
    from delivery_sinks import SinkServer

    return SinkServer


@pytest.fixture(scope="session")
def until():
    """Wait for a condition, with a deadline."""

    async def wait(condition, *, seconds=30.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "the condition did not come about in time"
            await asyncio.sleep(0.002)

    return wait
