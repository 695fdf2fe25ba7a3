"""One body, one name: what is asked before a loose event is launched, and the law that comes of it."""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from changed import replace
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from webhook import definitions, identity, marks
from webhook.clusters.objects import JobObject
from webhook.clusters.reading import read_job
from webhook.errors import ClusterUnavailable, JobExists, NotFound
from webhook.events import Arrival, Event
from webhook.fates import Launched, Postponed, Refused
from webhook.follow import Follower
from webhook.json import convert
from webhook.launch import Launcher
from webhook.metrics import Metrics
from webhook.onename import MAX_RECENT, SILENCE, OneName
from webhook.ports import Change, Seen

DEFINITION = """
name: {name}
on: [{{type: {type}, via: {via}}}]
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      spec:
        restartPolicy: Never
        containers: [{{name: c, image: i}}]
"""
ASKS = {"on-a": "t.a", "too-a": "t.a", "on-b": "t.b", "on-v": "t.v", "both": "{any: [t.a, t.b]}"}
PREFIXES = {"hook": "t."}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Definitions that ask for one type each, twice for `t.a`, and one that asks for two."""
    folder = tmp_path_factory.mktemp("definitions")
    for name, type_ in ASKS.items():
        (folder / f"{name}.yaml").write_text(DEFINITION.format(name=name, type=type_, via="hook"))
    return definitions.load(folder)


class Memory:
    """Remember what it is told, unless it is stale."""

    def __init__(self):
        self.keys, self.stale, self.asked = set(), False, []

    async def remembers(self, key, *, deadline):
        self.asked.append(key)
        await asyncio.sleep(0)
        if key not in self.keys and self.stale:
            raise ClusterUnavailable("the ledger's copy is stale")
        return key in self.keys


@dataclass
class World:
    """A store of Jobs, what a process knows of it, and how the two drift apart."""

    asked: definitions.DefinitionSet
    held: dict = field(default_factory=dict)
    ever: list = field(default_factory=list)
    failing: frozenset = frozenset()
    calls: list = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    untold: list = field(default_factory=list)
    time: float = 0.0

    namespace = "jobs"

    def __post_init__(self):
        self.restart()

    def restart(self):
        """Begin another process on the same store: what there is it lists, and of what was it knows nothing."""
        self.metrics = Metrics()
        self.follower = Follower(self, metrics=self.metrics, clock=lambda: self.time)
        self.untold.clear()
        present = [Change(Seen.PRESENT, job) for job in self.held.values()]
        for change in (Change(Seen.LISTING), *present, Change(Seen.SYNCED)):
            self._hear(change)
        self.names = OneName(self.follower, self.memory, definitions=lambda: self.asked, doors=PREFIXES)
        self.launcher = Launcher(
            self,
            definitions=lambda: self.asked,
            signature="jobhook",
            metrics=self.metrics,
            memory=self.memory,
            names=self.names,
        )

    def _hear(self, change):
        self.follower._heard = self.time
        self.follower._apply(change)

    def tell(self):
        """Let the watch catch up."""
        for change in self.untold:
            self._hear(change)
        self.untold.clear()

    def sweep(self, *names):
        """Delete Jobs, all where none is named, their keys remembered."""
        for name in names or list(self.held):
            job = self.held.pop(name)
            self.memory.keys.update(marks.remembered_keys(job.annotations))
            self.untold.append(Change(Seen.GONE, job))

    async def create(self, manifest):
        await asyncio.sleep(0)
        metadata = manifest["metadata"]
        self.calls.append("create")
        if metadata["labels"][marks.DEFINITION] in self.failing:
            raise ClusterUnavailable("away", retry_after=timedelta(hours=1))
        if metadata["name"] in self.held:
            raise JobExists("it is there")
        stored = {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
        job = read_job(convert(manifest | {"metadata": metadata | stored}, JobObject))
        self.held[job.name] = job
        self.ever.append(job)
        self.untold.append(Change(Seen.PRESENT, job))
        return job

    async def read(self, name):
        await asyncio.sleep(0)
        self.calls.append("read")
        if name not in self.held:
            raise NotFound(name)
        return self.held[name]

    async def deliver(self, type_, *, body="1" * 64, loose=True, seconds=60.0):
        """Launch one delivery; answer each definition's fate by its name."""
        now = datetime(2026, 1, 1, tzinfo=UTC)
        event = Event(id="fresh", source="/s", type=type_)
        arrival = Arrival(event=event, via="hook", identity=body, received=now, loose=loose)
        deadline = asyncio.get_running_loop().time() + seconds
        fates = await self.launcher.launch(arrival, deadline=deadline)
        return {fate.definition: fate for fate in fates}

    def made(self):
        """The definitions of all Jobs that there ever were, each as often as it has made one."""
        return sorted(job.definition for job in self.ever)

    def counted(self):
        text = self.metrics.text().decode()
        found = re.findall(r'^jobhook_duplicates_total\{by="(\w+)"\} (\S+)', text, re.MULTILINE)
        return {by: float(count) for by, count in found}


def play(asked, story):
    """Run a story in a world of its own."""
    world = World(asked)
    asyncio.run(story(world))
    return world


def test_a_body_under_another_name_launches_nothing_again(asked):
    """The watch has told of the Job: nothing is created, and the definition is told as refused."""

    async def story(world):
        first = await world.deliver("t.a")
        assert {name for name, fate in first.items() if fate.created} == {"on-a", "too-a", "both"}
        world.tell()
        world.names._recent.clear()
        world.calls.clear()
        with capture_logs() as logs:
            other = await world.deliver("t.b")
        assert isinstance(other["on-b"], Refused)
        assert "t.b" in other["on-b"].reason
        assert other["both"] == replace(first["both"], created=False)
        assert world.calls == ["read", "read"]
        [told] = [entry for entry in logs if entry["event"] == "event.relabelled"]
        assert (told["type"], told["known_as"], told["via"], told["log_level"]) == ("t.b", ["t.a"], "hook", "warning")
        assert world.counted() == {"name": 1.0, "body": 1.0}

    assert play(asked, story).made() == ["both", "on-a", "too-a"]


def test_what_this_process_has_just_launched_needs_no_watch(asked):
    """Nor does what it is launching at this moment."""

    async def story(world):
        await world.deliver("t.a")
        assert isinstance((await world.deliver("t.b"))["on-b"], Refused)
        both = await asyncio.gather(
            world.deliver("t.b", body="2" * 64, seconds=9), world.deliver("t.a", body="2" * 64, seconds=9)
        )
        assert isinstance(both[0]["on-b"], Launched)
        assert isinstance(both[1]["on-a"], Refused)
        assert isinstance(both[1]["both"], Launched)

    assert play(asked, story).made() == ["both", "both", "on-a", "on-b", "too-a"]


def test_a_name_that_is_vouched_for_closes_the_body_to_others(asked):
    """Also after its Job is gone."""

    async def story(world):
        assert isinstance((await world.deliver("t.v", loose=False))["on-v"], Launched)
        assert {type(fate) for fate in (await world.deliver("t.b")).values()} == {Refused}
        world.tell()
        for leave in (lambda: None, world.sweep, world.restart):
            leave()
            world.tell()
            assert isinstance((await world.deliver("t.b"))["on-b"], Refused)
        again = await world.deliver("t.v", loose=False)
        assert again["on-v"].gone

    world = play(asked, story)
    assert world.made() == ["on-v"]
    assert not {marks.TYPED_KEY, marks.EVENT_KEY} & world.ever[0].annotations.keys()


@pytest.mark.parametrize("leave", ["", "told", "restarted", "gone", "gone and restarted"])
def test_what_an_unsigned_name_launched_is_closed_to_the_name_that_the_body_tells(asked, leave):
    """It is known by this process, by the watch, after a restart, and by the ledger; its own name stays good."""

    async def story(world):
        assert (await world.deliver("t.b"))["on-b"].created
        if "gone" in leave:
            world.sweep()
        if "restarted" in leave:
            world.restart()
        elif leave:
            world.tell()
            world.names._recent.clear()
        with capture_logs() as logs:
            assert isinstance((await world.deliver("t.v", loose=False))["on-v"], Refused)
        assert [entry["type"] for entry in logs if entry["event"] == "event.relabelled"] == ["t.v"]
        assert not (await world.deliver("t.b"))["on-b"].created

    assert play(asked, story).made() == ["both", "on-b"]


def test_two_names_at_once_of_which_the_body_tells_one(asked):
    """Whichever comes first, one launches; the slower finds out, or waits until it is known."""

    async def story(world):
        for body, order in (("3" * 64, ("t.v", "t.b")), ("4" * 64, ("t.b", "t.v"))):
            deliver = (world.deliver(one, body=body, loose=one != "t.v", seconds=9) for one in order)
            fates = [fate for told in await asyncio.gather(*deliver) for fate in told.values()]
            launched = {fate.definition for fate in fates if isinstance(fate, Launched)}
            assert launched in ({"on-v"}, {"on-b", "both"})
            assert any(isinstance(fate, Refused) for fate in fates)

    play(asked, story)


def test_a_told_name_waits_while_its_body_is_launched_under_another(asked):
    """The other's Job is being created: nobody knows of it yet but the process itself."""

    async def story(world):
        begun, go_on, create = asyncio.Event(), asyncio.Event(), world.create

        async def slow(manifest):
            begun.set()
            await go_on.wait()
            return await create(manifest)

        world.create = slow
        other = asyncio.create_task(world.deliver("t.b", seconds=9))
        await begun.wait()
        told = asyncio.create_task(world.deliver("t.v", loose=False, seconds=9))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not told.done()
        go_on.set()
        assert isinstance((await told)["on-v"], Refused)
        assert (await other)["on-b"].created

    assert play(asked, story).made() == ["both", "on-b"]


def test_an_honest_repeat_of_a_told_name_launches_what_is_missing(asked):
    """Also beside a request for the same body under another name, whose turn it has to wait for."""

    async def story(world):
        world.failing = frozenset({"on-v"})
        assert isinstance((await world.deliver("t.v", loose=False))["on-v"], Postponed)
        world.failing = frozenset()
        fates = await asyncio.gather(world.deliver("t.b", seconds=9), world.deliver("t.v", loose=False, seconds=9))
        assert isinstance(fates[0]["on-b"], Refused)
        assert fates[1]["on-v"].created

    play(asked, story)


def test_before_the_jobs_were_listed_a_told_name_waits_too(asked):
    """One of them may be this body's, under another name."""

    async def story(world):
        await world.deliver("t.b")
        world.restart()
        follower = world.follower
        world.follower = world.names._follower = Follower(world, metrics=Metrics(), clock=lambda: world.time)
        fates = await world.deliver("t.v", loose=False, seconds=0.05)
        assert isinstance(fates["on-v"], Postponed)
        world.follower = world.names._follower = follower
        assert isinstance((await world.deliver("t.v", loose=False))["on-v"], Refused)
        assert (await world.deliver("t.v", loose=False, body="2" * 64))["on-v"].created

    play(asked, story)


def test_a_body_whose_jobs_are_gone_launches_nothing_under_another_name(asked):
    """The ledger knows a Job of it, by whatever definition; in another process, too."""

    async def story(world):
        await world.deliver("t.a")
        world.sweep()
        world.restart()
        other = await world.deliver("t.b")
        assert isinstance(other["on-b"], Refused)
        assert (other["both"].created, other["both"].gone) == (False, True)
        again = await world.deliver("t.a")
        assert {(fate.created, fate.gone) for fate in again.values()} == {(False, True)}

    assert play(asked, story).made() == ["both", "on-a", "too-a"]


@pytest.mark.parametrize("gone", [False, True], ids=["its other Job is there", "its other Jobs are gone"])
@pytest.mark.parametrize("restarted", [False, True])
def test_an_honest_repeat_launches_what_is_missing(asked, gone, restarted):
    """The same name once more, as one of its definitions had to wait; under the other name nothing comes of it."""

    async def story(world):
        world.failing = frozenset({"too-a"})
        first = await world.deliver("t.a")
        assert isinstance(first["too-a"], Postponed)
        assert isinstance(first["on-a"], Launched)
        world.failing = frozenset()
        if gone:
            world.sweep()
        world.tell()
        if restarted:
            world.restart()
        assert isinstance((await world.deliver("t.b"))["on-b"], Refused)
        again = await world.deliver("t.a")
        assert {name: fate.created for name, fate in again.items()} == {"on-a": False, "too-a": True, "both": False}

    assert play(asked, story).made() == ["both", "on-a", "too-a"]


def test_what_launched_nothing_binds_nobody(asked):
    """A name that nobody asked for, or whose Job could not be made, does not use the body up."""

    async def story(world):
        assert await world.deliver("t.nobody") == {}
        world.failing = frozenset(ASKS)
        assert {type(fate) for fate in (await world.deliver("t.a")).values()} == {Postponed}
        world.failing = frozenset()
        assert (await world.deliver("t.b"))["on-b"].created

    play(asked, story)


def test_other_events_are_other_events(asked):
    """Another body, and what is vouched for, are launched as if there were no memory."""

    async def story(world):
        await world.deliver("t.a")
        assert (await world.deliver("t.b", body="2" * 64))["on-b"].created
        assert (await world.deliver("t.v", body="3" * 64, loose=False))["on-v"].created

    play(asked, story)


def test_what_is_vouched_for_asks_the_memory_once_more(asked):
    """Whether it was launched under an unsigned name; and no call is made for that."""

    async def story(world):
        await world.deliver("t.v", loose=False)
        event, job = identity.event_key("hook", "/s", "1" * 64), identity.job_key("on-v", "hook", "/s", "1" * 64)
        assert world.memory.asked == [event, job]
        assert world.calls == ["create"]

    play(asked, story)


def test_the_ledger_is_asked_only_where_the_jobs_do_not_tell(asked):
    """One that is stale postpones what is new, and no repeat of what is there."""

    async def story(world):
        world.memory.stale = True
        fates = await world.deliver("t.a")
        assert {type(fate) for fate in fates.values()} == {Postponed}
        assert world.calls == []
        world.memory.stale = False
        await world.deliver("t.a")
        world.tell()
        world.memory.asked.clear()
        await world.deliver("t.a")
        own = {identity.job_key(name, "hook", "/s", "1" * 64) for name in ("on-a", "too-a", "both")}
        assert set(world.memory.asked) == own

    play(asked, story)


def test_jobs_that_were_not_listed_or_not_heard_of_for_long_postpone(asked):
    """What is not known must not be taken for new: until the deadline it is waited for."""

    async def story(world):
        world.time = SILENCE.total_seconds() + 1
        fates = await world.deliver("t.a")
        assert {type(fate) for fate in fates.values()} == {Postponed}
        world._hear(Change(Seen.ALIVE))
        assert (await world.deliver("t.a"))["on-a"].created
        world.tell()
        world.restart()
        world.follower._synced.clear()
        fates = await world.deliver("t.b", seconds=0.05)
        assert {type(fate) for fate in fates.values()} == {Postponed}
        waiting = asyncio.create_task(world.deliver("t.b", seconds=60))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        world.follower._synced.set()
        assert isinstance((await waiting)["on-b"], Refused)

    play(asked, story)


def test_what_another_replica_launches_meanwhile_counts(asked):
    """While a stale ledger is listed, the watch may bring the very Job that was asked about, or one of another name."""

    async def story(world):
        twin = World(asked)
        await twin.deliver("t.a")
        [job] = [job for job in twin.ever if job.definition == "on-a"]
        remembers = world.memory.remembers

        async def late(key, *, deadline):
            world.held[job.name] = job
            world._hear(Change(Seen.PRESENT, job))
            return await remembers(key, deadline=deadline)

        for type_, created in (("t.a", True), ("t.b", False)):
            world.restart()
            world.memory.remembers = late
            fates = await world.deliver(type_)
            assert any(isinstance(fate, Launched) and fate.created for fate in fates.values()) == created
            world.held.clear()

    play(asked, story)


def test_a_turn_that_does_not_come_is_postponed(asked):
    """The same body hangs in another request until the deadline."""

    async def story(world):
        now = datetime(2026, 1, 1, tzinfo=UTC)
        event = Event(id="1", source="/s", type="t.a")
        arrival = Arrival(event=event, via="hook", identity="1" * 64, received=now, loose=True)
        async with world.names.turn(arrival, deadline=asyncio.get_running_loop().time() + 9):
            assert {type(fate) for fate in (await world.deliver("t.b", seconds=0.05)).values()} == {Postponed}
            assert (await world.deliver("t.b", body="2" * 64))["on-b"].created
        assert not world.names._turns

    play(asked, story)


def test_a_cluster_that_cannot_be_read_postpones(asked):
    """Whether the definition that asks for both has its Job is not known then."""

    async def story(world):
        await world.deliver("t.a")

        async def away(name):
            raise ClusterUnavailable("away", retry_after=timedelta(seconds=7))

        world.read = away
        fates = await world.deliver("t.b")
        assert {fate.retry_after for fate in fates.values()} == {timedelta(seconds=7)}

    play(asked, story)


def test_the_memory_of_launches_is_bounded(asked):
    """The oldest goes first; other doors' events are not kept at all."""

    async def story(world):
        now = datetime(2026, 1, 1, tzinfo=UTC)

        def note(number, via="hook"):
            event = Event(id="1", source="/s", type="t.a")
            world.names.note(Arrival(event=event, via=via, identity=f"{number}", received=now))

        note(0, via="events")
        assert not world.names._recent
        for number in range(MAX_RECENT + 10):
            note(number)
        assert len(world.names._recent) == MAX_RECENT
        assert list(world.names._recent)[-1] == ("hook", "/s", f"{MAX_RECENT + 9}")

    play(asked, story)


def test_only_definitions_within_reach_are_asked_for(tmp_path):
    """By another door, or with types of another prefix, none could have launched the event."""
    rows = {
        "exact": ("t.a", "hook"),
        "foreign": ("u.a", "hook"),
        "elsewhere": ("t.a", "other"),
        "wide": ("{prefix: com.}", "hook"),
        "some": ("{any: [u.a, t.b]}", "{prefix: ho}"),
    }
    for name, (type_, via) in rows.items():
        (tmp_path / f"{name}.yaml").write_text(DEFINITION.format(name=name, type=type_, via=via))
    found = definitions.load(tmp_path)
    assert set(found.within_reach("hook", "t.")) == {"exact", "wide", "some"}
    assert found.within_reach("nowhere", "t.") == ()


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("deliver"), st.sampled_from(["t.a", "t.b", "t.v", "t.nobody"]), st.sets(st.sampled_from([*ASKS]))
        ),
        st.sampled_from([("sweep",), ("sweep one",), ("restart",), ("tell",)]),
    ),
    max_size=12,
)


@given(STEPS)
@example([("deliver", "t.a", {"on-a"}), ("deliver", "t.v", set())])
@settings(max_examples=300)
def test_a_body_launches_under_one_name_whatever_happens(asked, steps):
    """Failures, sweeps, restarts and a slow watch between: one type, and all that ask for it in the end.

    `t.v` is what the body itself tells, the others are what headers say.
    """

    async def story(world):
        first = None
        for step, *how in steps:
            if step == "deliver":
                type_, world.failing = how
                fates = await world.deliver(type_, loose=type_ != "t.v")
                created = [name for name, fate in fates.items() if isinstance(fate, Launched) and fate.created]
                if created:
                    assert first in {None, type_}, f"launched as {first} and as {type_}"
                first = first or (type_ if created else None)
                # Whoever asked was either served or told.
                missing = {name for name, fate in fates.items() if not isinstance(fate, Launched)}
                assert missing <= world.failing or first != type_
            elif step == "sweep":
                world.sweep()
            elif step == "sweep one":
                world.sweep(*list(world.held)[:1])
            else:
                getattr(world, step)()
        world.failing = frozenset()
        if first is not None:
            await world.deliver(first, loose=first != "t.v")
            assert {name for name, type_ in ASKS.items() if first in type_} <= set(world.made())

    made = play(asked, story).made()
    assert len(made) == len(set(made))
