"""What every cluster promises of definitions' templates in records: read and followed by name, ours or not."""

import asyncio
from dataclasses import replace

import pytest

from webhook.errors import NotFound
from webhook.ports import Record


@pytest.fixture(params=["records", "payloads"])
def port(request):
    """Which of the two spaces."""
    return lambda there: getattr(there, request.param)


def test_a_template_is_read_by_its_name(play, port):
    """One key of any record of the namespace, whoever made it; bytes that are no text are none, as is another namespace."""

    async def scenario(there):
        namespace = there.jobs.namespace
        data = {"t": "é: {{ x }}\n".encode(), "b": b"\xff\x00", "empty": b""}
        for maker in (there, there.other):
            record = await port(maker).create(Record(name=there.name(), data=data))
            assert await port(there).template(namespace, record.name, "t") == "é: {{ x }}\n"
            assert await port(there).template(namespace, record.name, "empty") == ""
            for where in (
                (namespace, record.name, "b"),
                (namespace, record.name, "none"),
                ("elsewhere", record.name, "t"),
                (namespace, "Not a name", "t"),
                ("Not a name", record.name, "t"),
            ):
                with pytest.raises(NotFound):
                    await port(there).template(*where)

    play(scenario)


def test_a_template_is_followed(play, port):
    """Its text as it is, then as it becomes: edited, without the key, deleted, made again; each once."""

    async def scenario(there):
        records, name = port(there.other), there.name()
        record = await records.create(Record(name=name, data={"t": b"1"}))
        async with there.following(port(there).follow_template(there.jobs.namespace, name, "t")) as told:

            async def comes(*texts):
                await told.until(lambda steps: steps == list(texts), texts)

            await comes("1")
            record = await records.replace(replace(record, data={"t": b"2", "other": b"x"}))
            await comes("1", "2")
            record = await records.replace(replace(record, labels={"a": "b"}, data={"t": b"2"}))
            record = await records.replace(replace(record, data={"t": b"3"}))
            await comes("1", "2", "3")
            record = await records.replace(replace(record, data={"t": b"\xff"}))
            await comes("1", "2", "3", None)
            record = await records.replace(replace(record, data={"t": b"4"}))
            await comes("1", "2", "3", None, "4")
            await records.delete(name)
            await comes("1", "2", "3", None, "4", None)
            await records.create(Record(name=name, data={"t": b"5"}))
            await comes("1", "2", "3", None, "4", None, "5")

    play(scenario)


def test_a_template_that_is_not_there_yet_is_followed(play, port):
    """None comes first; its neighbours say nothing, and it comes when it is made."""

    async def scenario(there):
        name = there.name()
        async with there.following(port(there).follow_template(there.jobs.namespace, name, "t")) as told:
            await told.until(lambda steps: steps == [None])
            await port(there).create(Record(name=f"{name}-more", data={"t": b"0"}))
            await port(there).create(Record(name=name, data={"t": b"1"}))
            await told.until(lambda steps: steps == [None, "1"])

    play(scenario)


def test_a_template_of_another_namespace_is_another(play, port):
    """What is made under its name here says nothing about it."""

    async def scenario(there):
        name = there.name()
        here, elsewhere = (port(there).follow_template(n, name, "t") for n in (there.jobs.namespace, "elsewhere"))
        async with there.following(here) as told, there.following(elsewhere) as other:
            await other.until(lambda steps: steps == [None])
            await port(there).create(Record(name=name, data={"t": b"1"}))
            await told.until(lambda steps: steps[-1:] == ["1"])
            assert other.steps == [None]

    play(scenario)


@pytest.mark.parametrize("where", [("elsewhere", "x"), ("Not a name", "x"), (None, "Not a name"), (None, "a/b?c")])
def test_a_template_that_cannot_be_is_followed_as_absent(play, where):
    """Another namespace and what is no name: None, and no end."""

    async def scenario(there):
        namespace, name = where
        follow = there.records.follow_template(namespace or there.jobs.namespace, name, "t")
        async with there.following(follow) as told:
            await told.until(lambda steps: steps == [None])
            ended, _ = await asyncio.wait({told._task}, timeout=0.1)
            assert not ended

    play(scenario)


def test_many_edits_end_with_the_last(play):
    """Whatever is edited while the follow begins: what was told last is what is there."""

    async def scenario(there):
        record = await there.records.create(Record(name=there.name(), data={"t": b"0"}))
        follows = [there.records.follow_template(there.jobs.namespace, record.name, "t") for _ in range(3)]
        async with (
            there.following(follows[0]) as first,
            there.following(follows[1]) as second,
            there.following(follows[2]) as third,
        ):
            for number in range(1, 30):
                record = await there.records.replace(replace(record, data={"t": str(number).encode()}))
            for told in (first, second, third):
                await told.until(lambda steps: steps and steps[-1] == "29")

    play(scenario)
