"""Why a Job is in its state, by whoever says most."""

from datetime import UTC, datetime

import pytest
from changed import replace

from webhook import marks
from webhook.completion import freeze
from webhook.describing import Why, why
from webhook.job import Container, End, Job, Pod, WarningEvent

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = Job(name="j", namespace="n", uid="u", resource_version="1", labels={}, annotations={}, created=NOW)
CREATE = WarningEvent(about="Job/j", reason="FailedCreate", message="exceeded quota", at=NOW)


def _pod(*containers, name="p", phase="Pending", **more):
    return Pod(name=name, phase=phase, created=NOW, containers=containers, **more)


def _waiting(reason, message=""):
    return Container(name="main", reason=reason, message=message)


ENDED = Container(name="main", state="terminated", reason="OOMKilled", exit_code=137, finished=NOW)
RUNNING = Container(name="main", state="running", started=NOW)


@pytest.mark.parametrize(
    ("pods", "warnings", "expected"),
    [
        ([], [], Why()),
        ([], [CREATE], Why(reason="FailedCreate", message="exceeded quota")),
        ([_pod(_waiting("ContainerCreating"))], [], Why()),
        (
            [_pod(_waiting("ContainerCreating"))],
            [replace(CREATE, reason="FailedMount", message="no such volume")],
            Why(reason="FailedMount", message="no such volume"),
        ),
        (
            [_pod(_waiting("ImagePullBackOff", "back-off"))],
            [CREATE],
            Why(reason="ImagePullBackOff", message="back-off", pod="p", container="main"),
        ),
        (
            [_pod(_waiting(""), reason="Unschedulable", message="no node")],
            [],
            Why(reason="Unschedulable", message="no node", pod="p"),
        ),
        ([_pod(RUNNING, phase="Running")], [CREATE], Why()),
        (
            [_pod(ENDED, phase="Failed"), _pod(RUNNING, name="q", phase="Running")],
            [],
            Why(reason="OOMKilled", pod="p", container="main", exit_code=137),
        ),
        (
            [_pod(ENDED, phase="Failed"), _pod(_waiting("ErrImagePull", "gone"), name="q")],
            [],
            Why(reason="ErrImagePull", message="gone", pod="q", container="main"),
        ),
        ([_pod(phase="Failed", reason="Evicted", message="disk")], [], Why(reason="Evicted", message="disk", pod="p")),
    ],
)
def test_a_job_that_has_not_ended_says_what_hinders_it(pods, warnings, expected):
    """What waits, then the scheduler, then warnings where nothing has started, then the last failed try."""
    assert why(JOB, pods, warnings, None) == expected


def test_a_job_that_is_being_cancelled_says_by_whom():
    """Before it has ended."""
    order = marks.Cancelled(by="ops", reason="GroupFull").dump()
    job = replace(JOB, annotations={marks.CANCELLED: order})
    assert why(job, [], [], None) == Why(reason="GroupFull", message="cancelled by ops: GroupFull")


def test_a_job_that_waits_says_so():
    """Suspended, whoever did it."""
    assert why(replace(JOB, suspended=True), [], [CREATE], None).reason == "Suspended"


def test_a_finished_job_says_what_its_completion_says():
    """The same words, so that nobody has to compare."""
    end = End(succeeded=False, reason="BackoffLimitExceeded", message="", at=NOW)
    job = replace(JOB, end=end, failed=1)
    pods = [_pod(ENDED, phase="Failed")]
    frozen = freeze(job, pods)
    found = why(job, pods, [], frozen)
    assert (found.reason, found.exit_code) == (frozen.reason, frozen.exit_code) == ("OOMKilled", 137)
