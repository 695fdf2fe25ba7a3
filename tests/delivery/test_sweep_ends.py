"""A sweep and the order to stop."""

import asyncio

import pytest

from webhook.errors import ClusterUnavailable
from webhook.sweep import until


def test_a_sweep_that_ends_first_is_answered():
    """With or without an order that may come."""

    async def run():
        async def work():
            return "report"

        assert await until(None, work()) == "report"
        assert await until(asyncio.Event(), work()) == "report"

    asyncio.run(run())


def test_what_a_sweep_raises_comes_through():
    """An error of the store is the caller's to hear."""

    async def run():
        async def work():
            raise ClusterUnavailable("away")

        with pytest.raises(ClusterUnavailable, match="away"):
            await until(asyncio.Event(), work())

    asyncio.run(run())


@pytest.mark.parametrize("how", ["stopped", "cancelled"])
def test_an_order_to_stop_breaks_a_sweep_off(how):
    """At once, safe to order again, and nothing of it goes on."""

    async def run():
        begun, ended, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def work():
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        asking = asyncio.ensure_future(until(stop, work()))
        await begun.wait()
        if how == "stopped":
            stop.set()
        else:
            asking.cancel()
        with pytest.raises(ClusterUnavailable if how == "stopped" else asyncio.CancelledError):
            await asking
        assert ended.is_set()

    asyncio.run(run())
