"""The definitions of a running process: reloaded whole, the last good set kept, every change seen."""

import asyncio
import contextlib
import time

import pytest
from structlog.testing import capture_logs

from webhook.definitions import borrowed
from webhook.definitions.library import Library
from webhook.errors import ClusterUnavailable, DefinitionError, NotFound
from webhook.metrics import Metrics

SPEC = "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {}}}}"
PATIENCE = 30.0


def definition(name):
    return f'name: {name}\nspec: "{SPEC}"\n'


class ConfigMaps:
    """Templates of the namespace `n` in memory; `follows` has a queue for each that is followed."""

    def __init__(self, **templates):
        self.templates, self.away, self.refused, self.mute = templates, False, None, set()
        self.reads, self.follows = [], {}

    async def template(self, namespace, name, key):
        assert (namespace, name) == ("n", key)
        self.reads.append(name)
        await asyncio.sleep(0.001)
        if self.away or name == self.refused:
            raise ClusterUnavailable("no answer")
        if name not in self.templates:
            raise NotFound("no such template")
        return self.templates[name]

    async def follow_template(self, namespace, name, key):
        assert (namespace, name) == ("n", key)
        told = self.follows[name] = asyncio.Queue()
        try:
            while self.away or name in {self.refused, *self.mute}:
                await asyncio.sleep(0.01)
            yield self.templates.get(name)
            while True:
                text = await told.get()
                if isinstance(text, Exception):
                    raise text
                yield text
        finally:
            del self.follows[name]

    def edit(self, **texts):
        """Change some at once; None deletes."""
        for name, text in texts.items():
            self.templates.pop(name, None)
            if text is not None:
                self.templates[name] = text
            self.follows[name].put_nowait(text)


def borrowing(name):
    return f"name: {name}\nspec_config_map_name: {name}\nspec_config_map_namespace: n\n"


def changed(text):
    """A template that differs."""
    return SPEC.replace("spec: {}", f"spec: {{x: {text}}}")


def gauge(metrics, name):
    return metrics.registry.get_sample_value(name)


async def until(holds):
    """Wait for a condition, by a deadline."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def watched(library):
    """Watch while the block runs; a change before the watch stands is found at its first look."""
    task = asyncio.create_task(library.watch())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_the_first_load_must_be_good(tmp_path):
    """A broken file at the start is an error, and nothing is loaded."""
    (tmp_path / "a.yaml").write_text("name: 5")
    library = Library(tmp_path, metrics=Metrics())
    with pytest.raises(DefinitionError, match=r"a.yaml:1:1"):
        asyncio.run(library.load())
    assert len(library.current) == 0


def test_what_is_passed_over_is_logged_once(tmp_path):
    """A link to nothing that is called like a definition's file; not at every reload."""
    (tmp_path / "a.yaml").write_text(definition("a"))
    (tmp_path / "b.yaml").symlink_to("nowhere")

    async def main():
        library = Library(tmp_path, metrics=Metrics())
        await library.load()
        await library.reload()

    with capture_logs() as lines:
        asyncio.run(main())
    (told,) = [line for line in lines if line["event"] == "definitions.passed_over"]
    assert "b.yaml: passed over: a link to nothing" in told["problem"]


def test_a_broken_edit_keeps_the_last_good_set(tmp_path):
    """It shows in `problem`, the metrics and the log, once; the next good edit ends that."""
    metrics = Metrics()
    library = Library(tmp_path, metrics=metrics)

    async def scenario():
        (tmp_path / "a.yaml").write_text(definition("a"))
        await library.load()
        (tmp_path / "a.yaml").write_text("name: 5")
        assert not await library.reload()
        assert not await library.reload()
        assert library.current.names == ("a",)
        assert "a.yaml:1:1" in str(library.problem)
        assert gauge(metrics, "jobhook_definitions_stale") == 1
        (tmp_path / "a.yaml").write_text(definition("b"))
        assert await library.reload()
        assert library.problem is None
        assert library.current.names == ("b",)
        assert (gauge(metrics, "jobhook_definitions_stale"), gauge(metrics, "jobhook_definitions")) == (0, 1)

    with capture_logs() as logs:
        asyncio.run(scenario())
    assert [entry["event"] for entry in logs] == ["definitions.loaded", "definitions.broken", "definitions.reloaded"]


def test_a_set_is_replaced_whole(tmp_path):
    """One broken file of two leaves both as they were."""

    async def scenario():
        library = Library(tmp_path, metrics=Metrics())
        for name in ("a", "b"):
            (tmp_path / f"{name}.yaml").write_text(definition(name))
        await library.load()
        (tmp_path / "a.yaml").write_text(definition("changed"))
        (tmp_path / "b.yaml").write_text("name: [")
        await library.reload()
        assert library.current.names == ("a", "b")

    asyncio.run(scenario())


def test_a_change_of_a_file_is_seen(tmp_path):
    """New, changed and removed files, and a template in a sub-folder."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "t.txt").write_text(SPEC)
    (tmp_path / "a.yaml").write_text("name: a\nspec_path: templates/t.txt\n")

    async def scenario():
        library = Library(tmp_path, metrics=Metrics())
        await library.load()
        before = library.current.digest
        async with watched(library):
            (tmp_path / "b.yaml").write_text(definition("b"))
            await until(lambda: library.current.names == ("a", "b"))
            (tmp_path / "b.yaml").unlink()
            await until(lambda: library.current.names == ("a",))
            (tmp_path / "templates" / "t.txt").write_text(SPEC.replace("spec: {}", "spec: {x: y}"))
            await until(lambda: library.current.digest != before)
            (tmp_path / "a.yaml").write_text("name: [")
            await until(lambda: library.problem is not None)
            (tmp_path / "a.yaml").write_text(definition("c"))
            await until(lambda: library.current.names == ("c",) and library.problem is None)

    asyncio.run(scenario())


def test_the_swap_of_a_mounted_config_map_is_seen(tmp_path):
    """Kubernetes changes a mounted ConfigMap by renaming one symbolic link."""

    def version(number, text):
        folder = tmp_path / f"..{number}"
        folder.mkdir()
        (folder / "a.yaml").write_text(text)
        (tmp_path / "..data_tmp").symlink_to(folder.name)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    version(1, definition("a"))
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")

    async def scenario():
        library = Library(tmp_path, metrics=Metrics())
        await library.load()
        assert library.current.names == ("a",)
        async with watched(library):
            version(2, definition("b"))
            await until(lambda: library.current.names == ("b",))

    asyncio.run(scenario())


def test_a_single_file_is_watched_through_its_folder(tmp_path):
    """Editors replace a file rather than write into it."""
    path = tmp_path / "job_definitions"
    path.write_text(definition("a"))

    async def scenario():
        library = Library(path, metrics=Metrics())
        await library.load()
        async with watched(library):
            (tmp_path / "new").write_text(definition("b"))
            (tmp_path / "new").replace(path)
            await until(lambda: library.current.names == ("b",))

    asyncio.run(scenario())


def test_templates_in_config_maps_are_followed(tmp_path):
    """An edit is loaded; a broken one, and a deletion, keep the last good set and say so until it is mended."""
    (tmp_path / "a.yaml").write_text(borrowing("a"))
    records, metrics = ConfigMaps(a=SPEC), Metrics()

    async def scenario():
        library = Library(tmp_path, metrics=metrics, records=records)
        await library.load()
        first = library.current.digest
        async with watched(library):
            await until(lambda: records.follows)
            records.edit(a=changed("1"))
            await until(lambda: library.current.digest != first)
            good = library.current.digest
            records.edit(a="{% if")
            await until(lambda: library.problem is not None)
            assert "ConfigMap n/a:1" in str(library.problem)
            records.edit(a=None)
            await until(lambda: "there is no ConfigMap n/a with a key a" in str(library.problem))
            assert library.current.digest == good
            assert gauge(metrics, "jobhook_definitions_stale") == 1
            records.edit(a=SPEC)
            await until(lambda: library.problem is None)
            assert library.current.digest == first
        assert records.reads == ["a"]
        assert not records.follows

    with capture_logs() as logs:
        asyncio.run(scenario())
    assert [entry["event"].removeprefix("definitions.") for entry in logs] == [
        "loaded",
        "reloaded",
        "broken",
        "broken",
        "reloaded",
    ]


def test_what_is_followed_is_what_the_files_name(tmp_path):
    """A ConfigMap that a new file names is followed from then on, one that is named no more is not."""
    (tmp_path / "a.yaml").write_text(borrowing("a"))
    records = ConfigMaps(a=SPEC, b=SPEC)

    async def scenario():
        library = Library(tmp_path, metrics=Metrics(), records=records)
        await library.load()
        async with watched(library):
            await until(lambda: records.follows.keys() == {"a"})
            (tmp_path / "b.yaml").write_text(borrowing("b"))
            await until(lambda: records.follows.keys() == {"a", "b"} and library.current.names == ("a", "b"))
            before = library.current.digest
            records.edit(b=changed("1"))
            await until(lambda: library.current.digest != before)
            (tmp_path / "a.yaml").unlink()
            await until(lambda: records.follows.keys() == {"b"} and library.current.names == ("b",))
            (tmp_path / "c.yaml").write_text(borrowing("c"))
            await until(lambda: library.problem is not None and "c" in records.follows)
            assert library.current.names == ("b",)
            records.edit(c=SPEC)
            await until(lambda: library.current.names == ("b", "c"))
        assert records.reads == ["a", "b", "c"]

    asyncio.run(scenario())


def test_a_new_template_while_the_cluster_is_away(tmp_path):
    """The last good set is kept, the known templates too; once the cluster answers, all of the new set is loaded."""
    (tmp_path / "a.yaml").write_text(borrowing("a"))
    records = ConfigMaps(a=SPEC, b=SPEC)

    async def scenario():
        library = Library(tmp_path, metrics=Metrics(), records=records)
        await library.load()
        async with watched(library):
            await until(lambda: records.follows)
            records.away = True
            (tmp_path / "d.yaml").write_text(definition("d"))
            await until(lambda: library.current.names == ("a", "d"))
            (tmp_path / "b.yaml").write_text(borrowing("b"))
            await until(lambda: library.problem is not None)
            assert "no answer" in str(library.problem)
            assert library.current.names == ("a", "d")
            records.away = False
            await until(lambda: library.current.names == ("a", "b", "d") and library.problem is None)

    asyncio.run(scenario())


def test_one_that_cannot_be_read_is_not_a_flood_of_reads(tmp_path):
    """Each reload asks for that one again, and for no other, whether it was told of yet or not."""
    for name in ("a", "b", "z"):
        (tmp_path / f"{name}.yaml").write_text(borrowing(name))
    (tmp_path / "z.yaml").rename(tmp_path / "z.off")
    records = ConfigMaps(a=SPEC, b=SPEC, z=SPEC)

    async def scenario():
        library = Library(tmp_path, metrics=Metrics(), records=records)
        await library.load()
        async with watched(library):
            await until(lambda: len(records.follows) == 2)
            (tmp_path / "y.yaml").write_text(borrowing("y"))
            records.refused, records.mute = "z", {"y"}
            (tmp_path / "z.off").rename(tmp_path / "z.yaml")
            await until(lambda: "no answer" in str(library.problem))
            for _ in range(5):
                await library.reload()
            assert library.current.names == ("a", "b")
            assert {name: records.reads.count(name) for name in "aby"} == {"a": 1, "b": 1, "y": 1}
            records.refused, records.mute, records.templates["y"] = None, (), SPEC
            await until(lambda: library.current.names == ("a", "b", "y", "z"))

    asyncio.run(scenario())


def test_changes_of_several_templates_at_once_are_one(tmp_path, monkeypatch):
    """What one `kubectl apply` changes is loaded together: no set is used that has only some of it."""
    monkeypatch.setattr(borrowed, "SETTLE", 1.0)
    records = ConfigMaps(a=SPEC, b=SPEC)
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(borrowing(name))

    async def scenario():
        library = Library(tmp_path, metrics=Metrics(), records=records)
        await library.load()
        before = library.current.digest
        async with watched(library):
            await until(lambda: len(records.follows) == 2)
            records.edit(a=changed("1"))
            await asyncio.sleep(0.1)
            records.edit(b=changed("1"))
            await until(lambda: library.current.digest != before)
            after = library.current.digest
            await library.reload()
            assert library.current.digest == after

    with capture_logs() as logs:
        asyncio.run(scenario())
    assert [entry["event"] for entry in logs] == ["definitions.loaded", "definitions.reloaded"]


def test_a_follow_that_breaks_is_begun_anew(tmp_path):
    """Whatever it raises, the others and the process go on."""
    (tmp_path / "a.yaml").write_text(borrowing("a"))
    records = ConfigMaps(a=SPEC)

    async def scenario():
        library = Library(tmp_path, metrics=Metrics(), records=records)
        await library.load()
        before = library.current.digest
        async with watched(library):
            await until(lambda: records.follows)
            broken = records.follows["a"]
            broken.put_nowait(RuntimeError("broken"))
            await until(lambda: records.follows.get("a", broken) is not broken)
            records.edit(a=changed("1"))
            await until(lambda: library.current.digest != before)

    with capture_logs() as logs:
        asyncio.run(scenario())
    assert "definitions.template_broke" in [entry["event"] for entry in logs]
