"""On a real API server: direct POSTs of a Job, jobhook, the ancestor's way. The control plane shares all cores."""

from __future__ import annotations

import base64
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from . import contenders
from .building import HERE, OUT, PROJECT, SECRET, Tools
from .contenders import Site
from .figures import Measured
from .machine import Absent, Trouble, cpu_seconds
from .planting import Field
from .pressing import Target, measure

CONNECTIONS = (1, 8, 32)
PATHS = ("direct", "ours", "ancestor")
LABELS = {"direct": "direct POSTs of a Job", "ours": "jobhook serve", "ancestor": "the ancestor's way, 2 workers"}
QUIET, PATIENCE = 0.25, 20.0
"""Cores that a control plane at rest uses at most; seconds that it is waited for."""
JOBS = "/apis/batch/v1/namespaces/{namespace}/jobs?fieldManager=bench&fieldValidation=Strict"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A throw-away one."""

    folder: Path
    server: str
    pids: dict[str, int]

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def namespace(self, name: str) -> str:
        """Make one, so that no run has another's Jobs to list."""
        command: list[str | Path] = [
            self.folder / "bin" / "kubectl",
            "--kubeconfig",
            self.kubeconfig,
            "create",
            "namespace",
            name,
        ]
        subprocess.run(command, check=True, capture_output=True)
        return name

    def field(self, name: str) -> Field:
        """The same, for those who work on its Jobs themselves."""
        return Field(self.server, self.namespace(name), _file("ca"), _file("cert"), _file("key"))

    def rest(self) -> None:
        """Wait until the controllers have dealt with what was created."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            before = cpu_seconds(list(self.pids.values()))
            time.sleep(0.5)
            if cpu_seconds(list(self.pids.values())) - before < QUIET * 0.5:
                return


def tools_folder() -> Path:
    """The folder of the tools that start a cluster. Raises Absent."""
    named = os.environ.get("JOBHOOK_TEST_CLUSTER")
    folder = Path(named) if named else PROJECT.parent / "shared" / "cluster"
    if not (folder / "up").is_file():
        raise Absent("no real API server: set JOBHOOK_TEST_CLUSTER to the folder of the tools that start one")
    return folder


@contextmanager
def cluster(programs: Path) -> Iterator[Cluster]:
    """Start a cluster, and take it down with all that is in it."""
    folder = OUT / "cluster"
    subprocess.run([programs / "down", folder, "--rm"], check=False, capture_output=True)
    up: list[str | Path] = [programs / "up", "--dir", folder, "--ttl", "3600"]
    done = subprocess.run(up, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Trouble(f"the cluster does not start: {done.stderr[-1000:]}")
    try:
        pids = {file.name: int(file.read_text().split()[0]) for file in (folder / "pids").iterdir()}
        yield Cluster(folder, _credentials(folder / "kubeconfig"), pids)
    finally:
        subprocess.run([programs / "down", folder, "--rm"], check=True, capture_output=True)


def rounds(tools: Tools, *, count: int, seconds: float) -> Iterator[tuple[str, int, Measured]]:
    """Measure every path at every number of connections once a round, each round on a fresh cluster."""
    programs = tools_folder()
    for _ in range(count):
        with cluster(programs) as api:
            for connections in CONNECTIONS:
                for path in PATHS:
                    with _up(tools, api, path, connections) as target:
                        yield path, connections, measure(tools, target, connections=connections, seconds=seconds)
                    api.rest()


@contextmanager
def _up(tools: Tools, api: Cluster, path: str, connections: int) -> Iterator[Target]:
    namespace = api.namespace(f"{path}-{connections}")
    server, etcd = api.pids["kube-apiserver"], api.pids["etcd"]
    beside = [pid for pid in api.pids.values() if pid not in {server, etcd}]
    if path == "direct":
        yield Target(
            url=api.server + JOBS.format(namespace=namespace),
            api=server,
            etcd=etcd,
            beside=beside,
            body=HERE / "payloads" / "job.json",
            headers=(),
            ca=_file("ca"),
            cert=_file("cert"),
            key=_file("key"),
            pinned=False,
        )
        return
    site = Site(tools=tools, kubeconfig=api.kubeconfig, namespace=namespace, core=None, workers=2)
    with (contenders.jobhook if path == "ours" else contenders.ancestor)(site) as receiver:
        yield Target(
            url=f"{receiver.url}/hooks/github",
            pids=[receiver.process.pid],
            api=server,
            etcd=etcd,
            beside=beside,
            secret=SECRET,
            pinned=False,
        )


def _credentials(kubeconfig: Path) -> str:
    """Lay the kubeconfig's certificates beside it, and name its server."""
    config = yaml.safe_load(kubeconfig.read_text())
    place, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    for name, text in (
        ("ca", place["certificate-authority-data"]),
        ("cert", user["client-certificate-data"]),
        ("key", user["client-key-data"]),
    ):
        _file(name).write_bytes(base64.b64decode(text))
    server: str = place["server"]
    return server


def _file(name: str) -> Path:
    return OUT / "run" / f"{name}.pem"
