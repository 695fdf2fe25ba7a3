"""The commands about Jobs, as people and scripts run them, against a real receiver."""

import contextlib
import json
import os
import pty
import resource
import socket
import subprocess
import sys
import threading
import time

import pytest
from driving import config, until

SHELL = r"""
name: shell
description: Runs a script.
params: {script: {}, times: {default: 1, type: integer}}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: main
            image: IMAGE
            imagePullPolicy: IfNotPresent
            command: [sh, -c, 'printf %s "$SCRIPT" > script && exec sh script']
            env: [{name: SCRIPT, value: {{ script }}}]
"""


class Shell:
    """The command in a shell that knows a receiver."""

    def __init__(self, receiver):
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(receiver.folder),
            "JOBHOOK_URL": f"http://127.0.0.1:{receiver.port}",
            "JOBHOOK_TOKEN_FILE": str(receiver.folder / "token"),
            "PYTHONWARNINGS": "error",
        }

    def start(self, *words, environ=None, **options):
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "webhook", *words],
            env=self.environ | (environ or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *words, code=0, environ=None, given=None):
        """Run a command, and answer what it printed."""
        process = self.start(*words, environ=environ, stdin=subprocess.PIPE)
        out, err = process.communicate(given, timeout=60)
        assert process.returncode == code, (words, process.returncode, out, err)
        assert bool(err) == (code not in {0, 1}), err
        return out if code in {0, 1} else err

    def on_terminal(self, *words, environ=None):
        """Run a command on a terminal, and answer all that is seen there."""
        ours, theirs = pty.openpty()
        seen = bytearray()

        def read():
            with contextlib.suppress(OSError):
                while piece := os.read(ours, 4096):
                    seen.extend(piece)

        reading = threading.Thread(target=read)
        reading.start()
        process = subprocess.Popen(
            [sys.executable, "-m", "webhook", *words],
            env=self.environ | {"TERM": "xterm-256color", "COLUMNS": "160"} | (environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        code = process.wait(timeout=60)
        reading.join()
        os.close(ours)
        return code, seen.decode()


@pytest.fixture
def receiver(receivers, sink, tmp_path, place):
    """A receiver on either cluster, with a definition that runs a script, and a caller who may only read."""
    (tmp_path / "reader").write_text("a-reader-of-the-test-0123456789")
    settings = config(sink)
    settings["callers"].append({"name": "reader", "tokens": ["reader"], "may": ["read"]})
    definitions = {"shell.yaml": SHELL.replace("IMAGE", place.image)}
    return receivers(tmp_path, definitions=definitions, config=settings, environ=place.environ).start()


@pytest.fixture
def local(receivers, sink, tmp_path):
    """The same on this machine alone."""
    (tmp_path / "reader").write_text("a-reader-of-the-test-0123456789")
    settings = config(sink)
    settings["callers"].append({"name": "reader", "tokens": ["reader"], "may": ["read"]})
    return receivers(tmp_path, definitions={"shell.yaml": SHELL}, config=settings).start()


def test_the_life_of_a_job(receiver):
    """Submitted, followed, described, listed, run again, cancelled, removed: each by its command."""
    shell = Shell(receiver)
    name = shell.run("submit", "shell", "-p", "script=echo one; sleep 1; echo two", "-l", "team=a").strip()
    assert shell.run("logs", "-f", name) == "one\ntwo\n"
    until(lambda: receiver.job(name)["finished"], what="its end")
    assert json.loads(shell.run("logs", name, "-n", "1", "--json"))["line"] == "two"
    [line] = shell.run("jobs", "-l", "team=a").splitlines()
    assert line.split("\t")[:3] == [name, "shell", "succeeded"]
    assert json.loads(shell.run("jobs", "--json", "-s", "succeeded"))["jobs"][0]["name"] == name
    described = shell.run("describe", name)
    assert f"name: {name}\n" in described
    assert "state: succeeded\n" in described
    assert json.loads(shell.run("describe", name, "--json"))["params"]["script"].startswith("echo one")

    again, state, *_ = shell.run("rerun", name, "--wait").rstrip("\n").split("\t")
    assert (again != name, state) == (True, "succeeded")
    assert json.loads(shell.run("describe", again, "--json"))["rerun_of"] == name

    slow = shell.run("submit", "shell", "-p", "script=sleep 60").strip()
    assert shell.run("cancel", slow, "-r", "wrong data").split("\t")[0] == slow
    ended = receiver.wait_ended(slow)
    assert (ended["state"], ended["cancelled"]["by"], ended["cancelled"]["reason"]) == (
        "cancelled",
        "test",
        "wrong data",
    )
    until(lambda: receiver.job(name)["completion"] == "delivered", what="the delivery")
    assert shell.run("cancel", name, "--purge") == f"{name}\tpurged\n"
    assert "404" in shell.run("describe", name, code=2)


def test_exit_codes_tell_scripts_apart(local):
    """0 done, 1 the Job failed, 2 usage, 3 not reachable, 4 not allowed."""
    shell = Shell(local)
    name, state, reason, code = shell.run("submit", "shell", "-p", "script=exit 7", "--wait", code=1).split("\t")
    assert (state, code) == ("failed", "7\n")
    assert reason
    assert json.loads(shell.run("submit", "shell", "-p", "script=true", "-w", "--json"))["state"] == "succeeded"
    assert "no definition" in shell.run("submit", "nothing", code=2)
    assert "script" in shell.run("submit", "shell", code=2)
    assert "times" in shell.run("submit", "shell", "-p", "script=true", "-p", "times=many", code=2)
    assert "NAME=VALUE" in shell.run("submit", "shell", "-p", "script", code=2)
    assert "404" in shell.run("logs", "nothing", code=2)
    assert "404" in shell.run("definitions", "nothing", code=2)
    assert "state" in shell.run("jobs", "-s", "lost", code=2)
    shell.run("submit", code=2)
    reader = {"JOBHOOK_TOKEN_FILE": str(local.folder / "reader")}
    assert "403" in shell.run("submit", "shell", "-p", "script=true", code=4, environ=reader)
    assert "403" in shell.run("cancel", name, code=4, environ=reader)
    assert "JOBHOOK_TOKEN_FILE" in shell.run("jobs", code=4, environ={"JOBHOOK_TOKEN_FILE": ""})
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        away = {"JOBHOOK_URL": f"http://127.0.0.1:{listener.getsockname()[1]}"}
        assert "JOBHOOK_URL" in shell.run("jobs", code=3, environ=away)
        assert "JOBHOOK_URL" in shell.run("logs", "-f", name, code=3, environ=away)
    assert "no address" in shell.run("jobs", code=2, environ={"JOBHOOK_URL": "here"})


def test_a_key_and_parameters_from_a_file(local, tmp_path):
    """The same key is the same Job; a file or the standard input gives values that are no texts."""
    shell = Shell(local)
    file = tmp_path / "params.json"
    file.write_text('{"script": "true", "times": 3}')
    first = shell.run("submit", "shell", "--params", str(file), "--key", "mine")
    assert shell.run("submit", "shell", "--params", "-", "--key", "mine", given=file.read_text()) == first
    assert "stands for" in shell.run("submit", "shell", "-p", "script=false", "--key", "mine", code=2)
    assert local.job(first.strip())["params"]["times"] == 3
    file.write_text("[1]")
    assert "object" in shell.run("submit", "shell", "--params", str(file), code=2)
    assert "params" in shell.run("submit", "shell", "--params", str(tmp_path / "none"), code=2)
    assert len(json.loads(shell.run("jobs", "--json"))["jobs"]) == 1


def test_lists_more_than_a_page(local):
    """As many as are asked for, whatever a page holds."""
    shell = Shell(local)
    for number in range(12):
        body = {"definition": "shell", "params": {"script": "true"}, "labels": {"n": str(number)}}
        local.as_caller("POST", "/jobs", json.dumps(body), {"content-type": "application/json"})
    assert len(shell.run("jobs").splitlines()) == 12
    assert len(shell.run("jobs", "-n", "5").splitlines()) == 5
    assert len(shell.run("jobs", "-l", "n=7", "-n", "1").splitlines()) == 1
    assert shell.run("jobs", "--since", "2999-01-01T00:00:00Z") == ""


def test_definitions_are_listed_and_told_of(local):
    """What there is, and of one what it takes."""
    shell = Shell(local)
    [line] = shell.run("definitions").splitlines()
    assert line.startswith("shell\tscript, times\tno\t")
    assert line.endswith("\tRuns a script.")
    told = shell.run("definitions", "shell")
    assert "  script:\n    required: yes\n" in told
    assert "json_schema" not in told
    assert "properties" in json.loads(shell.run("definitions", "shell", "--json"))["json_schema"]


def test_waits_through_a_restart(local):
    """A receiver that is away for a while does not end the wait; the Job's end does."""
    shell = Shell(local)
    gate = local.folder / "gate"
    waiting = shell.start("submit", "shell", "-p", f"script=while ! test -e {gate}; do sleep 0.05; done", "--wait")
    until(lambda: local.as_caller("GET", "/jobs").json["jobs"], what="the Job")
    local.stop()
    time.sleep(0.5)
    assert waiting.poll() is None
    local.environ["PORT"] = str(local.port)
    local.start()
    gate.touch()
    out, err = waiting.communicate(timeout=60)
    assert (out.split("\t")[1], err) in {("succeeded", ""), ("failed", "")}  # its process ended with the receiver


def test_a_terminal_gets_tables_and_colours_but_nothing_that_a_job_made_up(local):
    """A head, colours unless NO_COLOR, progress while it waits; escape sequences of a Job only to be seen."""
    shell = Shell(local)
    hostile = r"""script=printf '\033]0;owned\007' > "$JOBHOOK_TERMINATION_LOG"; sleep 1; exit 3"""
    code, seen = shell.on_terminal("submit", "shell", "-p", hostile, "--wait")
    assert code == 1
    assert "is running" in seen
    assert "\x1b[31mfailed" in seen
    [job] = local.as_caller("GET", "/jobs").json["jobs"]
    code, seen = shell.on_terminal("jobs")
    assert "NAME" in seen
    assert "\x1b[31mfailed" in seen
    assert "ago" in seen
    code, plain = shell.on_terminal("jobs", environ={"NO_COLOR": "1"})
    assert "\x1b[31m" not in plain
    assert "failed" in plain
    code, seen = shell.on_terminal("describe", job["name"])
    assert code == 0
    assert "\x1b]0" not in seen
    assert r"\x1b]0;owned" in seen


def test_a_pipe_that_closes_ends_it_quietly(local):
    """`jobhook logs -f NAME | head -1` prints a line and no traceback."""
    shell = Shell(local)
    name = shell.run("submit", "shell", "-p", "script=while :; do echo line; sleep 0.05; done").strip()
    process = shell.start("logs", "-f", name)
    assert process.stdout.readline() == "line\n"
    process.stdout.close()
    assert process.wait(timeout=20) != 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_completes_names_by_the_receiver(local):
    """The shell asks for Jobs and definitions; without a receiver it gets nothing, and no error."""
    shell = Shell(local)
    name = shell.run("submit", "shell", "-p", "script=true").strip()

    def complete(line, **more):
        words = line.split(" ")
        environ = {"_JOBHOOK_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        return shell.run(environ=environ | more).split()

    assert complete("jobhook submit sh") == ["shell"]
    assert complete("jobhook describe she") == [name]
    assert complete("jobhook desc") == ["describe"]
    assert complete("jobhook submit sh", JOBHOOK_URL="http://127.0.0.1:1") == []


def test_help_is_quick():
    """At most a quarter of a second of processor time, once its files have been read."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "webhook", "--help"], capture_output=True, check=True, timeout=30)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) <= 0.25, spent
