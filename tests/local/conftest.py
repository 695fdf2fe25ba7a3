"""The local cluster for tests that run processes on it."""

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path

import pytest

from webhook.clusters.local import Backoff, Limits, LocalCluster
from webhook.marks import MANAGED_BY

QUICK = Backoff(base=timedelta(milliseconds=20), longest=timedelta(milliseconds=100))


class Machine:
    """A local cluster in a folder, and shorthands."""

    def __init__(self, folder):
        self.folder = folder

    def open(self, **limits):
        """Make the cluster, with back-offs that tests can wait for."""
        return LocalCluster(self.folder, limits=Limits(**{"backoff": QUICK, **limits}))

    def play(self, scenario, **limits):
        """Play an async function of an open cluster."""

        async def inside():
            async with self.open(**limits) as cluster, asyncio.timeout(60):
                return await scenario(cluster)

        return asyncio.run(inside())

    @staticmethod
    def job(name, script="exit 0", *, container=None, pod=None, template=None, **spec):
        """A Job of one container that runs a shell script."""
        main = {"name": "main", "image": "none", "command": ["sh", "-c", script], **(container or {})}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "labels": {MANAGED_BY: "jobhook"}},
            "spec": {
                "backoffLimit": 0,
                **spec,
                "template": {
                    "spec": {"restartPolicy": "Never", "containers": [main], **(pod or {})},
                    **(template or {}),
                },
            },
        }

    @staticmethod
    async def until(cluster, name, met):
        """Follow until a Job is as wanted, and answer it."""
        async with asyncio.timeout(40), contextlib.aclosing(cluster.jobs.follow()) as changes:
            async for change in changes:
                if change.job and change.job.name == name and met(change.job):
                    return change.job
        raise AssertionError("the follow has ended")

    async def ended(self, cluster, name):
        """Wait for a Job's end."""
        return await self.until(cluster, name, lambda job: job.end is not None)

    async def run(self, cluster, manifest):
        """Create a Job, and wait for its end: the Job, and its pods."""
        await cluster.jobs.create(manifest)
        job = await self.ended(cluster, manifest["metadata"]["name"])
        return job, await cluster.jobs.pods(job.name)

    @staticmethod
    async def log(cluster, pod, container="main", **view):
        """A whole log as text."""
        return b"".join([chunk async for chunk in cluster.jobs.log(pod, container, **view)]).decode()

    @staticmethod
    async def wait_for(met, what="", seconds=30):
        """Wait for something that nothing tells of."""
        async with asyncio.timeout(seconds):
            while not met():
                await asyncio.sleep(0.02)


@pytest.fixture
def machine(tmp_path):
    """A folder for a local cluster."""
    return Machine(tmp_path / "data")


def _environment(process):
    with contextlib.suppress(OSError):
        return (process / "environ").read_bytes().split(b"\0")
    return []


@pytest.fixture
def marked():
    """Which processes of this machine have a variable, as pids."""

    def find(variable):
        if not Path("/proc/self/environ").exists():
            pytest.skip("needs /proc to look for processes; run this on Linux")
        pids = [process for process in Path("/proc").iterdir() if process.name.isdigit()]
        return {int(process.name) for process in pids if variable.encode() in _environment(process)}

    return find
