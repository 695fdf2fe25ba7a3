"""The definitions of a running process: reloaded whole, the last good set kept, every change seen."""

import asyncio
import contextlib
import time

import pytest
from structlog.testing import capture_logs

from webhook.definitions.library import Library
from webhook.errors import ClusterUnavailable, DefinitionError, NotFound
from webhook.metrics import Metrics

SPEC = "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {}}}}"
PATIENCE = 30.0


def definition(name):
    return f'name: {name}\nspec: "{SPEC}"\n'


class ConfigMaps:
    """Templates in memory, by namespace and name."""

    def __init__(self, **templates):
        self.templates, self.away = templates, False

    async def template(self, namespace, name, key):
        if self.away:
            raise ClusterUnavailable("no answer")
        try:
            return self.templates[f"{namespace}_{name}_{key}"]
        except KeyError:
            raise NotFound("no such template") from None


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


def test_templates_in_config_maps_are_fetched(tmp_path):
    """They are read from the cluster, again at each look; one that is gone is a broken edit."""
    (tmp_path / "a.yaml").write_text("name: a\nspec_config_map_name: m\nspec_config_map_namespace: n\n")
    records = ConfigMaps(n_m_m=SPEC)

    async def scenario():
        library = Library(tmp_path, metrics=Metrics(), records=records)
        await library.load()
        before = library.current.digest
        assert not await library._changed()
        records.templates["n_m_m"] = SPEC.replace("spec: {}", "spec: {x: y}")
        assert await library._changed()
        await library.reload()
        assert library.current.digest != before
        records.away = True
        assert not await library._changed()
        assert not await library.reload()
        assert "no answer" in str(library.problem)
        records.away = False
        assert await library._changed()
        assert await library.reload()
        records.templates.clear()
        assert not await library.reload()
        assert "there is no ConfigMap n/m with a key m" in str(library.problem)
        assert library.current.names == ("a",)

    asyncio.run(scenario())
