"""Whoever lets a Job go has written all of its keys into the ledger before."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from changed import replace

from webhook import marks
from webhook.completion import completion_event
from webhook.delivery import Courier, Target
from webhook.manager import ending, retiring
from webhook.metrics import Metrics
from webhook.purge import purge
from webhook.sweep import sweep

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEY, TYPED, EVENT = "a" * 64, "b" * 64, "c" * 64


class Books:
    """Stand for a ledger and its clerk: note what is written down, and let go what is settled."""

    def __init__(self, *settled):
        self.settled, self.written = set(settled), []

    @asynccontextmanager
    async def writing(self, *, dry_run=False):
        yield self

    async def enter(self, keys):
        self.written += keys

    async def release(self, keys):
        keys = list(keys)
        self.written += keys
        return frozenset(keys) & self.settled


async def _sweep(store, books):
    compose = partial(completion_event, cluster_name="c", signature="jobhook")
    courier = Courier(store, [Target(sink=None)], compose=compose, replica="a:1", metrics=Metrics(), random=lambda: 0.0)
    periods = dict.fromkeys(("succeeded", "failed", "cancelled"), timedelta(0))
    report = await sweep(
        store,
        courier,
        retention=periods,
        budget=timedelta(seconds=30),
        metrics=Metrics(),
        ledger=books,
        now=lambda: NOW,
    )
    assert report.kept["settling"] + report.deleted == 1


async def _clean_up(store, books):
    await retiring.clean_up(store, books, owed=lambda job: False, callback=None, now=lambda: NOW)


async def _purge(store, books):
    await purge(store, "j", by="ops", remember=lambda keys: _noted(books, keys))


async def _delete(store, books):
    await ending.delete(store, books, "j")


async def _noted(books, keys):
    await books.release(keys)


WAITING = pytest.mark.parametrize("leave", [_sweep, _clean_up])
"""What lets a Job stay until its keys are settled; the others are orders, and only write them down."""


def _job(store, make, *, typed=True):
    own = {marks.KEY: KEY, marks.ANCESTOR_DELETION_TIME: "0"}
    own |= {marks.TYPED_KEY: TYPED, marks.EVENT_KEY: EVENT} if typed else {}
    store.put(make.finished("j", labels={marks.COMPLETION: marks.DELIVERED}, annotations=own))


@pytest.mark.parametrize("leave", [_sweep, _clean_up, _purge, _delete])
def test_all_keys_are_written_down(store, make, leave):
    """The Job's, the event's under its type, and the event's under any."""
    _job(store, make)
    books = Books(KEY, TYPED, EVENT)
    asyncio.run(leave(store, books))
    assert set(books.written) == {KEY, TYPED, EVENT}
    assert store.deleted == ["j"]


@WAITING
@pytest.mark.parametrize("settled", [(), (KEY,), (KEY, EVENT), (KEY, TYPED), (TYPED, EVENT)])
def test_a_job_stays_until_all_are_settled(store, make, leave, settled):
    """Some of them are not enough, whichever they are."""
    _job(store, make)
    asyncio.run(leave(store, Books(*settled)))
    assert store.deleted == []


@WAITING
def test_a_job_without_a_typed_key_needs_its_own_alone(store, make, leave):
    """As all did before, and those do whose body tells their type."""
    _job(store, make, typed=False)
    asyncio.run(leave(store, Books(KEY)))
    assert store.deleted == ["j"]


def test_a_job_without_our_key_has_none(make):
    """A typed key alone is somebody's own writing."""
    own = {marks.TYPED_KEY: TYPED, marks.EVENT_KEY: EVENT}
    job = make.finished("j", annotations=own)
    assert marks.remembered_keys(job.annotations) == ("0" * 64, TYPED, EVENT)
    assert marks.remembered_keys(replace(job, annotations=own).annotations) == ()
