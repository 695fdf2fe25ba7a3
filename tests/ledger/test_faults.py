"""Crashes at every call, two sweeps at once, in any order: a Job that went is remembered in time and on time."""

import asyncio
import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webhook.ledger import keys
from webhook.metrics import Metrics

SETTLE, REMEMBER = timedelta(minutes=5), timedelta(days=2)
ROUNDING = timedelta(seconds=1)
"""A creationTimestamp has whole seconds."""


class World:
    """A store, Jobs that have finished, and when each went."""

    def __init__(self, stores, make):
        self.clock = stores.Clock()
        self.store = stores.MemoryRecords(self.clock)
        self.stores, self._make = stores, make
        self.finished, self.went = {}, {}
        self._shared = {"remember": REMEMBER, "settle": SETTLE, "metrics": Metrics(), "clock": self.clock}

    def ledger(self, records):
        return self._make(records, wall=lambda: self.clock.now, **self._shared)

    async def sweep(self, ledger):
        """As the real one: pages, enter, release, delete what was released."""
        async with ledger.writing() as clerk:
            listed = dict(self.finished)  # another sweep may delete some meanwhile
            names = sorted(listed)
            for page in (names[at : at + 3] for at in range(0, len(names), 3)):
                await clerk.enter(page)
                for key in await clerk.release([key for key in page if listed[key] <= self.clock.now]):
                    if self.finished.pop(key, None):
                        self.went[key] = self.clock.now

    async def process(self, *, at=0, after=False):
        """A process that sweeps once, and may end at a call. Answers whether it did."""
        records = self.stores.Faulty(self.store, at=at, after=after)
        try:
            await self.sweep(self.ledger(records))
        except self.stores.Crash:
            return True
        return False

    def check(self):
        """Each key was in the store from `settle` before its Job went until `remember` after, without a gap."""
        presence = self.stores.presence(self.store.history)
        for key, moment in self.went.items():
            until = min(moment + REMEMBER, self.clock.now)
            spans = presence[keys.entry(key)]
            assert any(since <= moment - SETTLE + ROUNDING and (to is None or to >= until) for since, to in spans), (
                f"{key[:8]} went at {moment}, and was in the store {spans}"
            )


async def story(world, job_key, *, crash_at=0, after=False):
    """Six days of sweeps with Jobs of short and of long retention; one process of them ends at a call of its own."""
    numbers, crashed, calls = iter(range(1000)), False, 0
    for _ in range(6):
        for pause in (
            timedelta(minutes=1),
            timedelta(minutes=4),
            timedelta(minutes=6),
            timedelta(hours=23, minutes=49),
        ):
            for keep in (timedelta(0), timedelta(hours=5), timedelta(days=3)):
                world.finished[job_key(next(numbers))] = world.clock.now + keep
            left = crash_at - calls if not crashed else 0
            before = len(world.store.calls)
            crashed = await world.process(at=max(0, left), after=after) or crashed
            calls += len(world.store.calls) - before
            world.clock.advance(pause)
    return crashed


def test_nothing_is_lost_without_faults(stores, make, job_key):
    """The story itself: Jobs go, keys stay for their time, and the ledger does not grow."""

    async def play():
        world = World(stores, make)
        await story(world, job_key)
        assert len(world.went) > 40
        world.check()
        assert len(world.store.held) < 25
        world.clock.advance(REMEMBER + timedelta(days=2))
        world.finished.clear()
        await world.process()
        world.clock.advance(SETTLE)
        await world.process()
        assert world.store.held == {}

    asyncio.run(play())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_call_loses_nothing(stores, make, job_key, after):
    """For every call of the story: the process ends there, before the store acted or after, and others go on."""

    async def play():
        world = World(stores, make)
        await story(world, job_key)
        total, went = len(world.store.calls), len(world.went)
        for call in range(1, total + 1):
            world = World(stores, make)
            assert await story(world, job_key, crash_at=call, after=after)
            world.check()
            assert len(world.went) >= went - 12  # one sweep's worth goes a little later
        assert total > 100

    asyncio.run(play())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_two_sweeps_at_once_and_crashes_lose_nothing(stores, make, job_key, seed):
    """Processes whose copies are old or new sweep at once, their calls interleaved at random, and end at random."""
    chance = random.Random(seed)

    async def play():
        world = World(stores, make)
        numbers = iter(range(1000))

        async def shaken(method, *args, **kwargs):
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            return await method(*args, **kwargs)

        for name in ("create", "delete", "list"):
            method = getattr(world.store, name)
            setattr(world.store, name, lambda *a, _method=method, **k: shaken(_method, *a, **k))
        # One that lives through all of it: its copy is as old as 90 s allow.
        elder = world.ledger(world.store)
        for _ in range(40):
            for _ in range(chance.randrange(4)):
                keep = chance.choice([timedelta(0), timedelta(minutes=20), timedelta(days=3)])
                world.finished[job_key(next(numbers))] = world.clock.now + keep
            crash = {"at": chance.choice([0, 0, chance.randrange(1, 12)]), "after": chance.random() < 0.5}
            await asyncio.gather(world.sweep(elder), world.process(**crash), world.process())
            world.clock.advance(chance.choice([20, 61, 150, 301, 4000, 86_400]))
        world.check()

    asyncio.run(play())
