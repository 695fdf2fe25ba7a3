"""What every cluster promises of its records (`ports.Records`)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from webhook.errors import Conflict, ManifestRefused, NotFound
from webhook.ports import Record

ALL_BYTES = bytes(range(256))


@pytest.fixture(params=["records", "payloads"])
def port(request):
    """Which of the two spaces."""
    return lambda there: getattr(there, request.param)


def test_a_record_comes_back_as_it_was(play, port):
    """Data of any bytes, labels and annotations; version and created are the store's."""

    async def scenario(there):
        data = {"all": ALL_BYTES, "text": b"caf\xc3\xa9", "empty": b"", "x_y-z.0": b"1"}
        given = Record(name=there.name("r"), data=data, labels={"kind": "keys"}, annotations={"a": "ü"})
        stored = await port(there).create(given)
        read = await port(there).read(given.name)
        assert read == stored
        assert (dict(read.data), dict(read.annotations)) == (data, {"a": "ü"})
        assert read.labels["kind"] == "keys"
        assert (read.immutable, read.owner, bool(read.version)) == (False, None, True)
        assert read.created is not None
        assert abs(read.created - datetime.now(UTC)) < timedelta(minutes=5)

    play(scenario)


def test_a_records_name_is_taken_once(play, port):
    """A second create raises Conflict, and changes nothing."""

    async def scenario(there):
        name = there.name()
        await port(there).create(Record(name=name, data={"a": b"1"}))
        with pytest.raises(Conflict):
            await port(there).create(Record(name=name, data={"a": b"2"}))
        assert (await port(there).read(name)).data["a"] == b"1"

    play(scenario)


@pytest.mark.parametrize(
    "record",
    [
        Record(name="Not A Name", data={}),
        Record(name="x" * 254, data={}),
        Record(name="x", data={"a/b": b""}),
        Record(name="x", data={"": b""}),
        Record(name="x", data={"a": b"x" * (1024 * 1024 + 1)}),
        Record(name="x", data={}, labels={"a": "not a value"}),
        Record(name="x", data={}, annotations={"a": "x" * (256 * 1024)}),
    ],
)
def test_what_is_no_record_is_refused(play, port, record):
    """A name, a key or a size that the store does not take is refused for good."""

    async def scenario(there):
        given = replace(record, name=there.name()) if record.name == "x" else record
        with pytest.raises(ManifestRefused):
            await port(there).create(given)
        with pytest.raises(NotFound):
            await port(there).read(given.name)

    play(scenario)


def test_a_record_that_is_not_there_is_not_found(play, port):
    """Every method that takes a name says so."""

    async def scenario(there):
        name = there.name("absent")
        for attempt in (
            port(there).read(name),
            port(there).replace(Record(name=name, data={}, version="1")),
            port(there).own(name, ("job", "uid")),
            port(there).delete(name),
            port(there).template("default", name, "key"),
        ):
            with pytest.raises(NotFound):
                await attempt

    play(scenario)


def test_a_record_is_replaced_whole(play, port):
    """What the new one lacks is gone; it has a new version and the old creation time."""

    async def scenario(there):
        old = await port(there).create(Record(name=there.name(), data={"a": b"1", "b": b"2"}, labels={"x": "1"}))
        new = await port(there).replace(replace(old, data={"c": b"3"}, labels={"y": "2"}))
        read = await port(there).read(old.name)
        assert read == new
        assert dict(read.data) == {"c": b"3"}
        assert ("x" in read.labels, read.labels["y"]) == (False, "2")
        assert read.version != old.version
        assert read.created == old.created

    play(scenario)


def test_a_stale_replace_conflicts(play, port):
    """Compare-and-swap: another version, or none, changes nothing."""

    async def scenario(there):
        old = await port(there).create(Record(name=there.name(), data={"n": b"1"}))
        await port(there).replace(replace(old, data={"n": b"2"}))
        for version in (old.version, ""):
            with pytest.raises(Conflict):
                await port(there).replace(replace(old, data={"n": b"3"}, version=version))
        assert (await port(there).read(old.name)).data["n"] == b"2"

    play(scenario)


def test_one_of_many_replaces_wins(play, port):
    """Concurrent replaces of one version: exactly one is taken."""

    async def scenario(there):
        old = await port(there).create(Record(name=there.name(), data={}))
        tries = (port(there).replace(replace(old, data={"n": str(n).encode()})) for n in range(20))
        answers = await asyncio.gather(*tries, return_exceptions=True)
        (won,) = [answer for answer in answers if isinstance(answer, Record)]
        assert sum(isinstance(answer, Conflict) for answer in answers) == 19
        assert await port(there).read(old.name) == won

    play(scenario)


def test_an_immutable_record_can_only_go(play, port):
    """It cannot be replaced, and can be deleted."""

    async def scenario(there):
        record = await port(there).create(Record(name=there.name(), data={"a": b"1"}, immutable=True))
        assert record.immutable
        with pytest.raises(Conflict):
            await port(there).replace(replace(record, data={"a": b"2"}))
        assert (await port(there).read(record.name)).data["a"] == b"1"
        await port(there).delete(record.name)
        with pytest.raises(NotFound):
            await port(there).read(record.name)

    play(scenario)


def test_a_delete_may_ask_for_a_version(play, port):
    """Another version is a Conflict; without one the record goes as it is."""

    async def scenario(there):
        old = await port(there).create(Record(name=there.name(), data={}))
        new = await port(there).replace(replace(old, data={"a": b"1"}))
        with pytest.raises(Conflict):
            await port(there).delete(old.name, version=old.version)
        await port(there).delete(old.name, version=new.version)
        with pytest.raises(NotFound):
            await port(there).delete(old.name)

    play(scenario)


def test_records_are_listed_by_labels(play, port):
    """All that bear all of the labels; without labels all of ours."""

    async def scenario(there):
        names = {}
        for labels in ({"a": "1"}, {"a": "1", "b": "2"}, {"b": "2"}):
            record = await port(there).create(Record(name=there.name(), data={"x": b"y"}, labels=labels))
            names[tuple(labels)] = record.name
        assert {r.name for r in await port(there).list({"a": "1"})} == {names[("a",)], names[("a", "b")]}
        assert [r.name for r in await port(there).list({"a": "1", "b": "2"})] == [names[("a", "b")]]
        assert {r.name for r in await port(there).list()} >= set(names.values())
        assert (await port(there).list({"b": "2"}))[0].data == {"x": b"y"}

    play(scenario)


def test_anothers_record_is_as_good_as_absent(play, port):
    """Another signature's record is not seen, not changed and not deleted; its name is taken all the same."""

    async def scenario(there):
        record = await port(there.other).create(Record(name=there.name(), data={}))
        for attempt in (
            port(there).read(record.name),
            port(there).replace(record),
            port(there).own(record.name, ("job", "uid")),
            port(there).delete(record.name),
        ):
            with pytest.raises(NotFound):
                await attempt
        assert record.name not in {one.name for one in await port(there).list()}
        with pytest.raises(Conflict):
            await port(there).create(Record(name=record.name, data={}))

    play(scenario)


async def _gone(there, name):
    """Wait until a payload is not found: a garbage collector takes its time."""
    async with asyncio.timeout(30):
        while True:
            try:
                await there.payloads.read(name)
            except NotFound:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("immutable", [False, True])
def test_a_record_goes_with_its_owner(play, immutable):
    """A payload that a Job owns, immutable or not, is gone after the Job; one that it does not own stays."""

    async def scenario(there):
        job = await there.jobs.create(there.manifest())
        owned = await there.payloads.create(Record(name=there.name(), data={"a": b"1"}, immutable=immutable))
        free = await there.payloads.create(Record(name=there.name(), data={}))
        await there.payloads.own(owned.name, (job.name, job.uid))
        await there.payloads.own(owned.name, (job.name, job.uid))
        read = await there.payloads.read(owned.name)
        assert (read.owner, read.data["a"]) == ((job.name, job.uid), b"1")
        await there.jobs.delete(job.name, uid=job.uid)
        await _gone(there, owned.name)
        assert (await there.payloads.read(free.name)).owner is None

    play(scenario)


def test_a_record_goes_where_its_owner_is_gone_already(play):
    """A Job deleted between its creation and the owning leaves no payload behind."""

    async def scenario(there):
        job = await there.jobs.create(there.manifest())
        record = await there.payloads.create(Record(name=there.name(), data={}))
        await there.jobs.delete(job.name, uid=job.uid)
        await there.payloads.own(record.name, (job.name, job.uid))
        await _gone(there, record.name)

    play(scenario)


def test_a_list_may_leave_out_the_data(play, port):
    """Names, labels, owners, versions and times of records whose data may be large, and that alone."""

    async def scenario(there):
        job = await there.jobs.create(there.manifest())
        kind = {"kind": there.name("k")}
        first = Record(name=there.name(), data={"a": b"1" * 500_000}, labels=kind, immutable=True)
        stored = await port(there).create(first)
        if port(there) is there.payloads:
            await there.payloads.own(first.name, (job.name, job.uid))
        (whole,) = await port(there).list(kind)
        (light,) = await port(there).list(kind, data=False)
        assert (light.data, whole.data) == ({}, stored.data)
        told = ("name", "labels", "annotations", "owner", "version", "created")
        assert [getattr(light, name) for name in told] == [getattr(whole, name) for name in told]
        await port(there).delete(light.name, version=light.version)
        assert await port(there).list(kind) == []

    play(scenario)
