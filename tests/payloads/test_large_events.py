"""Events above 32 KiB: a record made before its Job and owned by it after, whatever dies in between."""

import asyncio
import contextlib
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from webhook.clusters.local import LocalCluster
from webhook.definitions import load
from webhook.delivery import Courier
from webhook.errors import ClusterUnavailable, KeyClash
from webhook.events import Arrival, Event, envelope
from webhook.fates import Launched, Postponed, Refused
from webhook.json import dump
from webhook.json import load as load_json
from webhook.launch import Launcher
from webhook.marks import MANAGED_BY
from webhook.metrics import Metrics
from webhook.payloads import Payloads, record
from webhook.ports import Record
from webhook.sweep import sweep

DEFINITION = """\
name: big
on: [{type: com.example.big}]
event: file
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        containers:
          - {name: main, image: none, command: [sh, -c, 'cat "$JOBHOOK_EVENT_FILE"']}
"""
NOW = datetime.now(UTC)


class Crash(BaseException):
    """The process ends here."""


class Breaking:
    """A port whose calls are counted together with others', and end the process before or after one of them acts."""

    def __init__(self, port, calls, at, *, acted, error=Crash):
        self.port, self.calls, self.at, self.acted, self.error = port, calls, at, acted, error

    def __getattr__(self, name):
        found = getattr(self.port, name)
        if not callable(found):
            return found

        async def call(*args, **kwargs):
            number = next(self.calls)
            if number == self.at and not self.acted:
                raise self.error(name)
            result = await found(*args, **kwargs)
            if number == self.at:
                raise self.error(name)
            return result

        return call


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("big")
    (folder / "big.yaml").write_text(DEFINITION)
    return load(folder)


def arrival(size=40_000, ident="1"):
    event = Event(
        id=ident, source="/s", type="com.example.big", datacontenttype="application/json", data={"x": "é" * (size // 2)}
    )
    return Arrival(event=event, via="events", identity=ident, received=NOW)


class Machine:
    """An open local cluster, and what is asked of it."""

    def __init__(self, cluster, definitions):
        self.cluster, self.definitions = cluster, definitions

    def launcher(self, jobs=None, payloads=None):
        jobs, payloads = jobs or self.cluster.jobs, payloads or self.cluster.payloads
        return Launcher(
            jobs, definitions=lambda: self.definitions, signature="jobhook", metrics=Metrics(), payloads=payloads
        )

    async def launch(self, came, launcher=None, patience=5.0):
        deadline = asyncio.get_running_loop().time() + patience
        (fate,) = await (launcher or self.launcher()).launch(came, deadline=deadline)
        return fate

    async def check(self, owned):
        """No Job without its record; where `owned`, no record without its Job, either."""
        records = {found.name: found for found in await self.cluster.payloads.list()}
        jobs = {job.name: job for job in (await self.cluster.jobs.list()).jobs}
        assert {f"{name}-event" for name in jobs} <= set(records)
        if owned:
            assert {name: found.owner for name, found in records.items()} == {
                f"{name}-event": (name, job.uid) for name, job in jobs.items()
            }

    async def log(self, name):
        async with asyncio.timeout(30), contextlib.aclosing(self.cluster.jobs.follow()) as changes:
            async for change in changes:
                if change.job and change.job.name == name and change.job.end is not None:
                    break
        (pod,) = await self.cluster.jobs.pods(name)
        return b"".join([piece async for piece in self.cluster.jobs.log(pod.name, "main")])


@pytest.fixture
def play(tmp_path, definitions):
    """Play an async function of a `Machine`."""

    def run(scenario):
        async def inside():
            async with LocalCluster(tmp_path / "data") as cluster, asyncio.timeout(60):
                await scenario(Machine(cluster, definitions))

        asyncio.run(inside())

    return run


def test_a_large_event_arrives_as_a_file(play):
    """Above 32 KiB: the very bytes, in a record that is immutable and the Job's; the same event again is one Job."""

    async def scenario(machine):
        came = arrival(800_000)
        fate = await machine.launch(came)
        assert fate.created
        (found,) = await machine.cluster.payloads.list()
        assert (found.name, found.immutable) == (f"{fate.name}-event", True)
        await machine.check(owned=True)
        assert await machine.log(fate.name) == dump(envelope(came.event))
        assert (await machine.launch(came)).created is False
        await machine.check(owned=True)
        job = await machine.cluster.jobs.read(fate.name)
        await machine.cluster.jobs.delete(job.name, uid=job.uid)
        assert await machine.cluster.payloads.list() == []

    play(scenario)


def test_two_calls_more_and_only_then(play):
    """A small event costs one call, a large one three."""

    async def scenario(machine):
        for size, wanted, ident in ((1000, 1, "small"), (40_000, 3, "large")):
            calls = itertools.count()
            ports = [Breaking(port, calls, -1, acted=True) for port in (machine.cluster.jobs, machine.cluster.payloads)]
            assert (await machine.launch(arrival(size, ident), machine.launcher(*ports))).created
            assert next(calls) == wanted

    play(scenario)


def test_an_event_beyond_900_kib_is_refused(play):
    """For good, with the limit; nothing is made."""

    async def scenario(machine):
        fate = await machine.launch(arrival(920 * 1024))
        assert isinstance(fate, Refused)
        assert "takes 921600" in fate.reason
        assert await machine.cluster.payloads.list() == []

    play(scenario)


def test_without_a_place_for_it_a_large_event_is_refused(play):
    """A store of Jobs alone cannot hold it."""

    async def scenario(machine):
        launcher = Launcher(
            machine.cluster.jobs, definitions=lambda: machine.definitions, signature="jobhook", metrics=Metrics()
        )
        assert isinstance(await machine.launch(arrival(), launcher), Refused)
        assert (await machine.launch(arrival(100), launcher)).created

    play(scenario)


@pytest.mark.parametrize("acted", [False, True])
@pytest.mark.parametrize("at", range(3))
def test_a_crash_at_any_call_leaves_no_job_that_cannot_start(play, at, acted):
    """Cut off before or after each call: the invariant holds, and the same event again mends all of it."""

    async def scenario(machine):
        calls = itertools.count()
        ports = [Breaking(port, calls, at, acted=acted) for port in (machine.cluster.jobs, machine.cluster.payloads)]
        came = arrival()
        with pytest.raises(Crash):
            await machine.launch(came, machine.launcher(*ports))
        await machine.check(owned=False)
        fate = await machine.launch(came)
        assert isinstance(fate, Launched)
        await machine.check(owned=True)
        assert await machine.log(fate.name) == dump(envelope(came.event))

    play(scenario)


@pytest.mark.parametrize("acted", [False, True])
@pytest.mark.parametrize("at", range(3))
def test_the_sweep_mends_what_nobody_sent_again(play, at, acted):
    """After an hour an orphan goes, and a record whose Job did come is that Job's; before it nothing is touched."""

    async def scenario(machine):
        calls = itertools.count()
        ports = [Breaking(port, calls, at, acted=acted) for port in (machine.cluster.jobs, machine.cluster.payloads)]
        with pytest.raises(Crash):
            await machine.launch(arrival(), machine.launcher(*ports))
        before = await machine.cluster.payloads.list()
        for age, dry in ((59, False), (61, True), (61, False)):
            payloads = later(machine, age)
            jobs = (await machine.cluster.jobs.list()).jobs
            orphans = len(before) if age > 60 and not jobs else 0
            assert await payloads.sweep(over=lambda: False, dry_run=dry) == orphans
            if dry or age < 60:
                assert await machine.cluster.payloads.list() == before
        await machine.check(owned=True)

    play(scenario)


def test_a_sweep_reports_what_it_deleted(play):
    """Beside the Jobs: one that went, and none on a dry run; a store without payloads is not asked."""

    async def scenario(machine):
        jobs, payloads = machine.cluster.jobs, machine.cluster.payloads
        courier = Courier(jobs, [], compose=lambda *_: None, replica="r", metrics=Metrics(), random=lambda: 0.5)
        await payloads.create(record("big-1", b"x"))

        async def swept(**more):
            return await sweep(
                jobs,
                courier,
                retention=dict.fromkeys(("succeeded", "failed", "cancelled"), timedelta(0)),
                budget=timedelta(seconds=30),
                metrics=Metrics(),
                now=lambda: datetime.now(UTC) + timedelta(minutes=61),
                **more,
            )

        assert (await swept()).orphans == 0
        dry = await swept(payloads=payloads, dry_run=True)
        assert (dry.orphans, dry.more) == (1, False)
        assert (await swept(payloads=payloads)).orphans == 1
        assert (await swept(payloads=payloads)).as_json()["orphans"] == 0

        class Away:
            async def list(self, labels=None, *, data=True):
                raise ClusterUnavailable("away")

        broken = await swept(payloads=Away())
        assert (broken.errors, broken.more) == (1, True)

    play(scenario)


def later(machine, minutes):
    return Payloads(
        records=machine.cluster.payloads,
        jobs=machine.cluster.jobs,
        now=lambda: datetime.now(UTC) + timedelta(minutes=minutes),
    )


def test_a_store_that_blinks_is_waited_for(play):
    """Each call may fail once, before or after it acted: the launch goes on within its deadline."""

    async def scenario(machine):
        for at, acted in itertools.product(range(3), (False, True)):
            calls = itertools.count()
            ports = [
                Breaking(port, calls, at, acted=acted, error=ClusterUnavailable)
                for port in (machine.cluster.jobs, machine.cluster.payloads)
            ]
            came = arrival(ident=f"{at} {acted}")
            assert (await machine.launch(came, machine.launcher(*ports))).created
            await machine.check(owned=True)

    play(scenario)


def test_a_store_that_is_away_is_told(play):
    """Postponed, and safe to send again."""

    async def scenario(machine):
        class Away:
            async def create(self, wanted):
                raise ClusterUnavailable("away")

        fate = await machine.launch(arrival(), machine.launcher(payloads=Away()), patience=0.05)
        assert isinstance(fate, Postponed)
        assert (await machine.launch(arrival())).created

    play(scenario)


def test_an_old_orphan_is_not_built_on(play):
    """A launch makes it anew, so that a sweep that is about to delete it takes nothing from a Job."""

    async def scenario(machine):
        wanted = record("big-1", b"new")
        first = await machine.cluster.payloads.create(record("big-1", b"old"))
        await later(machine, 10).prepare(wanted, "big-1")
        assert await machine.cluster.payloads.read(wanted.name) == first
        await later(machine, 31).prepare(wanted, "big-1")
        assert (await machine.cluster.payloads.read(wanted.name)).data == wanted.data

    play(scenario)


def test_an_old_record_of_a_living_job_stays(play):
    """The same event, sent again after half an hour."""

    async def scenario(machine):
        fate = await machine.launch(arrival())
        (found,) = await machine.cluster.payloads.list()
        await later(machine, 31).prepare(record(fate.name, b"other"), fate.name)
        assert await machine.cluster.payloads.list() == [found]

    play(scenario)


def test_what_went_before_it_was_owned_is_made_again(play):
    """Somebody deleted the record between the Job's creation and its being owned."""

    async def scenario(machine):
        fate = await machine.launch(arrival())
        (found,) = await machine.cluster.payloads.list()
        await machine.cluster.payloads.delete(found.name)
        job = await machine.cluster.jobs.read(fate.name)
        await later(machine, 0).own(record(fate.name, b"again"), job)
        await machine.check(owned=True)

    play(scenario)


def test_a_record_of_somebody_else_is_an_alarm(play):
    """Never built on, never deleted."""

    async def scenario(machine):
        import dataclasses

        other = dataclasses.replace(machine.cluster.payloads, signature="somebody-else")
        await other.create(Record(name="big-1-event", data={}))
        with pytest.raises(KeyClash):
            await later(machine, 0).prepare(record("big-1", b""), "big-1")
        assert await other.read("big-1-event")

    play(scenario)


def test_many_at_once_are_one_job(play):
    """Twenty deliveries of one event at the same time: one Job, one record, all answered alike."""

    async def scenario(machine):
        launcher = machine.launcher()
        fates = await asyncio.gather(*(machine.launch(arrival(), launcher) for _ in range(20)))
        assert sum(fate.created for fate in fates) == 1
        assert len({fate.name for fate in fates}) == 1
        await machine.check(owned=True)

    play(scenario)


def test_the_sweep_stops_when_its_time_is_up(play):
    """What is left is the next one's."""

    async def scenario(machine):
        for number in range(3):
            await machine.cluster.payloads.create(record(f"big-{number}", b""))
        turns = iter([False, True])
        assert await later(machine, 61).sweep(over=lambda: next(turns)) == 1
        assert len(await machine.cluster.payloads.list()) == 2

    play(scenario)


def test_the_manifest_it_sends_is_labelled_as_ours(play):
    """So that every list of ours finds the Job."""

    async def scenario(machine):
        fate = await machine.launch(arrival())
        whole = await machine.cluster.jobs.manifest(fate.name)
        assert whole["metadata"]["labels"][MANAGED_BY] == "jobhook"
        (volume,) = whole["spec"]["template"]["spec"]["volumes"]
        assert volume["configMap"]["name"] == f"{fate.name}-event"
        assert load_json(dump(volume))["configMap"]["items"] == [{"key": "event.json", "path": "event.json"}]

    play(scenario)
