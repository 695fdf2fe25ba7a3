"""The Job controller's rules, on values alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.clusters.local.decide import Backoff, decide
from webhook.clusters.local.manifest import JobSpec
from webhook.clusters.local.status import ranges
from webhook.clusters.local.tally import count
from webhook.clusters.local.tries import Try
from webhook.json import convert

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(hours=1)


def spec(**fields):
    return convert({"template": {"spec": {"restartPolicy": "Never"}}, **fields}, JobSpec)


def over(*, index=None, succeeded=False, at=0, code=1, conditions=()):
    exits = () if succeeded else (("main", code),)
    finished = START + timedelta(seconds=at)
    return Try(
        name="p", index=index, finished=finished, succeeded=succeeded, exits=exits, conditions=frozenset(conditions)
    )


def running(index=None, restarts=0):
    return Try(name="p", index=index, restarts=restarts)


def settle(job, *tries, now=NOW, room=1000):
    return decide(job, tries, started=START, now=now, backoff=Backoff(), room=room)


@pytest.mark.parametrize(
    ("fields", "tries", "start"),
    [
        ({}, [], 1),
        ({}, [running()], 0),
        ({"parallelism": 3}, [], 3),
        ({"parallelism": 3, "completions": 2}, [], 2),
        ({"parallelism": 3, "completions": 9}, [running()], 2),
        ({"parallelism": 3, "completions": 3}, [over(succeeded=True), running()], 1),
        ({"parallelism": 3}, [over(succeeded=True), running()], 0),
        ({"parallelism": 0, "completions": 3}, [], 0),
        ({}, [over()], 1),
    ],
)
def test_as_many_start_as_are_wanted(fields, tries, start):
    """Parallelism, what is left to complete, and what runs already; a work queue starts none after a success."""
    decision = settle(spec(**fields), *tries)
    assert (decision.verdict, decision.start) == (None, (None,) * start)


@pytest.mark.parametrize(
    ("fields", "tries", "reason"),
    [
        ({}, [over(succeeded=True)], "CompletionsReached"),
        ({"completions": 0}, [], "CompletionsReached"),
        ({"completions": 2}, [over(succeeded=True)], None),
        ({"parallelism": 2}, [over(succeeded=True), running()], None),
        ({"parallelism": 2}, [over(succeeded=True), over()], "CompletionsReached"),
        ({"backoffLimit": 0}, [over()], "BackoffLimitExceeded"),
        ({"backoffLimit": 1}, [over()], None),
        ({"backoffLimit": 1}, [over(), over()], "BackoffLimitExceeded"),
        ({}, [over()] * 6, None),
        ({}, [over()] * 7, "BackoffLimitExceeded"),
        ({"activeDeadlineSeconds": 3600}, [running()], "DeadlineExceeded"),
        ({"activeDeadlineSeconds": 3601}, [running()], None),
        ({"activeDeadlineSeconds": 0}, [], "DeadlineExceeded"),
        ({"activeDeadlineSeconds": 0}, [over(succeeded=True)], "CompletionsReached"),
    ],
)
def test_a_job_ends_by_its_limits(fields, tries, reason):
    """Completions, backoffLimit (6 by default) and the deadline, in the Job controller's order."""
    verdict = settle(spec(**fields), *tries).verdict
    assert (verdict and verdict.reason) == reason


def test_restarts_count_towards_the_limit():
    """With OnFailure the restarts of running pods are the failures."""
    job = spec(backoffLimit=3, template={"spec": {"restartPolicy": "OnFailure"}})
    assert settle(job, running(restarts=2)).verdict is None
    verdict = settle(job, running(restarts=3)).verdict
    assert verdict is not None
    assert verdict.reason == "BackoffLimitExceeded"


def test_failures_back_off():
    """10 s, doubled by each failure since the last success, up to 6 minutes; the deadline wakes earlier."""
    job = spec(backoffLimit=99, completions=9)
    now = START + timedelta(seconds=100)
    assert settle(job, over(at=95), now=now).again == START + timedelta(seconds=105)
    assert settle(job, over(at=50), over(at=95), now=now).again == START + timedelta(seconds=115)
    assert settle(job, over(at=50), over(at=60, succeeded=True), over(at=95), now=now).again == START + timedelta(
        seconds=105
    )
    assert settle(job, *[over(at=95)] * 50, now=now).again == START + timedelta(seconds=95 + 360)
    assert settle(job, over(at=95), now=now).start == ()
    deadline = spec(backoffLimit=99, activeDeadlineSeconds=101)
    assert settle(deadline, over(at=95), now=now).again == START + timedelta(seconds=101)


def test_indexes_each_succeed_once():
    """Every index is started until it has succeeded, the lowest first."""
    job = spec(completionMode="Indexed", completions=5, parallelism=2)
    assert settle(job).start == (0, 1)
    assert settle(job, over(index=0, succeeded=True), running(index=2)).start == (1,)
    assert settle(job, over(index=0)).start == (0, 1)
    done = [over(index=index, succeeded=True) for index in (0, 1, 2, 3)]
    assert settle(job, *done, done[0]).verdict is None
    verdict = settle(job, *done, over(index=4, succeeded=True)).verdict
    assert verdict is not None
    assert verdict.succeeded


def test_indexes_can_fail_alone():
    """With backoffLimitPerIndex the others go on, and the Job fails at its end."""
    job = spec(completionMode="Indexed", completions=3, parallelism=3, backoffLimitPerIndex=1)
    assert settle(job, over(index=0), over(index=0)).start == (1, 2)
    assert settle(job, over(index=0)).start == (0, 1, 2)
    rest = [over(index=1, succeeded=True), over(index=2, succeeded=True)]
    verdict = settle(job, over(index=0), over(index=0), *rest).verdict
    assert verdict is not None
    assert (verdict.succeeded, verdict.reason) == (False, "FailedIndexes")
    limited = spec(completionMode="Indexed", completions=9, parallelism=3, backoffLimitPerIndex=0, maxFailedIndexes=1)
    assert settle(limited, over(index=0)).verdict is None
    verdict = settle(limited, over(index=0), over(index=1)).verdict
    assert verdict is not None
    assert verdict.reason == "MaxFailedIndexesExceeded"


def test_an_index_backs_off_alone():
    """A failed index waits, and the others start meanwhile."""
    job = spec(completionMode="Indexed", completions=2, parallelism=2, backoffLimitPerIndex=5)
    decision = settle(job, over(index=0, at=95), now=START + timedelta(seconds=100))
    assert (decision.start, decision.again) == ((1,), START + timedelta(seconds=105))


@pytest.mark.parametrize(
    ("rule", "attempt", "reason", "failed"),
    [
        ({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}, {"code": 42}, "PodFailurePolicy", 1),
        ({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}, {"code": 43}, None, 1),
        (
            {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [42]}},
            {"code": 43},
            "PodFailurePolicy",
            1,
        ),
        ({"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}, {}, None, 0),
        ({"action": "Count", "onExitCodes": {"operator": "In", "values": [1]}}, {}, None, 1),
        (
            {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1], "containerName": "other"}},
            {},
            None,
            1,
        ),
        (
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
            {"conditions": ["DisruptionTarget"]},
            None,
            0,
        ),
        ({"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}, {}, None, 1),
    ],
)
def test_a_failure_policy_decides_by_exit_code(rule, attempt, reason, failed):
    """The first rule that matches: fail the Job, do not count, or count."""
    job = spec(backoffLimit=5, podFailurePolicy={"rules": [rule]})
    tries = [over(**attempt)]
    verdict = settle(job, *tries).verdict
    assert (verdict and verdict.reason) == reason
    assert count(job, tries).failed == failed


def test_fewer_wanted_means_some_too_many():
    """A smaller parallelism says how many are to end."""
    assert settle(spec(parallelism=1, completions=5), running(), running(), running()).surplus == 2


def test_no_more_start_than_there_is_room_for():
    """A great parallelism is served in parts."""
    job = spec(completionMode="Indexed", completions=50_000, parallelism=50_000)
    assert settle(job, room=3).start == (0, 1, 2)


@settings(deadline=None)
@given(st.sets(st.integers(0, 40)))
def test_ranges_can_be_read_again(indexes):
    """The compressed form holds the same indexes."""
    read = set()
    for part in filter(None, ranges(indexes).split(",")):
        first, _, last = part.partition("-")
        read |= set(range(int(first), int(last or first) + 1))
    assert read == indexes


@settings(deadline=None)
@given(
    st.lists(st.builds(over, index=st.integers(0, 3), succeeded=st.booleans(), at=st.integers(0, 3000)), max_size=12),
    st.integers(0, 5),
    st.integers(1, 4),
)
def test_a_job_never_starts_what_is_done(tries, limit, parallelism):
    """Whatever has happened: no index starts that has succeeded, and never more than parallelism."""
    job = spec(completionMode="Indexed", completions=4, parallelism=parallelism, backoffLimit=limit)
    decision = settle(job, *tries)
    done = {attempt.index for attempt in tries if attempt.succeeded}
    assert not done & set(decision.start)
    assert len(decision.start) == len(set(decision.start)) <= parallelism
    assert (decision.verdict is not None) == (len(done) == 4 or count(job, tries).failed > limit)
