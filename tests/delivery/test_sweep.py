"""Sweeps: retention, hold, what is never touched, budgets, reports."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from changed import replace
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from webhook import marks
from webhook.completion import completion_event
from webhook.delivery import Courier, Target
from webhook.errors import ClusterUnavailable
from webhook.metrics import Metrics
from webhook.sweep import Kept, sweep, why_kept

DEFAULTS = {"succeeded": timedelta(hours=1), "failed": timedelta(days=7), "cancelled": timedelta(days=1)}
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DONE = {marks.COMPLETION: marks.DELIVERED}


class ListSink:
    """A sink that takes all."""

    name = "bus"

    def __init__(self):
        self.taken = []

    def wants(self, event):
        return True

    async def send(self, event):
        self.taken.append(event.id)


def swept(store, sink=None, **more):
    """Sweep once, at NOW."""
    return asyncio.run(sweeping(store, sink, **more))


async def sweeping(store, sink=None, *, budget=30.0, metrics=None, **more):
    courier = Courier(
        store,
        [Target(sink=sink or ListSink())],
        compose=partial(completion_event, cluster_name="c", signature="jobhook"),
        replica="a:1",
        metrics=Metrics(),
        random=lambda: 0.0,
    )
    more = {"retention": DEFAULTS, "now": lambda: NOW, **more}
    return await sweep(store, courier, budget=timedelta(seconds=budget), metrics=metrics or Metrics(), **more)


def old(make, name, *, age=timedelta(days=30), **fields):
    """A finished Job whose end is so long ago."""
    labels = {**DONE, **fields.pop("labels", {})}
    return make.finished(name, at=NOW - age, labels=labels, **fields)


@pytest.mark.parametrize(
    ("fields", "age", "kept"),
    [
        ({}, timedelta(minutes=59), Kept.RETENTION),
        ({}, timedelta(hours=1), None),
        ({"succeeded": False}, timedelta(days=6), Kept.RETENTION),
        ({"succeeded": False}, timedelta(days=7), None),
        ({"succeeded": False, "cancelled": True}, timedelta(hours=23), Kept.RETENTION),
        ({"succeeded": False, "cancelled": True}, timedelta(days=1), None),
        ({"cancelled": True}, timedelta(hours=1), None),
        ({"labels": {marks.COMPLETION: marks.PENDING}}, timedelta(days=99), Kept.PENDING),
        ({"labels": {marks.COMPLETION: "nonsense"}}, timedelta(days=99), Kept.PENDING),
        ({"labels": {marks.COMPLETION: marks.FAILED}}, timedelta(days=99), None),
        ({"labels": {marks.COMPLETION: marks.DEAD}}, timedelta(days=99), None),
        ({"annotations": {marks.HOLD: "true"}}, timedelta(days=99), Kept.HELD),
        ({"annotations": {marks.HOLD: "True "}}, timedelta(days=99), Kept.HELD),
        ({"annotations": {marks.HOLD: "until I say so"}}, timedelta(days=99), Kept.HELD),
        ({"annotations": {marks.HOLD: "2026-06-01T00:00:01Z"}}, timedelta(days=99), Kept.HELD),
        ({"annotations": {marks.HOLD: "2026-06-01T00:00:00Z"}}, timedelta(days=99), None),
        ({"annotations": {marks.HOLD: "false"}}, timedelta(days=99), None),
        ({"annotations": {marks.HOLD: ""}}, timedelta(days=99), None),
        ({"annotations": {marks.RETENTION: '{"succeeded": 60}'}}, timedelta(seconds=59), Kept.RETENTION),
        ({"annotations": {marks.RETENTION: '{"succeeded": 60}'}}, timedelta(seconds=60), None),
        ({"annotations": {marks.RETENTION: '{"succeeded": 0}'}}, timedelta(0), None),
        ({"annotations": {marks.RETENTION: '{"succeeded": 1e300}'}}, timedelta(days=9999), Kept.RETENTION),
        ({"annotations": {marks.RETENTION: '{"failed": 0}'}}, timedelta(minutes=59), Kept.RETENTION),
        ({"annotations": {marks.RETENTION: '{"succeeded": -1}'}}, timedelta(minutes=59), Kept.RETENTION),
        ({"annotations": {marks.RETENTION: '{"succeeded": true}'}}, timedelta(minutes=59), Kept.RETENTION),
        ({"annotations": {marks.RETENTION: "[]"}}, timedelta(minutes=59), Kept.RETENTION),
        ({"annotations": {marks.RETENTION: "1h"}}, timedelta(hours=1), None),
    ],
)
def test_why_a_job_stays(make, fields, age, kept):
    """Each row of the rules, at its very edge."""
    assert why_kept(old(make, "j", age=age, **fields), retention=DEFAULTS, now=NOW) == kept


def test_a_job_without_our_marks_is_never_judged(make):
    """Our label alone makes no Job ours: the ancestor's and hand-made ones stay."""
    job = old(make, "j")
    assert why_kept(replace(job, annotations={}), retention=DEFAULTS, now=NOW) is Kept.FOREIGN


durations = st.timedeltas(timedelta(0), timedelta(days=4000))


@given(own=st.none() | st.integers(0, 10**9), default=durations, age=durations, more=durations)
def test_a_job_that_may_go_may_go_for_ever(make, own, default, age, more):
    """Retention is a threshold: what goes at a time goes at every later one, and it is the shorter life that ends first."""
    annotations = {} if own is None else {marks.RETENTION: json.dumps({"succeeded": own})}
    job = old(make, "j", age=age, annotations=annotations)
    retention = {**DEFAULTS, "succeeded": default}
    limit = default if own is None else timedelta(seconds=own)
    assert (why_kept(job, retention=retention, now=NOW) is None) == (age >= limit)
    if why_kept(job, retention=retention, now=NOW) is None:
        assert why_kept(job, retention=retention, now=NOW + more) is None


def test_delivers_first_and_then_deletes(store, make):
    """What is outstanding goes out, and may be deleted in the same sweep."""
    store.put(old(make, "late", labels={marks.COMPLETION: marks.PENDING}))
    store.put(old(make, "young", age=timedelta(minutes=1), labels={marks.COMPLETION: marks.PENDING}))
    sink, metrics = ListSink(), Metrics()
    report = swept(store, sink, metrics=metrics)
    assert sorted(sink.taken) == ["uid-late-finished", "uid-young-finished"]
    assert (report.delivered, report.deleted, report.kept["retention"]) == (2, 1, 1)
    assert store.deleted == ["late"]
    assert 'jobhook_swept_total{result="deleted"} 1.0' in metrics.text().decode()


def test_reports_by_reason(store, make):
    """Every Job is in the report once, and the report is JSON."""
    for number in range(3):
        store.put(old(make, f"old{number}"))
    store.put(old(make, "young", age=timedelta(minutes=1)))
    store.put(old(make, "held", annotations={marks.HOLD: "true"}))
    store.put(replace(old(make, "running"), end=None))
    store.put(replace(old(make, "foreign"), annotations={}))
    report = swept(store).as_json()
    assert json.loads(json.dumps(report)) == report
    assert report["kept"] == {
        "foreign": 1,
        "running": 1,
        "pending": 0,
        "held": 1,
        "retention": 1,
        "settling": 0,
        "changed": 0,
    }
    assert (report["deleted"], report["errors"], report["more"], report["dry_run"]) == (3, 0, False, False)


def test_a_dry_run_writes_nothing(store, make):
    """It says what would go, sends nothing and changes nothing."""
    store.put(old(make, "old"))
    store.put(old(make, "pending", labels={marks.COMPLETION: marks.PENDING}))
    sink = ListSink()
    report = swept(store, sink, dry_run=True)
    assert (report.deleted, report.kept["pending"], report.dry_run) == (1, 1, True)
    assert {call[0] for call in store.calls} == {"list"}
    assert sink.taken == []


def test_strangers_are_untouched_on_every_page(store, make):
    """Among thousands of others' Jobs only ours go, over more than three pages."""
    for number in range(2000):
        stranger = old(make, f"s{number:04}")
        near = {**stranger.labels, marks.MANAGED_BY: "jobhook2"}
        store.put(replace(stranger, labels=near))
    for number in range(1700):
        store.put(old(make, f"j{number:04}"))
        if number % 5 == 0:
            store.put(replace(old(make, f"h{number:04}"), annotations={}))
    before = {name: job for name, job in store.held.items() if name[0] in "sh"}
    report = swept(store)
    assert report.deleted == 1700
    assert report.kept["foreign"] == 340
    assert store.held == before


def test_a_job_that_changed_meanwhile_is_left(store, make):
    """A DELETE holds for the Job as it was read: changed since or made anew under its name, it stays."""
    for name in ("changed", "remade", "vanished"):
        store.put(old(make, name))
    listed = store.list

    async def listing(labels=None, **more):
        page = await listed(labels, **more)
        if labels is None:
            store.put(store.held["changed"])
            store.put(replace(store.held["remade"], uid="another"))
            store.remove("vanished")
        return page

    store.list = listing
    report = swept(store)
    assert (report.kept["changed"], report.deleted) == (2, 1)
    assert set(store.held) == {"changed", "remade"}


def test_deletes_five_at_once(store, make):
    """Never more, and as many as that."""
    for number in range(40):
        store.put(old(make, f"j{number}"))
    at_once, most = [0], [0]
    delete = store.delete

    async def deleting(name, **more):
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        await asyncio.sleep(0.001)
        await delete(name, **more)
        at_once[0] -= 1

    store.delete = deleting
    assert swept(store).deleted == 40
    assert most == [5]


def test_the_next_page_is_asked_for_while_one_is_deleted(store, make):
    """A page's Jobs go while the next page is on its way, and never more than one page ahead."""
    for number in range(1600):
        store.put(old(make, f"j{number:04}"))
    assert swept(store).deleted == 1600
    lists = [at for at, (kind, _) in enumerate(store.calls) if kind == "list"][1:]  # the first is of the outstanding
    gone = [sum(kind == "delete" for kind, _ in store.calls[:at]) for at in lists]
    assert len(gone) == 4
    assert gone[0] == 0
    assert all(500 * ahead <= count < 500 * ahead + 10 for ahead, count in enumerate(gone[1:]))


def test_a_sweep_that_ends_early_leaves_no_list_behind(store, make):
    """The page that was asked for ahead is given up with the sweep, also where it would have failed."""
    for number in range(1100):
        store.put(old(make, f"j{number:04}"))
    listed, left = store.list, []

    async def listing(labels=None, *, after=None, **more):
        if after is not None:
            left.append(after)
            try:
                await asyncio.sleep(3600)
            finally:
                left.remove(after)
        return await listed(labels, after=after, **more)

    async def scenario():
        ticks = iter(range(10**6))
        report = await sweeping(store, budget=100, clock=lambda: next(ticks))
        assert report.more
        assert 0 < report.deleted < 500
        assert left == []

    store.list = listing
    asyncio.run(scenario())


def test_the_budget_ends_it_and_says_so(store, make):
    """Nothing is begun after the budget; the next sweep goes on."""
    for number in range(1200):
        store.put(old(make, f"j{number:04}"))
    ticks = iter(range(10**6))
    report = swept(store, budget=300, clock=lambda: next(ticks))
    assert report.more
    assert 0 < report.deleted < 1200
    again = swept(store)
    assert not again.more
    assert report.deleted + again.deleted == 1200
    assert store.held == {}


def test_a_delete_that_fails_is_counted_and_the_rest_goes_on(store, make):
    """One Job's trouble is not another's."""
    for number in range(10):
        store.put(old(make, f"j{number}"))
    delete = store.delete

    async def deleting(name, **more):
        if name == "j3":
            raise ClusterUnavailable("throttled")
        await delete(name, **more)

    store.delete = deleting
    report = swept(store)
    assert (report.deleted, report.errors) == (9, 1)


def test_a_store_that_is_away_is_told(store, make):
    """A sweep that could not even list raises; one that broke off half-way reports what it did, and that there is more."""
    for number in range(600):
        store.put(old(make, f"j{number:04}"))
    for dry_run in (False, True):
        with pytest.raises(ClusterUnavailable):
            swept(_Away(), dry_run=dry_run)
    listed = store.list

    async def listing(labels=None, *, after=None, **more):
        if after is not None:
            raise ClusterUnavailable("away")
        return await listed(labels, after=after, **more)

    store.list = listing
    report = swept(store)
    assert (report.deleted, report.errors, report.more) == (500, 1, True)


class _Away:
    """A store that does not answer."""

    async def list(self, labels=None, **more):
        raise ClusterUnavailable("away")


def test_logs_a_line_a_page(store, make):
    """How far it is after each page, and no line a Job: a sweep may delete thousands."""
    for number in range(600):
        store.put(old(make, f"job-{number:04}"))
    with capture_logs() as lines:
        swept(store)
    told = [line for line in lines if line["log_level"] == "info" and line["event"] != "sweep.done"]
    assert [(line["event"], line["jobs"], line["deleted"]) for line in told] == [
        ("sweep.page", 500, 500),
        ("sweep.page", 100, 600),
    ]
