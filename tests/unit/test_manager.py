"""The library over the local cluster: every call, and what may not go."""

import asyncio
import contextlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from webhook import BlockingJobs, JobManager, JobManagerFactory, marks
from webhook.errors import ConfigurationError, NotFound, ValueRefused
from webhook.job import State
from webhook.manager.retiring import due

SHELL = """
name: shell
params: {script: {}, image: {default: busybox}}
allow: [image]
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        containers:
          - {name: main, image: "{{ image }}", command: [sh, -c, 'printf %s "$SCRIPT" > script && exec sh script'], env: [{name: SCRIPT, value: {{ script }}}]}
"""
LISTED = """
- name: listed
  spec: |
    apiVersion: batch/v1
    kind: Job
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: main, image: busybox, command: [echo, {{ word }}]}]
"""
FOREIGN = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {
        "name": "old-1",
        "labels": {marks.MANAGED_BY: "jobhook", marks.ANCESTOR_DEFINITION: "shell"},
    },
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": "busybox", "command": ["true"]}],
            }
        }
    },
}
NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _structlog():
    """Each test finds structlog as the next one does."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def factory(tmp_path):
    """A factory over the local cluster, with one definition that runs a script."""
    folder = tmp_path / "definitions"
    folder.mkdir()
    (folder / "shell.yaml").write_text(SHELL)
    environ = {"JOBHOOK_CLUSTER": "local", "JOBHOOK_DATA": str(tmp_path / "data")}
    environ["JOB_DEFINITIONS_CONFIG_PATH"] = str(folder)
    return lambda **more: JobManagerFactory.from_env({**environ, **more})


def run(factory, body, **more):
    """Run an async function with a manager that is open."""

    async def main():
        async with asyncio.timeout(60), factory(**more).manager() as manager:
            return await body(manager)

    return asyncio.run(main())


def jobs_of(manager):
    """The port below, to make Jobs that no definition made."""
    return manager._parts.jobs


def test_importing_the_package_imports_nothing_else():
    """`import webhook` is for everybody: what is not asked for is not loaded."""
    code = "import sys, webhook; print([name for name in sys.modules if name.startswith('webhook.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"
    with pytest.raises(ImportError):
        from webhook import JobDeleter  # noqa: F401


def test_submits_waits_and_reads(factory):
    """A Job exists when `create_job` returns, and tells its state at each step."""

    async def body(manager):
        assert manager.definitions == ("shell",)
        name = await manager.create_job("shell", {"script": "echo done"}, labels={"team": "a"})
        job = await manager.read_job(name)
        assert (job.definition, job.labels["team"]) == ("shell", "a")
        ended = await manager.wait_job(name)
        assert await manager.wait_job(ended) == ended
        assert await manager.job_status(name) is await manager.job_status(ended) is State.SUCCEEDED
        assert await manager.job_is_finished(name)
        failed = await manager.wait_job(await manager.create_job("shell", {"script": "exit 3"}))
        assert failed.state is State.FAILED
        assert not await manager.job_is_finished(await manager.create_job("shell", {"script": "sleep 30"}))

    run(factory, body)


def test_the_same_key_is_the_same_job(factory):
    """A retry launches nothing, also after the Job was deleted; another order under the key is refused."""

    async def body(manager):
        order = {"script": "true"}
        name = await manager.create_job("shell", order, "mine")
        assert await manager.create_job("shell", order, "mine") == name
        assert await manager.create_job("shell", order) != await manager.create_job("shell", order)
        with pytest.raises(ValueRefused, match="stands for"):
            await manager.create_job("shell", {"script": "false"}, "mine")
        await manager.wait_job(name)
        await manager.delete_job(name)
        assert await manager.create_job("shell", order, "mine") == name
        with pytest.raises(NotFound):
            await manager.read_job(name)

    run(factory, body)


@pytest.mark.parametrize(
    ("name", "params", "key", "error"),
    [
        ("nothing", {}, None, NotFound),
        ("shell", {}, None, ValueRefused),
        ("shell", {"script": "true", "more": 1}, None, ValueRefused),
        ("shell", {"script": object()}, None, ValueRefused),
        ("shell", {"script": "true"}, "", ValueRefused),
        ("shell", {"script": "true"}, "a\nb", ValueRefused),
    ],
)
def test_refuses_what_cannot_be_a_job(factory, name, params, key, error):
    """An unknown definition, a missing or unknown parameter, what is no JSON, a key that no header could hold."""

    async def body(manager):
        with pytest.raises(error):
            await manager.create_job(name, params, key)
        assert await manager.list_jobs() == []

    run(factory, body)


def test_lists_by_definition_and_the_ancestors_jobs_too(factory, tmp_path):
    """Jobs of our making and of the ancestor's, each once, and no other's."""
    (tmp_path / "definitions" / "listed.yaml").write_text(LISTED)

    async def body(manager):
        await jobs_of(manager).create(FOREIGN)
        ours = await manager.create_job("shell", {"script": "true"})
        other = await manager.create_job("listed", {"word": "hello"})
        assert {job.name for job in await manager.list_jobs()} == {"old-1", ours, other}
        assert {job.name for job in await manager.list_jobs("shell")} == {"old-1", ours}
        assert [job.name async for job in manager.fetch_jobs("listed")] == [other]
        assert await manager.list_jobs("no/label can=hold,this") == []
        assert manager.label_selector("shell") == ("app.kubernetes.io/managed-by=jobhook,jobhook.dev/definition=shell")

    run(factory, body)


def test_logs_with_a_header_for_each_pod(factory):
    """The last lines of each, of one container, since a moment; nothing of a stranger."""

    async def body(manager):
        name = await manager.create_job("shell", {"script": "seq 5; printf last"})
        await manager.wait_job(name)
        text = await manager.job_logs(name, 2)
        header, *lines = text.splitlines()
        assert header.startswith(f"Pod: {name}-")
        assert lines == ["5", "last", "======="]
        assert (await manager.job_logs(name, container="main")).count("\n") == 8
        assert (await manager.job_logs(name, since=datetime.now(UTC) + timedelta(hours=1))).splitlines()[1:] == [
            "======="
        ]
        with pytest.raises(NotFound):
            await manager.job_logs(name, container="other")
        with pytest.raises(NotFound):
            await manager.job_logs("nothing")
        with pytest.raises(ValueError, match="time zone"):
            await manager.job_logs(name, since=datetime(2026, 1, 1))
        with pytest.raises(ValueError, match="at least one"):
            await manager.job_logs(name, 0)

    run(factory, body)


def test_follows_a_log_until_the_job_has_ended(factory, tmp_path):
    """Lines come while the Job runs, and the iterator ends with it."""
    gate = tmp_path / "gate"

    async def body(manager):
        script = f"echo first; while ! test -e {gate}; do sleep 0.05; done; echo last"
        name = await manager.create_job("shell", {"script": script})
        seen = []
        async with contextlib.aclosing(manager.job_logs(name, follow=True)) as lines:
            async for line in lines:
                seen.append((line.container, line.text))
                gate.touch()
        assert seen == [("main", b"first"), ("main", b"last")]
        assert await manager.job_is_finished(name)

    run(factory, body)


def test_cancels_keeping_the_job_and_runs_again(factory):
    """A cancelled Job stays and says who and why; a rerun is a new Job that names the old one."""

    async def body(manager):
        name = await manager.create_job("shell", {"script": "sleep 30"})
        await manager.cancel_job(name, "wrong data")
        job = await manager.wait_job(name)
        assert job.state is State.CANCELLED
        told = marks.Cancelled.load(job.annotations)
        assert (told.by, told.reason) == ("library", "wrong data")
        again = await manager.rerun_job(job, "k")
        assert again != name
        assert await manager.rerun_job(name, "k") == again
        assert (await manager.read_job(again)).annotations[marks.RERUN_OF] == name
        await manager.delete_job(again)

    run(factory, body)


def test_waiting_for_a_job_that_goes_ends(factory):
    """Nobody waits for ever for what is not there."""

    async def body(manager):
        name = await manager.create_job("shell", {"script": "sleep 30"})
        waiting = asyncio.create_task(manager.wait_job(name))
        await asyncio.sleep(0)
        await manager.delete_job(name)
        with pytest.raises(NotFound):
            await waiting

    run(factory, body)


def test_marks_and_deletes_old_jobs(factory):
    """Finished ones alone, marked once, the callback before each."""

    async def body(manager):
        old = await manager.create_job("shell", {"script": "true"})
        running = await manager.create_job("shell", {"script": "sleep 30"})
        await manager.wait_job(old)
        assert await manager.mark_jobs_for_deletion(3600) == 1
        assert await manager.mark_jobs_for_deletion(0) == 0  # what stands there stays
        told = []
        assert await manager.cleanup_jobs(delete_callback=told.append) == 0
        young = await manager.wait_job(await manager.create_job("shell", {"script": "true"}))

        async def later(job):
            await manager.read_job(job.name)  # it is still there
            told.append(job.name)

        assert await manager.mark_and_delete_old_jobs(retention_period_sec=0, delete_callback=later) == 1
        assert told == [young.name]
        assert {job.name for job in await manager.list_jobs()} == {old, running}

    run(factory, body)


def test_a_callback_that_fails_keeps_its_job(factory):
    """Only its own, and only until it succeeds."""

    async def body(manager):
        names = [await manager.create_job("shell", {"script": "true"}) for _ in range(2)]
        for name in names:
            await manager.wait_job(name)
        tries = []

        def callback(job):
            tries.append(job.name)
            if job.name == names[0] and tries.count(job.name) == 1:
                raise OSError("the archive is away")

        assert await manager.mark_and_delete_old_jobs(retention_period_sec=0, delete_callback=callback) == 1
        assert [job.name for job in await manager.list_jobs()] == [names[0]]
        assert await manager.cleanup_jobs(delete_callback=callback) == 1
        assert sorted(tries) == sorted([names[0], *names])

    run(factory, body)


@pytest.mark.parametrize("why", ["running", "held", "sink", "claimed", "next step"])
def test_our_own_jobs_stay_for_what_is_still_to_come(factory, tmp_path, why):
    """A mark alone does not end a Job of ours that runs, is held, or whose completion is owed to somebody."""
    more = {"K_SINK": "http://127.0.0.1:9/"} if why == "sink" else {}
    if why == "next step":
        step = SHELL.replace("name: shell", "name: step\non: [{type: {prefix: dev.jobhook.job.}}]", 1)
        (tmp_path / "definitions" / "step.yaml").write_text(step.replace("{script: {}", "{script: {default: ':'}"))

    async def body(manager):
        script = "sleep 30" if why == "running" else "true"
        name = await manager.create_job("shell", {"script": script})
        job = await (manager.read_job if why == "running" else manager.wait_job)(name)
        annotation = {"held": marks.HOLD, "claimed": marks.CLAIM}.get(why)
        if annotation:
            patch = {"metadata": {"annotations": {annotation: "true"}}}
            job = await jobs_of(manager).patch(name, patch, resource_version=None)
        assert await manager.mark_deletion_time(job, -1)
        told = []
        assert await manager.cleanup_jobs(delete_callback=told.append) == 0
        assert told == []
        patch = {"metadata": {"annotations": {marks.HOLD: None}, "labels": {marks.COMPLETION: marks.DELIVERED}}}
        await jobs_of(manager).patch(name, patch, resource_version=None)
        assert await manager.cleanup_jobs() == (why != "running")

    run(factory, body, **more)


def test_rules_that_take_no_completion_owe_nobody_anything(factory, tmp_path):
    """A definition for a webhook's events does not keep Jobs from going."""
    rules = "name: shell\non: [{type: {prefix: com.github.}}, {via: github}]"
    text = SHELL.replace("name: shell", rules, 1).replace("{script: {}", "{script: {default: ':'}")
    (tmp_path / "definitions" / "shell.yaml").write_text(text)

    async def body(manager):
        await manager.wait_job(await manager.create_job("shell", {"script": "true"}))
        assert await manager.mark_and_delete_old_jobs(retention_period_sec=0) == 1

    run(factory, body)


def test_a_key_settles_in_the_ledger_before_its_job_goes(factory, tmp_path):
    """The first pass writes it down, and the Job stays until every replica can have it."""
    (tmp_path / "jobhook.yaml").write_text("settle: 1h\n")

    async def body(manager):
        name = await manager.create_job("shell", {"script": "true"}, "k")
        await manager.wait_job(name)
        told = []
        assert await manager.mark_and_delete_old_jobs(retention_period_sec=0, delete_callback=told.append) == 0
        assert told == []
        assert await manager.read_job(name)

    run(factory, body, JOBHOOK_CONFIG=str(tmp_path / "jobhook.yaml"))


def test_what_we_did_not_make_goes_by_its_own_mark_alone(factory):
    """With our signature and without our marks: never marked in passing, and deleted when its time has come."""

    async def body(manager):
        await jobs_of(manager).create(FOREIGN)
        job = await manager.wait_job("old-1")
        assert await manager.mark_and_delete_old_jobs(retention_period_sec=0) == 0
        assert marks.ANCESTOR_DELETION_TIME not in (await manager.read_job("old-1")).annotations
        assert await manager.mark_deletion_time(job, 0)
        assert not await manager.mark_deletion_time(job, 0)
        assert await manager.cleanup_jobs() == 1
        with pytest.raises(NotFound):
            await manager.mark_deletion_time(job, 0)

    run(factory, body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1767322800", True), ("1767322801", False), ("0", True), ("", False), ("soon", False), ("1e3", False)],
)
def test_a_mark_is_whole_seconds(factory, text, expected):
    """What a person wrote otherwise deletes nothing, and breaks nothing."""

    async def body(manager):
        await jobs_of(manager).create(FOREIGN)
        patch = {"metadata": {"annotations": {marks.ANCESTOR_DELETION_TIME: text}}}
        return await jobs_of(manager).patch("old-1", patch, resource_version=None)

    assert due(run(factory, body), NOW) is expected


def test_cleans_up_in_the_background(factory):
    """For as long as the block is open, and whatever a pass meets."""

    async def body(manager):
        gone, tries = asyncio.Event(), []

        def callback(job):
            tries.append(job.name)
            gone.set()

        async with manager.run_background_cleanup(0.05, retention_period_sec=0, delete_callback=callback):
            name = await manager.create_job("shell", {"script": "true"})
            await gone.wait()
        assert tries == [name]
        last = await manager.wait_job(await manager.create_job("shell", {"script": "true"}))
        await asyncio.sleep(0.2)
        assert await manager.read_job(last.name)

    run(factory, body)


def test_definitions_are_read_again(factory, tmp_path):
    """A file that comes later can be submitted without a new start."""

    async def body(manager):
        (tmp_path / "definitions" / "listed.yaml").write_text(LISTED)
        while "listed" not in manager.definitions:
            await asyncio.sleep(0.02)

    run(factory, body)


def test_says_what_is_wrong_with_the_configuration(factory, tmp_path):
    """Before anything runs, and a manager that is not open says how to open it."""
    with pytest.raises(ConfigurationError, match="JOB_SIGNATURE"):
        JobManagerFactory.from_vars("not a label", "default", str(tmp_path), environ={})
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(JobManager(factory().settings, environ={}).list_jobs())
    with pytest.raises(ConfigurationError, match="JOB_DEFINITIONS_CONFIG_PATH"):
        run(factory, lambda manager: None, JOB_DEFINITIONS_CONFIG_PATH=str(tmp_path / "none"))


def test_the_same_without_await(factory):
    """A script's every call, on an event loop of its own."""
    with factory().blocking(caller="script") as jobs:
        assert isinstance(jobs, BlockingJobs)
        name = jobs.create_job("shell", {"script": "echo one; echo two"}, "k")
        assert [line.text for line in jobs.follow_logs(name)] == [b"one", b"two"]
        assert jobs.wait_job(name, timeout=30).state is jobs.job_status(name) is State.SUCCEEDED
        assert jobs.job_is_finished(name)
        assert "two\n" in jobs.job_logs(name, 1)
        slow = jobs.create_job("shell", {"script": "sleep 30"})
        with pytest.raises(TimeoutError):
            jobs.wait_job(slow, timeout=0.05)
        jobs.cancel_job(slow, "enough")
        assert jobs.wait_job(slow).state is State.CANCELLED
        assert jobs.rerun_job(slow) != slow
        jobs.delete_job(slow)
        assert jobs.read_job(name).annotations[marks.SUBMITTED_BY] == "script"
        assert jobs.mark_and_delete_old_jobs(retention_period_sec=0) == 1
        assert len(jobs.list_jobs("shell")) == 1


def test_a_script_that_cannot_open_it_leaves_no_thread(factory, tmp_path):
    """The error comes out of `with`, and nothing goes on."""
    with pytest.raises(ConfigurationError):
        factory(JOB_DEFINITIONS_CONFIG_PATH=str(tmp_path / "none")).blocking().__enter__()


def test_is_silent_on_the_standard_output(factory, capfd):
    """A program's output is its own: our lines go to logging, where nobody asked for them."""

    async def body(manager):
        await manager.wait_job(await manager.create_job("shell", {"script": "true"}))

    run(factory, body)
    assert capfd.readouterr() == ("", "")
