"""Ten thousand Jobs, page after page, by a process that stays small."""

import asyncio
import pathlib
import re
import urllib.parse

import pytest
from driving import Receiver, Sink, config

from webhook import marks
from webhook.clusters.local import LocalCluster

JOBS = 10_000
GROWTH = 40
"""MiB that a receiver may take on more than at rest, whatever is listed."""


def _job(number):
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"many-{number:05}",
            "labels": {marks.MANAGED_BY: "jobhook", marks.DEFINITION: "many", "even": str(number % 2 == 0).lower()},
            "annotations": {marks.PARAMS: '{"text": "' + "x" * 2000 + '"}'},
        },
        "spec": {
            "suspend": True,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "main", "image": "none", "command": ["true"]}],
                }
            },
        },
    }


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """A receiver over a store that holds so many Jobs already."""
    folder, sink = tmp_path_factory.mktemp("many"), Sink()

    async def fill():
        async with LocalCluster(folder / ".jobhook") as cluster:
            for first in range(0, JOBS, 500):
                await asyncio.gather(*(cluster.jobs.create(_job(number)) for number in range(first, first + 500)))

    asyncio.run(fill())
    made = Receiver(folder, definitions={}, config=config(sink)).start()
    yield made
    made.stop()
    sink.close()


def _peak(receiver):
    """The most MiB that the process has held since it was last asked to forget that."""
    text = pathlib.Path(f"/proc/{receiver.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) / 1024


def _pages(receiver, query):
    token, count = "", 0
    while token is not None:
        page = receiver.as_caller(
            "GET", f"/jobs?{query}&continue={urllib.parse.quote(token)}" if token else f"/jobs?{query}"
        )
        assert page.status == 200, page.body
        count += 1
        yield page.json["jobs"]
        token = page.json["continue"]
        assert count <= JOBS


def test_pages_hold_every_job_once_in_bounded_memory(receiver):
    """The process grows by about a page, not by the list."""
    list(_pages(receiver, "limit=500&label=even=none"))  # whatever is loaded only once
    pathlib.Path(f"/proc/{receiver.process.pid}/clear_refs").write_text("5")
    before = _peak(receiver)
    names = [job["name"] for jobs in _pages(receiver, "limit=500") for job in jobs]
    assert len(names) == len(set(names)) == JOBS
    assert _peak(receiver) - before < GROWTH


def test_filters_leave_pages_that_hold_fewer(receiver):
    """What the store cannot choose by is left out of a page; the list goes on all the same."""
    pages = list(_pages(receiver, "limit=500&state=running"))
    assert (len(pages), sum(map(len, pages))) == (JOBS // 500, 0)
    assert sum(map(len, _pages(receiver, "limit=500&label=even=true&state=queued"))) == JOBS // 2


def test_the_ancestors_list_has_them_all(receiver):
    """It knows no pages."""
    pathlib.Path(f"/proc/{receiver.process.pid}/clear_refs").write_text("5")
    before = _peak(receiver)
    assert len(receiver.as_caller("GET", "/jobs?job_definition_name=many").json["jobs"]) == JOBS
    assert _peak(receiver) - before < GROWTH
