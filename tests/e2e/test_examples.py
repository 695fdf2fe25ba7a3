"""The examples, each as the process that its first lines say."""

import contextlib
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from driving import TOKEN, until


class Example:
    """One of the scripts, on a local cluster of the test's own."""

    def __init__(self, project, folder):
        self.project, self.folder = project, folder
        self.environ = {
            "PATH": os.environ["PATH"],
            "JOBHOOK_CLUSTER": "local",
            "JOBHOOK_DATA": str(folder / "data"),
            "JOB_DEFINITIONS_CONFIG_PATH": str(project / "examples" / "definitions"),
            "PYTHONWARNINGS": "error",
        }

    def start(self, *words):
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, name, *words):
        """Run a script to its end, and answer its lines."""
        process = self.start(str(self.project / "examples" / name), *words)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, ""), (out, err)
        return out.splitlines()


@pytest.fixture
def example(project, tmp_path):
    """A runner of examples, whose Jobs are in one place."""
    return Example(project, tmp_path)


def test_submit_and_wait(example):
    """Run twice it is one Job, and its log is told."""
    first = example.run("submit_and_wait.py", "you")
    assert "hello you, number 2" in first
    name, state = first[-1].split()
    assert state == "succeeded"
    assert example.run("submit_and_wait.py", "you")[-1] == f"{name} succeeded"


def test_follow_logs(example):
    """Each line with its time, then the state."""
    *lines, last = example.run("follow_logs.py", "2")
    assert [line.split(" ", 1)[1] for line in lines] == ["hello world, number 1", "hello world, number 2"]
    assert last.endswith(" succeeded")


def test_clean_up(example):
    """What the others left goes, each told of before."""
    name = example.run("follow_logs.py", "1")[-1].split()[0]
    cleaning = example.start(str(example.project / "examples" / "clean_up.py"), "0")
    try:
        assert cleaning.stdout.readline() == f"deleting {name} succeeded\n"
    finally:
        cleaning.send_signal(signal.SIGTERM)
        rest, err = cleaning.communicate(timeout=30)
    assert (cleaning.returncode, rest, err) == (0, "", "")


def test_mounted_app(example):
    """The whole of ours below a path of theirs, its addresses too; and their own page beside it."""
    (example.folder / "token").write_text(TOKEN)
    (example.folder / "jobhook.yaml").write_text(
        "callers: [{name: me, tokens: [token], may: [events, read, write, cleanup]}]"
    )
    folder = str(example.project / "examples")
    app = ("--app-dir", folder, "--port", "0", "mounted_app:app")
    server = example.start("-m", "uvicorn", "--loop", "webhook.loop:Loop", *app)
    try:
        lines = iter(server.stderr.readline, "")
        url = next(line for line in lines if "running on" in line).split("running on ")[1].split()[0]
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.read().decode() == f"our own page; Jobs are at {url}/jobs-api/jobs\n"
        until(lambda: ready(f"{url}/jobs-api/readyz"), what="readiness")

        example.environ |= {"JOBHOOK_URL": f"{url}/jobs-api", "JOBHOOK_TOKEN_FILE": "token"}
        submitted = example.start("-m", "webhook", "submit", "greet", "-p", "times=1", "--wait")
        out, err = submitted.communicate(timeout=60)
        assert (submitted.returncode, err) == (0, ""), out
        name = out.split("\t")[0]
        again = urllib.request.Request(
            f"{url}/jobs-api/jobs/{name}/rerun", method="POST", headers={"authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(again, timeout=10) as answer:
            assert answer.headers["location"].startswith("/jobs-api/jobs/greet-")
        attributes = {"specversion": "1.0", "id": "1", "source": "/test", "type": "com.example.test"}
        headers = {f"ce-{key}": text for key, text in attributes.items()} | {"authorization": f"Bearer {TOKEN}"}
        event = urllib.request.Request(f"{url}/jobs-api/events", data=b"", method="POST", headers=headers)
        with urllib.request.urlopen(event, timeout=10) as answer:
            assert answer.status == 202
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)


def ready(url):
    """Whether that answers 200."""
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(url, timeout=10):
        return True
