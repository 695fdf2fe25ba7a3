"""No process outlives the receiver, and no Job is forgotten by it: the real thing, killed."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import timedelta

import pytest

from webhook.errors import ConfigurationError, NotFound
from webhook.job import State

RECEIVER = """
import asyncio, json, signal, sys
from datetime import timedelta
from pathlib import Path
from webhook.clusters.local import Backoff, Limits, LocalCluster

async def main(folder, manifests):
    limits = Limits(backoff=Backoff(base=timedelta(milliseconds=20)))
    async with LocalCluster(Path(folder), limits=limits) as cluster:
        for manifest in manifests:
            await cluster.jobs.create(manifest)
        print("ready", flush=True)
        await asyncio.Event().wait()

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell has put into the background
asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
"""

# Whatever a command may leave behind: a child, one in a session of its own, and a daemon by two forks that ignores
# SIGTERM and has closed everything.
LEAVES_ALL_SORTS = """
sleep 301 &
setsid sleep 302 &
%s -c '
import os, signal, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.closerange(0, 64)
time.sleep(303)
'
touch up
%s
"""


def script(then):
    return LEAVES_ALL_SORTS % (sys.executable, then)


@contextlib.contextmanager
def receiver(folder, *manifests):
    """A process of its own that has the cluster open, and has created these Jobs."""
    process = subprocess.Popen(
        [sys.executable, "-c", RECEIVER, str(folder), json.dumps(manifests)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_until(met, what, seconds=20):
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@pytest.fixture
def mark():
    """A variable that only one test's processes have."""
    return f"MARK={uuid.uuid4().hex}"


def marked_container(mark):
    name, value = mark.split("=")
    return {"env": [{"name": name, "value": value}]}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_receiver_leaves_no_process(machine, marked, mark, number):
    """Whatever ends the receiver, kill -9 too: children, grandchildren and daemons of its Jobs are gone soon after."""
    with receiver(machine.folder, machine.job("a", script("sleep 300"), container=marked_container(mark))) as process:
        wait_until(lambda: len(marked(mark)) >= 5, "the command and all that it has begun run")
        process.send_signal(number)
        process.wait()
        wait_until(lambda: not marked(mark), "no process is left", seconds=10)


@pytest.mark.parametrize("end", ["exit 0", "kill -9 $$$$"])
def test_what_a_command_leaves_behind_ends_with_it(machine, marked, mark, end):
    """As in a container: the end of the command is the end of all, and its code is the one that counts."""

    async def scenario(cluster):
        manifest = machine.job("a", script(end), container=marked_container(mark))
        _, (pod,) = await machine.run(cluster, manifest)
        assert pod.containers[0].exit_code == (0 if end == "exit 0" else 137)
        assert not marked(mark)

    machine.play(scenario)


@pytest.mark.parametrize("how", ["deleted", "cancelled", "suspended"])
def test_ending_a_job_ends_all_its_processes(machine, marked, mark, how):
    """Also those that do not listen to SIGTERM, after the grace."""

    async def scenario(cluster):
        pod = {"terminationGracePeriodSeconds": 1}
        job = await cluster.jobs.create(
            machine.job("a", script("sleep 300"), container=marked_container(mark), pod=pod)
        )
        await machine.wait_for(lambda: len(marked(mark)) >= 5)
        folder = machine.folder / "jobs" / job.uid
        assert folder.exists()
        if how == "deleted":
            await cluster.jobs.delete("a", uid=job.uid)
            await machine.wait_for(lambda: not folder.exists(), "the folder is removed")
        else:
            spec = {"activeDeadlineSeconds": 0} if how == "cancelled" else {"suspend": True}
            await cluster.jobs.patch("a", {"spec": spec}, resource_version=None)
        await machine.wait_for(lambda: not marked(mark), "no process is left")

    machine.play(scenario)


def test_a_graceful_stop_is_quick_and_whole(machine, marked, mark):
    """Leaving the cluster ends all processes within some seconds, though one does not listen to SIGTERM."""

    async def scenario(cluster):
        await cluster.jobs.create(machine.job("a", script("sleep 300"), container=marked_container(mark)))
        await machine.wait_for(lambda: len(marked(mark)) >= 5)
        return time.monotonic()

    began = machine.play(scenario, leaving=timedelta(seconds=1))
    assert time.monotonic() - began < 5
    assert not marked(mark)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_that_was_cut_off_is_tried_again(machine, number):
    """The try counts as failed, says why, and the Job is run again by its backoffLimit."""
    flag = machine.folder / "flag"
    manifest = machine.job("a", f"touch up; test -e {flag} || sleep 300", backoffLimit=1)
    with receiver(machine.folder, manifest) as process:
        wait_until(lambda: list(machine.folder.glob("jobs/*/*/work/up")), "the Job runs")
        process.send_signal(number)
        process.wait()
    flag.touch()

    async def scenario(cluster):
        job = await machine.ended(cluster, "a")
        assert (job.state, job.failed, job.succeeded) == (State.SUCCEEDED, 1, 1)
        lost, again = await cluster.jobs.pods("a")
        assert (lost.phase, lost.reason) == ("Failed", "Lost")
        assert (lost.containers[0].exit_code, lost.containers[0].reason) == (137, "ContainerStatusUnknown")
        assert again.phase == "Succeeded"
        assert "Lost" in [warning.reason for warning in await cluster.jobs.warnings("a")]

    machine.play(scenario)


def test_a_job_that_was_cut_off_fails_at_its_limit(machine):
    """With backoffLimit 0 a try that was cut off was the last."""
    with receiver(machine.folder, machine.job("a", "touch up; sleep 300")) as process:
        wait_until(lambda: list(machine.folder.glob("jobs/*/*/work/up")), "the Job runs")
        process.kill()
        process.wait()

    async def scenario(cluster):
        job = await machine.ended(cluster, "a")
        assert (job.end.reason, job.failed) == ("BackoffLimitExceeded", 1)

    machine.play(scenario)


def test_a_disruption_need_not_count(machine):
    """As on Kubernetes, a podFailurePolicy can ignore pods that were disrupted."""
    flag = machine.folder / "flag"
    rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    manifest = machine.job("a", f"touch up; test -e {flag} || sleep 300", podFailurePolicy={"rules": [rule]})
    with receiver(machine.folder, manifest) as process:
        wait_until(lambda: list(machine.folder.glob("jobs/*/*/work/up")), "the Job runs")
        process.kill()
        process.wait()
    flag.touch()

    async def scenario(cluster):
        job = await machine.ended(cluster, "a")
        assert (job.state, job.failed) == (State.SUCCEEDED, 0)

    machine.play(scenario)


def test_everything_is_there_after_a_restart(machine):
    """Jobs, their ends, their pods and logs, suspended ones too; and what waited for a turn is run."""
    finished = machine.job("done", "echo kept; exit 3")
    waits = machine.job("waits", suspend=True)

    async def before(cluster):
        job, (pod,) = await machine.run(cluster, finished)
        await cluster.jobs.create(waits)
        return job, pod

    async def after(cluster):
        assert await cluster.jobs.read("done") == job
        assert list(await cluster.jobs.pods("done")) == [pod]
        assert await machine.log(cluster, pod.name) == "kept\n"
        assert (await cluster.jobs.read("waits")).state is State.QUEUED
        new, _ = await machine.run(cluster, machine.job("new"))
        assert int(new.resource_version) > int(job.resource_version)

    job, pod = machine.play(before)
    machine.play(after)


def test_a_deadline_goes_on_over_a_restart(machine):
    """It counts from the Job's start, not from the receiver's."""
    with receiver(
        machine.folder, machine.job("a", "touch up; sleep 300", activeDeadlineSeconds=1, backoffLimit=9)
    ) as process:
        wait_until(lambda: list(machine.folder.glob("jobs/*/*/work/up")), "the Job runs")
        process.kill()
        process.wait()
    time.sleep(1)

    async def scenario(cluster):
        job = await machine.ended(cluster, "a")
        assert job.end.reason == "DeadlineExceeded"

    machine.play(scenario)


def test_a_created_job_survives_kill_9(machine):
    """What `create` has answered is there after a crash right behind it."""
    manifests = [machine.job(f"a{number}", suspend=True) for number in range(20)]
    with receiver(machine.folder, *manifests) as process:
        process.kill()
        process.wait()

    async def scenario(cluster):
        assert len((await cluster.jobs.list()).jobs) == 20

    machine.play(scenario)


def test_folders_of_deleted_jobs_are_swept_at_the_start(machine):
    """A crash between a deletion and its folder's removal leaves nothing for ever."""
    stray = machine.folder / "jobs" / str(uuid.uuid4()) / "pod"
    stray.mkdir(parents=True)

    async def scenario(cluster):
        assert not stray.parent.exists()

    machine.play(scenario)


def test_one_folder_serves_one_process(machine):
    """A second one is told which has it; when that ends, even by kill -9, the folder is free."""

    async def nothing(cluster):
        await cluster.jobs.ping()

    with receiver(machine.folder) as process:
        with pytest.raises(ConfigurationError, match=rf"another jobhook \(process {process.pid}\) uses this folder"):
            machine.play(nothing)
        process.kill()
        process.wait()
        machine.play(nothing)


def test_two_in_one_process_are_two(machine):
    """The lock holds within a process too."""

    async def scenario(cluster):
        with pytest.raises(ConfigurationError, match="another jobhook"):
            async with machine.open():
                pass

    machine.play(scenario)


def test_a_request_that_was_given_up_is_carried_out(machine):
    """A caller that leaves between the commit and its answer does not leave a Job that nobody runs."""

    async def scenario(cluster):
        create = asyncio.create_task(cluster.jobs.create(machine.job("a")))
        await asyncio.sleep(0)
        create.cancel()
        await asyncio.gather(create, return_exceptions=True)
        assert create.cancelled()
        job = await machine.ended(cluster, "a")
        assert job.state is State.SUCCEEDED

    machine.play(scenario)


def test_processes_have_no_descriptors_of_ours(machine):
    """A container has its three, and neither the store's nor the lock's."""

    async def scenario(cluster):
        _, (pod,) = await machine.run(cluster, machine.job("a", "ls -l /proc/$$$$/fd"))
        log = await machine.log(cluster, pod.name)
        assert "jobhook.sqlite3" not in log
        assert str(machine.folder / "lock") not in log

    if not os.path.exists("/proc/self/fd"):  # noqa: PTH110
        pytest.skip("needs /proc; run this on Linux")
    machine.play(scenario)


def test_a_deleted_job_is_forgotten_with_its_pods(machine):
    """Neither its pods nor their logs can be asked for."""

    async def scenario(cluster):
        job, (pod,) = await machine.run(cluster, machine.job("a", "echo x"))
        await cluster.jobs.delete("a", uid=job.uid)
        with pytest.raises(NotFound):
            await machine.log(cluster, pod.name)
        await machine.wait_for(lambda: not (machine.folder / "jobs" / job.uid).exists())
        again, _ = await machine.run(cluster, machine.job("a"))
        assert again.uid != job.uid

    machine.play(scenario)


@pytest.mark.parametrize("command", ["yes", "yes x | cat", "cat /dev/zero"])
def test_a_flood_of_output_can_be_stopped(machine, command):
    """A command that never stops to write hears its end all the same, and fills no more than its limit."""

    async def scenario(cluster):
        job, (pod,) = await machine.run(cluster, machine.job("a", command, activeDeadlineSeconds=1))
        assert job.end.reason == "DeadlineExceeded"
        path = machine.folder / "jobs" / job.uid / pod.name / "logs" / "main.0.log"
        assert path.stat().st_size < 2_000_000

    machine.play(scenario, log=1_000_000)
