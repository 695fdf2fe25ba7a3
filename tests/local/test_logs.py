"""Container logs: whole, by their end, by time, and while they are written."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.clusters.local import output
from webhook.clusters.local.shim import Log
from webhook.errors import NotFound
from webhook.job import State


def read(path, **view):
    async def all_of():
        return b"".join([chunk async for chunk in output.read(path, output.View(**view))])

    return asyncio.run(all_of())


@settings(deadline=None)
@given(chunks=st.lists(st.binary(max_size=200), max_size=10), lines=st.integers(0, 5))
def test_output_comes_back_byte_by_byte(tmp_path_factory, chunks, lines):
    """Whatever bytes a container writes, in whatever pieces: the log is exactly that, and its tail the last lines."""
    path = tmp_path_factory.mktemp("log") / "c.0.log"
    log = Log(str(path).encode(), 1 << 30)
    for chunk in chunks:
        log.take(chunk)
    log.finish()
    text = b"".join(chunks)
    assert read(path) == text
    *whole, part = text.split(b"\n")
    expected = [line + b"\n" for line in whole] + ([part] if part else [])
    assert read(path, tail=lines) == b"".join(expected[len(expected) - min(lines, len(expected)) :])


def test_a_long_line_is_one_line(tmp_path):
    """Parts of a line beyond what is kept in memory are joined again, for the tail and for timestamps too."""
    path = tmp_path / "c.0.log"
    log = Log(str(path).encode(), 1 << 30)
    log.take(b"first\n")
    for _ in range(5):
        log.take(b"x" * 20_000)
    log.take(b"\nlast\n")
    log.finish()
    assert read(path) == b"first\n" + b"x" * 100_000 + b"\nlast\n"
    assert read(path, tail=2) == b"x" * 100_000 + b"\nlast\n"
    assert read(path, timestamps=True).count(b"Z ") == 3


def test_a_log_has_a_limit(tmp_path):
    """Beyond it the output is dropped, and the log says so."""
    path = tmp_path / "c.0.log"
    log = Log(str(path).encode(), 1000)
    for number in range(1000):
        log.take(b"line %d\n" % number)
    log.finish()
    assert path.stat().st_size < 1200
    assert read(path).endswith(b"(the log is cut off here: it has reached its limit)\n")


def test_a_log_can_be_asked_for_by_time(machine):
    """Timestamps are as kubectl writes them, and `since` leaves out what was before."""

    async def scenario(cluster):
        _, (pod,) = await machine.run(cluster, machine.job("a", "echo one; sleep 0.3; echo two"))
        stamped = await machine.log(cluster, pod.name, timestamps=True)
        pattern = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) one\n(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) two\n"
        first, second = (datetime.fromisoformat(text) for text in re.fullmatch(pattern, stamped).groups())
        assert timedelta(0) < second - first < timedelta(seconds=20)
        assert await machine.log(cluster, pod.name, since=second) == "two\n"
        assert await machine.log(cluster, pod.name, since=first) == "one\ntwo\n"
        assert await machine.log(cluster, pod.name, since=datetime.now(UTC) + timedelta(hours=1)) == ""
        assert await machine.log(cluster, pod.name, tail=1) == "two\n"
        assert await machine.log(cluster, pod.name, tail=0) == ""

    machine.play(scenario)


def test_a_log_is_followed_to_its_end(machine):
    """What is written comes as it is written, and the follow ends with the container."""

    async def scenario(cluster):
        flag = machine.folder / "flag"
        script = f"echo one >&2; until test -e {flag}; do sleep 0.02; done; echo two; printf end"
        await cluster.jobs.create(machine.job("a", script))
        await machine.until(cluster, "a", lambda job: job.state is State.RUNNING)
        (pod,) = await cluster.jobs.pods("a")
        got = b""
        async for chunk in cluster.jobs.log(pod.name, "main", follow=True):
            got += chunk
            if got == b"one\n":
                flag.touch()
        assert got == b"one\ntwo\nend"

    machine.play(scenario)


def test_a_log_can_be_followed_before_it_begins(machine):
    """A container that waits for another's end is waited for."""

    async def scenario(cluster):
        flag = machine.folder / "flag"
        init = {"name": "init", "command": ["sh", "-c", f"until test -e {flag}; do sleep 0.02; done"]}
        await cluster.jobs.create(machine.job("a", "echo begun", pod={"initContainers": [init]}))
        await machine.until(cluster, "a", lambda job: job.active == 1)
        (pod,) = await cluster.jobs.pods("a")
        with pytest.raises(NotFound):
            await machine.log(cluster, pod.name)
        follow = asyncio.create_task(machine.log(cluster, pod.name, follow=True))
        await asyncio.sleep(0)
        flag.touch()
        assert await follow == "begun\n"

    machine.play(scenario)


def test_a_follow_of_what_never_begins_ends(machine):
    """The pod fails before the container runs: there is no log."""

    async def scenario(cluster):
        init = {"name": "init", "command": ["sh", "-c", "sleep 0.2; exit 1"]}
        await cluster.jobs.create(machine.job("a", pod={"initContainers": [init]}))
        await machine.until(cluster, "a", lambda job: job.active == 1)
        (pod,) = await cluster.jobs.pods("a")
        with pytest.raises(NotFound):
            await machine.log(cluster, pod.name, follow=True)

    machine.play(scenario)


def test_an_unknown_container_has_no_log(machine):
    """Nor has one that has not run before a previous run."""

    async def scenario(cluster):
        _, (pod,) = await machine.run(cluster, machine.job("a", "echo x"))
        for attempt in (
            machine.log(cluster, pod.name, "other"),
            machine.log(cluster, pod.name, "../main"),
            machine.log(cluster, pod.name, previous=True),
            machine.log(cluster, "other-pod"),
        ):
            with pytest.raises(NotFound):
                await attempt

    machine.play(scenario)


def test_much_output_is_kept_whole(machine):
    """A megabyte in many lines arrives, and in time."""

    async def scenario(cluster):
        began = time.monotonic()
        _, (pod,) = await machine.run(cluster, machine.job("a", "seq 200000"))
        assert await machine.log(cluster, pod.name) == "".join(f"{number}\n" for number in range(1, 200_001))
        assert time.monotonic() - began < 30

    machine.play(scenario)
