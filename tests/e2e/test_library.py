"""The library over both clusters, Kubernetes with a real node, through what only real pods can show."""

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest

from webhook import JobManagerFactory, marks
from webhook.errors import NotFound
from webhook.job import State

SHELL = """
name: shell
params: {script: {}}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 1
    template:
      spec:
        restartPolicy: Never
        terminationGracePeriodSeconds: 0
        containers:
          - name: main
            image: IMAGE
            imagePullPolicy: IfNotPresent
            command: [sh, -c, 'printf %s "$SCRIPT" > script && exec sh script']
            env: [{name: SCRIPT, value: {{ script }}}]
          - {name: beside, image: IMAGE, imagePullPolicy: IfNotPresent, command: [echo, beside]}
"""


@pytest.fixture
def run(place, tmp_path):
    """A runner of async functions with a manager that is open; a key settles at once, as there is one process."""
    (tmp_path / "shell.yaml").write_text(SHELL.replace("IMAGE", place.image))
    (tmp_path / "jobhook.yaml").write_text("settle: 0s")
    environ = {
        "JOBHOOK_DATA": str(tmp_path / "data"),
        "JOBHOOK_CONFIG": str(tmp_path / "jobhook.yaml"),
        "JOB_DEFINITIONS_CONFIG_PATH": str(tmp_path / "shell.yaml"),
        **place.environ,
    }

    def run(body):
        async def main():
            async with asyncio.timeout(100), JobManagerFactory.from_env(environ).manager() as manager:
                await body(manager)

        asyncio.run(main())

    return run


def test_the_life_of_jobs(run):
    """Submit once by a key, follow over a retry, read the logs of each pod, cancel, and let the old ones go."""

    async def body(manager):
        name = await manager.create_job("shell", {"script": "echo try; exit 3"}, "once")
        assert await manager.create_job("shell", {"script": "echo try; exit 3"}, "once") == name
        seen = []
        async with contextlib.aclosing(manager.job_logs(name, follow=True)) as lines:
            async for line in lines:
                seen.append((line.container, line.text))
        assert sorted(seen) == [("beside", b"beside")] * 2 + [("main", b"try")] * 2
        job = await manager.wait_job(name)
        assert job.state is State.FAILED
        text = await manager.job_logs(name)
        assert text.count(f"Pod: {name}-") == 4
        assert text.count(", container: main\ntry\n=======\n") == 2
        assert "beside" not in await manager.job_logs(name, container="main")

        slow = await manager.create_job("shell", {"script": "sleep 600"})
        while not (await manager.read_job(slow)).active:
            await asyncio.sleep(0.1)
        await manager.cancel_job(slow, "enough")
        assert (await manager.wait_job(slow)).state is State.CANCELLED

        told = []
        assert await manager.mark_and_delete_old_jobs(retention_period_sec=3600) == 0
        assert marks.ANCESTOR_DELETION_TIME in (await manager.read_job(slow)).annotations
        young = await manager.wait_job(await manager.create_job("shell", {"script": "true"}))
        assert await manager.mark_and_delete_old_jobs(retention_period_sec=-1, delete_callback=told.append) == 1
        assert [one.name for one in told] == [young.name]
        await manager.delete_job(slow)
        await manager.delete_job(name)
        while await manager.list_jobs():
            await asyncio.sleep(0.1)
        assert await manager.create_job("shell", {"script": "echo try; exit 3"}, "once") == name
        with pytest.raises(NotFound):
            await manager.read_job(name)

    run(body)


def test_jobs_of_the_ancestors_making(run):
    """Found and listed by their definition; gone when the time that the ancestor wrote on them has come."""

    async def body(manager):
        container = {"name": "main", "image": "busybox", "command": ["true"]}
        old = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": "shell-old",
                "labels": {marks.MANAGED_BY: "jobhook", marks.ANCESTOR_DEFINITION: "shell"},
                "annotations": {marks.ANCESTOR_DELETION_TIME: str(int(datetime.now(UTC).timestamp()) - 1)},
            },
            "spec": {
                "suspend": True,
                "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
            },
        }
        await manager._parts.jobs.create(old)
        assert [job.name for job in await manager.list_jobs("shell")] == ["shell-old"]
        assert await manager.cleanup_jobs() == 1
        while await manager.list_jobs():
            await asyncio.sleep(0.1)

    run(body)
