"""What sweeps do: enter keys, release Jobs when every replica knows them, fold, forget in time."""

import asyncio
from datetime import timedelta

import pytest

from webhook.errors import ClusterUnavailable
from webhook.ledger import keys
from webhook.ledger.plan import FOLD_AT
from webhook.metrics import Metrics

SETTLE = timedelta(minutes=5)


def full(store):
    """The segments that hold keys."""
    return [record for record in store.held.values() if record.data["keys"]]


async def sweep(ledger, finished, due=None, *, dry_run=False):
    async with ledger.writing(dry_run=dry_run) as clerk:
        await clerk.enter(finished)
        return await clerk.release(finished if due is None else due)


def test_a_job_goes_once_its_key_has_settled(make, store, clock, job_key):
    """Not in the sweep that writes the key, not before `settle`; then it may."""

    async def play():
        assert await sweep(make(store), [job_key(1)]) == frozenset()
        clock.advance(SETTLE - timedelta(seconds=2))
        assert await sweep(make(store), [job_key(1), job_key(2)]) == frozenset()
        clock.advance(3)
        assert await sweep(make(store), [job_key(1), job_key(2)]) == {job_key(1)}
        assert len(full(store)) == 2
        assert all(record.immutable for record in full(store))

    asyncio.run(play())


def test_no_settle_needs_one_sweep(make, store, job_key):
    """On one machine the key is written, and the Job may go at once."""

    async def play():
        assert await sweep(make(store, settle=timedelta(0)), [job_key(1)]) == {job_key(1)}
        assert keys.entry(job_key(1)) in store.keys_of()

    asyncio.run(play())


def test_only_the_stores_clock_counts(make, store, clock, job_key):
    """A replica whose wall clock is a year ahead lets nothing go, and forgets nothing, before its time."""

    async def play():
        fast = {"wall": lambda: clock.now + timedelta(days=365)}
        await sweep(make(store, **fast), [job_key(1)])
        assert await sweep(make(store, **fast), [job_key(1)]) == frozenset()
        assert keys.entry(job_key(1)) in store.keys_of()

    asyncio.run(play())


def test_a_dry_run_writes_nothing(make, store, clock, job_key):
    """It says which Jobs would go, and no record is made."""

    async def play():
        await sweep(make(store), [job_key(1)])
        clock.advance(SETTLE + timedelta(seconds=1))
        before = [call for call in store.calls if call[0] != "list"]
        assert await sweep(make(store), [job_key(1), job_key(2)], dry_run=True) == {job_key(1)}
        assert [call for call in store.calls if call[0] != "list"] == before

    asyncio.run(play())


def test_a_key_is_known_for_remember_after_its_job_went(make, store, clock, job_key):
    """A Job that was kept for long has its key written again before it goes, and it goes in the same sweep."""

    async def play():
        await sweep(make(store), [job_key(1)], due=[])
        clock.advance(timedelta(days=10))
        assert await sweep(make(store), [job_key(1)]) == {job_key(1)}
        assert len(full(store)) == 2
        clock.advance(timedelta(days=14) - timedelta(seconds=2))
        await sweep(make(store), [])
        assert len(full(store)) == 1
        clock.advance(timedelta(days=2, seconds=2))
        await sweep(make(store), [])
        assert full(store) == []

    asyncio.run(play())


def test_a_key_whose_segment_ends_today_settles_anew(make, store, clock, job_key):
    """Where the old segment may be dropped before the new one has settled, the Job waits for the new one."""

    async def play():
        await sweep(make(store), [job_key(1)], due=[])
        clock.advance(timedelta(days=15, hours=11, minutes=57))
        assert await sweep(make(store), [job_key(1)]) == frozenset()
        clock.advance(SETTLE + timedelta(seconds=1))
        assert await sweep(make(store), [job_key(1)]) == {job_key(1)}
        assert len(full(store)) == 1

    asyncio.run(play())


def test_a_job_that_goes_in_time_needs_one_segment(make, store, clock, job_key):
    """Within a day of its entry a key is not written again."""

    async def play():
        await sweep(make(store), [job_key(1)], due=[])
        clock.advance(timedelta(hours=23))
        assert await sweep(make(store), [job_key(1)]) == {job_key(1)}
        assert len(full(store)) == 1

    asyncio.run(play())


def test_keys_are_written_once_and_in_full_segments(make, store, job_key):
    """45,000 keys in pages make three segments of at most 20,000; known ones are not written again."""

    async def play():
        every = [job_key(number) for number in range(45_000)]
        async with make(store).writing() as clerk:
            for at in range(0, len(every), 500):
                await clerk.enter(every[at : at + 500])
        assert sorted(len(record.data["keys"]) // 16 for record in full(store)) == [5_000, 20_000, 20_000]
        assert await sweep(make(store), every[:2000]) == frozenset()
        assert len(full(store)) == 3

    asyncio.run(play())


def test_small_segments_are_folded_and_the_old_go_after_settle(make, store, clock, job_key):
    """The merged one is written first; those that it replaces stay until every replica has it; Jobs do not wait anew."""

    async def play():
        ledger = make(store)
        for number in range(FOLD_AT):
            await sweep(ledger, [job_key(number)], due=[])
            clock.advance(60)
        assert len(full(store)) == FOLD_AT + 1
        everything = store.keys_of()
        assert len(everything) == FOLD_AT
        clock.advance(SETTLE - timedelta(seconds=90))
        every = [job_key(number) for number in range(FOLD_AT)]
        assert len(await sweep(ledger, every)) == FOLD_AT - 1
        assert len(full(store)) == FOLD_AT + 1
        clock.advance(31)
        await sweep(ledger, every)
        assert len(full(store)) == 1
        assert store.keys_of() == everything

    asyncio.run(play())


def test_a_day_that_is_over_is_folded_into_one(make, store, clock, job_key):
    """Segments of earlier days do not wait for more of their kind."""

    async def play():
        for number in range(3):
            await sweep(make(store), [job_key(number)], due=[])
        clock.advance(timedelta(days=1))
        await sweep(make(store), [])
        clock.advance(SETTLE)
        await sweep(make(store), [])
        assert [len(record.data["keys"]) for record in full(store)] == [48]

    asyncio.run(play())


def test_too_many_keys_are_forgotten_oldest_first_and_told(make, store, clock, running, job_key):
    """Over the limit the oldest segments go from memory and from the store; a metric tells how many keys."""

    async def play():
        metrics = Metrics()
        ledger = make(store, limit=100, metrics=metrics)
        for day in range(4):
            due = [job_key(day * 40 + number) for number in range(40)]
            await sweep(ledger, due)
            clock.advance(timedelta(days=1))
        assert b"jobhook_ledger_forgotten_early_total 80.0" in metrics.text()
        assert b"jobhook_ledger_keys 80.0" in metrics.text()
        assert {keys.entry(job_key(number)) for number in range(80, 160)} == store.keys_of()

    asyncio.run(play())


def test_a_full_ledger_takes_only_what_must_be_in_it(make, store, clock, job_key):
    """Jobs that stay for now are not entered at the cost of those that went."""

    async def play():
        ledger = make(store, limit=50)
        await sweep(ledger, [job_key(number) for number in range(50)])
        clock.advance(1)
        await sweep(ledger, [job_key(number) for number in range(50, 90)], due=[])
        assert len(store.keys_of()) == 50
        clock.advance(1)
        await sweep(ledger, [job_key(99)])
        assert keys.entry(job_key(99)) in store.keys_of()

    asyncio.run(play())


def test_a_key_made_by_hand_stops_nothing(make, store, clock):
    """Any annotation is some key."""

    async def play():
        odd = ["", "hello", "Z" * 64, "\ud800"]
        await sweep(make(store), odd)
        clock.advance(SETTLE + timedelta(seconds=1))
        assert await sweep(make(store), odd) == set(odd)

    asyncio.run(play())


def test_a_store_that_takes_nothing_lets_nothing_go(make, store, clock, job_key, monkeypatch):
    """No record, no release; the error reaches the sweep. Folding and dropping that fail are left for the next time."""

    async def refuse(*args, **kwargs):
        raise ClusterUnavailable("over quota")

    async def play():
        await sweep(make(store), [job_key(1)])
        clock.advance(timedelta(days=20))
        with monkeypatch.context() as patch:
            patch.setattr(store, "create", refuse)
            with pytest.raises(ClusterUnavailable):
                await sweep(make(store), [job_key(2)])
        with monkeypatch.context() as patch:
            patch.setattr(store, "delete", refuse)
            await sweep(make(store), [])
        assert len(full(store)) == 1
        await sweep(make(store), [])
        assert store.held == {}

    asyncio.run(play())


def test_a_sweep_that_breaks_off_writes_nothing_more(make, store, job_key):
    """An exception inside leaves the rest to the next sweep."""

    async def play():
        with pytest.raises(KeyError):
            async with make(store).writing() as clerk:
                await clerk.enter([job_key(1)])
                raise KeyError
        assert full(store) == []

    asyncio.run(play())
