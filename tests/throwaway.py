"""A throw-away Kubernetes cluster for a whole test run, shared by all of its workers."""

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import subprocess
import uuid

import pytest

PROJECT = pathlib.Path(__file__).resolve().parent.parent
HOW_TO = (
    "no Kubernetes cluster here; set JOBHOOK_TEST_KUBECONFIG to the kubeconfig of one that may be thrown away,"
    " or JOBHOOK_TEST_CLUSTER to the folder of the tools that start one"
)


@dataclasses.dataclass(frozen=True)
class Throwaway:
    """A cluster that tests may fill and break.

    Attributes:
        kubeconfig: of its administrator.
        image: one that its nodes have, with a shell.
        folder: its state, for `ctl`; None for a cluster that was given to us.
        tools: the folder of `up`, `ctl` and `down`, or None.
    """

    kubeconfig: pathlib.Path
    image: str
    folder: pathlib.Path | None = None
    tools: pathlib.Path | None = None

    def kubectl(self, *arguments, given=None):
        """Run kubectl as the administrator; `given` is a manifest for its standard input."""
        program = str(self.folder / "bin" / "kubectl") if self.folder else "kubectl"
        done = subprocess.run(
            [program, "--kubeconfig", str(self.kubeconfig), *arguments],
            input=json.dumps(given) if given is not None else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {arguments}: {done.stderr}"
        return done.stdout

    def apply(self, *manifests):
        """Apply manifests."""
        self.kubectl("apply", "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": list(manifests)})

    def namespace(self):
        """Make a namespace of its own for a test, and name it; it goes with the cluster."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        self.kubectl("create", "namespace", name)
        return name

    def ctl(self, verb, component):
        """Stop, kill, start, restart, pause or resume a component."""
        subprocess.run([self.tools / "ctl", self.folder, verb, component], check=True, capture_output=True, timeout=90)


def tools():
    """The folder of the tools that start a cluster; skips the test where there is none."""
    named = os.environ.get("JOBHOOK_TEST_CLUSTER")
    folder = pathlib.Path(named) if named else PROJECT.parent / "shared" / "cluster"
    if not (folder / "up").is_file():
        pytest.skip(HOW_TO)
    return folder


def start(folder, *options):
    """Start a cluster with its state in `folder`."""
    programs = tools()
    done = subprocess.run(
        [programs / "up", "--dir", folder, "--ttl", "3600", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Throwaway(folder / "kubeconfig", "localhost/busybox:1", folder, programs)


def stop(cluster):
    """End a cluster and remove its state."""
    subprocess.run([cluster.tools / "down", "--rm", cluster.folder], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="session")
def throwaway(tmp_path_factory):
    """One cluster with a node for the whole run: the first who asks starts it, the last who leaves ends it."""
    if named := os.environ.get("JOBHOOK_TEST_KUBECONFIG"):
        yield Throwaway(pathlib.Path(named), os.environ.get("JOBHOOK_TEST_IMAGE", "busybox"))
        return
    programs = tools()
    if os.geteuid() != 0:
        pytest.skip("a node needs root; set JOBHOOK_TEST_KUBECONFIG to the kubeconfig of a cluster that has one")
    root = tmp_path_factory.getbasetemp()
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent
    folder, users = root / "cluster", root / "cluster-users"
    users.mkdir(exist_ok=True)
    me = users / (worker or "alone")
    with locked(root / "cluster-lock"):
        ready = (folder / "ready").exists()
        cluster = Throwaway(folder / "kubeconfig", "localhost/busybox:1", folder, programs)
        if not ready:
            cluster = start(folder, "--node")
            (folder / "ready").touch()
        me.touch()
    yield cluster
    with locked(root / "cluster-lock"):
        me.unlink()
        if not list(users.iterdir()):
            stop(cluster)


@pytest.fixture
def private_cluster(tmp_path):
    """A control plane of one test's own, to break."""
    cluster = start(tmp_path / "cluster")
    yield cluster
    stop(cluster)


@contextlib.contextmanager
def locked(file):
    """Hold a lock among processes."""
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
