"""The watch that does not end, against a server that plays one fault at a time."""

import asyncio
import contextlib
import dataclasses
import json

import pytest
import structlog

from webhook import marks
from webhook.clusters.kubernetes.pace import Timing
from webhook.metrics import Metrics
from webhook.ports import Record, Seen

QUICK = Timing(silence=0.4, first=0.005, limit=0.02, rate=1000.0, burst=1000.0)


def thing(name, version="1", **labels):
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": version, "labels": labels}
    return {"metadata": metadata, "spec": {}, "status": {}}


def line(kind, name="a", version="2"):
    return {"type": kind, "object": thing(name, version)}


def bookmark(version):
    return {"type": "BOOKMARK", "object": {"kind": "Job", "metadata": {"resourceVersion": version}, "spec": {}}}


def said(code, message="said so", **more):
    return {"type": "ERROR", "object": {"kind": "Status", "code": code, "message": message, **more}}


@dataclasses.dataclass
class Followed:
    """What a follow told so far."""

    cluster: object
    server: object
    told: list = dataclasses.field(default_factory=list)

    def words(self):
        return " ".join(f"{change.seen}:{change.job.name}" if change.job else change.seen for change in self.told)

    def watches(self):
        return [asked for asked in self.server.asked if asked.watches]

    def lists(self):
        return [asked for asked in self.server.asked if not asked.watches]


@pytest.fixture
def following(fake):
    """Follow a scripted server in the background."""

    @contextlib.asynccontextmanager
    async def run(answer, *, timing=QUICK, labels=None, **more):
        async with fake(answer, timing=timing, **more) as (cluster, server):
            followed = Followed(cluster, server)

            async def listen():
                changes = cluster.jobs.follow(labels)
                async with contextlib.aclosing(changes):
                    async for change in changes:
                        followed.told.append(change)

            task = asyncio.create_task(listen())
            try:
                yield followed
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled(), task.exception()

    return run


def script(*watches, lists=None):
    """Answer lists with one Job (or as `lists` says), and the nth watch as the nth of `watches` says; then hang."""
    rest = list(watches)

    async def answer(asked):
        if not asked.watches:
            await (lists(asked) if lists else asked.page(thing("a"), version="1"))
        elif rest:
            await rest.pop(0)(asked)
        else:
            await asked.stream()
            await asked.hang()

    return answer


def test_the_way_of_a_watch(following, eventually):
    """Pages, the mark that they are whole, changes, bookmarks, resume from the last version that was told."""

    async def first(asked):
        await asked.stream(line("ADDED", "b", "5"), line("MODIFIED", "b", "6"), bookmark("9"))
        await asked.send(line("DELETED", "a", "10"))
        await asked.end()

    async def lists(asked):
        if "continue" in asked.query:
            await asked.page(thing("c"), version="3")
        else:
            await asked.page(thing("a"), version="3", after="more")

    async def run():
        async with following(script(first, lists=lists), labels={"x": "y"}) as followed:
            await eventually(lambda: len(followed.watches()) == 2)
            assert followed.words() == "listing present:a present:c synced present:b present:b alive gone:a"
            selector = f"{marks.MANAGED_BY}=jobhook-test,x=y"
            assert {asked.query["labelSelector"] for asked in followed.server.asked} == {selector}
            assert [asked.query["resourceVersion"] for asked in followed.watches()] == ["3", "10"]
            assert all(asked.query["allowWatchBookmarks"] == "true" for asked in followed.watches())
            assert all(240 <= int(asked.query["timeoutSeconds"]) <= 480 for asked in followed.watches())
            assert [asked.query.get("limit") for asked in followed.lists()] == ["500", "500"]

    asyncio.run(run())


async def gone_by_line(asked):
    await asked.stream(said(410, reason="Expired"))
    await asked.end()


async def gone_by_status(asked):
    await asked.reply(410, {"reason": "Expired", "message": "too old resource version"})


async def too_large_a_version(asked):
    await asked.reply(504, {"reason": "Timeout", "message": "Too large resource version"})


@pytest.mark.parametrize("fault", [gone_by_line, gone_by_status, too_large_a_version])
def test_a_version_that_is_too_old_is_listed_again_at_once(following, eventually, fault):
    """410, as an answer or within the stream, and 504: a new list, told as such."""

    async def run():
        async with following(script(fault)) as followed:
            await eventually(lambda: len(followed.watches()) == 2)
            assert followed.words() == "listing present:a synced listing present:a synced"
            assert followed.cluster.problems == ()

    asyncio.run(run())


async def cut_within_a_line(asked):
    await asked.stream(line("ADDED", "b", "5"), b'{"type":"ADDED","obj')
    await asked.cut()


async def page_of_a_proxy(asked):
    await asked.stream(line("ADDED", "b", "5"))
    await asked.cut()


async def odd_error(asked):
    await asked.stream(line("ADDED", "b", "5"), {"type": "ERROR", "object": {}})
    await asked.end()


async def error_without_object(asked):
    await asked.stream(line("ADDED", "b", "5"), {"type": "ERROR"})
    await asked.end()


async def failed_inside(asked):
    await asked.stream(line("ADDED", "b", "5"), said(500, reason="InternalError"))
    await asked.end()


@pytest.mark.parametrize(
    "fault",
    [cut_within_a_line, page_of_a_proxy, odd_error, error_without_object, failed_inside],
    ids=lambda f: f.__name__,
)
def test_a_watch_that_breaks_is_resumed_where_it_was(following, eventually, fault):
    """A cut connection or an error of the server costs no list, and loses no change."""

    async def run():
        async with following(script(fault)) as followed:
            await eventually(lambda: len(followed.watches()) == 2)
            assert followed.words() == "listing present:a synced present:b"
            assert followed.watches()[1].query["resourceVersion"] == "5"

    asyncio.run(run())


@pytest.mark.parametrize(
    "broken",
    [
        b"not json\n",
        b'{"type":"ADDED"}\n',
        b'{"type":"STRANGE","object":{"metadata":{"resourceVersion":"3"}}}\n',
        b'{"type":"ADDED","object":{"metadata":{"name":"x"}}}\n',
        b'{"type":"ADDED","object":{"metadata":{"labels":7,"resourceVersion":"3"}}}\n',
        b"<html>502</html>\n",
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
        b'{"type":"ADDED","object":"' + b"x" * 9_000_000 + b'"}\n',
    ],
    ids=lambda text: repr(text[:20]),
)
def test_a_broken_line_is_skipped_and_counted(following, eventually, broken):
    """What follows a broken line is told; at the watch's end a list makes up for what was in it."""
    metrics = Metrics()

    async def fault(asked):
        await asked.stream(broken, line("ADDED", "b", "5"))
        await asked.end()

    async def run():
        async with following(script(fault), metrics=metrics) as followed:
            await eventually(lambda: len(followed.watches()) == 2)
            assert followed.words() == "listing present:a synced present:b listing present:a synced"
            assert metrics.watch_skipped.labels("jobs")._value.get() == 1

    asyncio.run(run())


def test_blank_lines_say_nothing(following, eventually):
    """A proxy's keep-alive lines are neither broken nor a sign of life."""

    async def fault(asked):
        await asked.stream(b"\n", b"\r\n"[1:], line("ADDED", "b", "5"), b"\n")
        await asked.end()

    async def run():
        async with following(script(fault)) as followed:
            await eventually(lambda: len(followed.watches()) == 2)
            assert followed.words() == "listing present:a synced present:b"

    asyncio.run(run())


def test_one_object_that_cannot_be_read_hides_no_other(following, eventually):
    """A page with an odd object brings all others, and counts it."""
    metrics = Metrics()

    async def lists(asked):
        await asked.page({"metadata": {"name": 7}}, thing("a"), "nonsense", version="4")

    async def run():
        async with following(script(lists=lists), metrics=metrics) as followed:
            await eventually(followed.watches)
            assert followed.words() == "listing present:a synced"
            assert metrics.watch_skipped.labels("jobs")._value.get() == 2

    asyncio.run(run())


async def says_nothing(asked):
    await asked.stream()
    await asked.hang()


async def dribbles(asked):
    await asked.stream()
    with contextlib.suppress(ConnectionError):
        while True:
            await asked.send(b"\n" if asked.at % 2 < 1 else b"x")
            await asked.writer.drain()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("fault", [says_nothing, dribbles], ids=lambda fault: fault.__name__)
def test_a_silent_connection_counts_as_dead(following, eventually, fault):
    """No line within the time of silence, whatever bytes drip: another watch, from the same version."""

    async def run():
        async with following(script(fault)) as followed:
            await eventually(lambda: len(followed.watches()) == 2)
            first, second = followed.watches()
            assert 0.35 < second.at - first.at < 5
            assert second.query["resourceVersion"] == "1"
            assert followed.words() == "listing present:a synced"

    asyncio.run(run())


def test_lines_keep_a_connection_alive(following, eventually):
    """Bookmarks reset the timer: one watch lives through several times of silence."""

    async def steady(asked):
        await asked.stream()
        for version in range(2, 12):
            await asyncio.sleep(0.1)
            await asked.send(bookmark(str(version)))
        await asked.hang()

    async def run():
        async with following(script(steady)) as followed:
            await eventually(lambda: followed.words().count("alive") == 10)
            assert len(followed.watches()) == 1

    asyncio.run(run())


@pytest.mark.parametrize("status", [500, 502, 503, 429, 403, 401, 404])
def test_after_six_failures_in_a_row_it_lists_again(following, eventually, status):
    """Whatever the server answers, the version is not trusted for ever."""

    async def failing(asked):
        await asked.reply(status, {"reason": "R", "message": "m"})

    async def run():
        # A 401 is tried once more with credentials that were read again: one failure, two requests.
        failures = 6 + (status == 401)
        async with following(script(*[failing] * failures)) as followed:
            await eventually(lambda: len(followed.watches()) == failures + 1)
            assert followed.words() == "listing present:a synced listing present:a synced"
            await eventually(lambda: followed.cluster.problems == ())

    asyncio.run(run())


def test_a_list_that_grows_old_while_it_is_read_begins_anew(following, eventually):
    """410 on a later page: the list is told again from its beginning."""
    calls = []

    async def lists(asked):
        calls.append(asked)
        if len(calls) == 1:
            await asked.page(thing("old"), version="1", after="token")
        elif len(calls) == 2:
            await asked.reply(410, {"reason": "Expired", "message": "too old"})
        else:
            await asked.page(thing("new"), version="9")

    async def run():
        async with following(script(lists=lists)) as followed:
            await eventually(followed.watches)
            assert followed.words() == "listing present:old listing present:new synced"
            assert "continue" not in calls[2].query

    asyncio.run(run())


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"", b"[]", b'{"items": 7}', b'{"metadata": {}, "items": []}'])
def test_a_list_that_is_none_is_tried_again(following, eventually, body):
    """A proxy's page is not taken for an empty cluster: nothing is SYNCED from it."""
    calls = []

    async def lists(asked):
        calls.append(asked)
        if len(calls) < 3:
            await asked.reply(200, body)
        else:
            await asked.page(thing("a"), version="9")

    async def run():
        async with following(script(lists=lists)) as followed:
            await eventually(followed.watches)
            assert followed.words() == "listing listing listing present:a synced"

    asyncio.run(run())


def test_a_page_that_names_itself_as_the_next_is_no_loop(following, eventually):
    """The same continue token twice is a failure, waited out like any other."""

    async def lists(asked):
        await asked.page(thing("a"), version="1", after="same")

    async def run():
        timing = dataclasses.replace(QUICK, rate=20.0, burst=2.0)
        async with following(script(lists=lists), timing=timing) as followed:
            await asyncio.sleep(1)
            assert 4 < len(followed.server.asked) < 60

    asyncio.run(run())


async def empty(asked):
    await asked.stream()
    await asked.end()


async def one_line(asked):
    await asked.stream(bookmark("7"))
    await asked.end()


async def refused(asked):
    await asked.reply(503, b"no")


async def always_gone(asked):
    await asked.reply(410, {"reason": "Expired", "message": "too old"})


async def always_cut(asked):
    await asked.cut()


@pytest.mark.parametrize("fault", [empty, one_line, refused, always_gone, always_cut], ids=lambda fault: fault.__name__)
def test_three_requests_a_second_whatever_happens(following, fault):
    """No answer that a server can give makes more than about three requests a second, not even with no backoff."""
    timing = dataclasses.replace(Timing(), first=0.0, limit=0.0)

    async def answer(asked):
        await (fault(asked) if asked.watches else asked.page(thing("a"), version="1"))

    async def run():
        async with following(answer, timing=timing) as followed:
            await asyncio.sleep(3)
            # aiohttp itself repeats a GET once where a kept connection turns out to be dead.
            twice = 2 if fault is always_cut else 1
            assert 6 <= len(followed.server.asked) <= (timing.burst + 3 * timing.rate + 2) * twice

    asyncio.run(run())


def test_empty_pages_without_end_are_no_flood(following):
    """A server that always has a next, empty page is asked no more often than any other."""
    timing = dataclasses.replace(Timing(), first=0.0, limit=0.0)

    async def answer(asked):
        await asked.page(version="1", after=str(asked.at))

    async def run():
        async with following(answer, timing=timing) as followed:
            await asyncio.sleep(3)
            assert 6 <= len(followed.server.asked) <= timing.burst + 3 * timing.rate + 2

    asyncio.run(run())


def test_retry_after_is_the_least_wait(following, eventually):
    """A server that asks for a second is left alone for a second."""

    async def throttled(asked):
        await asked.reply(429, b"too many", Retry_After="1")

    async def run():
        async with following(script(throttled)) as followed:
            await eventually(lambda: len(followed.watches()) == 2)
            first, second = followed.watches()
            assert second.at - first.at >= 1

    asyncio.run(run())


@pytest.mark.parametrize("forbidden", ["list", "watch"])
def test_a_missing_right_shows_and_is_logged_once(following, eventually, forbidden):
    """403 stands in the cluster's problems and in the metrics until the right is granted, and once in the log."""
    metrics, allowed = Metrics(), asyncio.Event()

    async def answer(asked):
        what = "watch" if asked.watches else "list"
        if what == forbidden and not allowed.is_set():
            await asked.reply(403, {"reason": "Forbidden", "message": f'User "u" cannot {what} resource "jobs"'})
        elif asked.watches:
            await asked.stream(bookmark("7"))
            await asked.hang()
        else:
            await asked.page(thing("a"), version="1")

    async def run():
        with structlog.testing.capture_logs() as logs:
            async with following(answer, metrics=metrics) as followed:
                await eventually(lambda: metrics.watch_failures.labels("jobs", "forbidden")._value.get() >= 5)
                (problem,) = followed.cluster.problems
                assert f"cannot {forbidden} resource" in problem
                allowed.set()
                await eventually(lambda: followed.cluster.problems == ())
        assert [entry["event"] for entry in logs].count("watch.forbidden") == 1
        assert [entry["event"] for entry in logs].count("watch.resumed") == 1

    asyncio.run(run())


def test_a_watch_of_nothing_is_a_problem_and_not_a_success(following, eventually):
    """A server that takes every watch and ends it empty is seen as failing, and logged once."""

    async def answer(asked):
        await (empty(asked) if asked.watches else asked.page(version="1"))

    async def run():
        with structlog.testing.capture_logs() as logs:
            async with following(answer) as followed:
                await eventually(lambda: len(followed.watches()) > 15)
                assert followed.cluster.problems
        assert [entry["event"] for entry in logs].count("watch.interrupted") == 1

    asyncio.run(run())


def test_closing_the_iterator_ends_the_connection(fake, eventually):
    """`aclose` in the middle of a watch leaves no connection and no problem behind."""

    async def run():
        async with fake(script(), timing=QUICK) as (cluster, server):
            changes = cluster.jobs.follow()
            seen = [(await anext(changes)).seen for _ in range(3)]
            assert seen == [Seen.LISTING, Seen.PRESENT, Seen.SYNCED]
            pending = asyncio.ensure_future(anext(changes))
            await eventually(lambda: any(asked.watches for asked in server.asked))
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
            await changes.aclose()
            await eventually(lambda: server.asked[-1].left)
            assert cluster.problems == ()

    asyncio.run(run())


def test_records_are_followed_by_the_same_machine(fake, eventually):
    """A record's bytes come whole, from `data` and from `binaryData`, without our signature among its labels."""
    wire = thing("r", "5", **{marks.MANAGED_BY: "jobhook-test", "x": "y"})
    wire |= {"data": {"text": "ü"}, "binaryData": {"raw": "/wA="}, "immutable": True}
    wire["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "j", "uid": "u"}]

    async def answer(asked):
        assert asked.path == "/api/v1/namespaces/default/configmaps"
        if asked.watches:
            await asked.stream({"type": "ADDED", "object": wire})
            await asked.hang()
        else:
            await asked.page(version="1")

    async def run():
        async with fake(answer, timing=QUICK) as (cluster, _):
            changes = cluster.records.follow({"x": "y"})
            async with contextlib.aclosing(changes):
                told = [await anext(changes) for _ in range(3)]
            assert [change.seen for change in told] == [Seen.LISTING, Seen.SYNCED, Seen.PRESENT]
            expected = Record(
                name="r",
                data={"text": "ü".encode(), "raw": b"\xff\x00"},
                labels={"x": "y"},
                immutable=True,
                owner=("j", "u"),
                version="5",
            )
            assert dataclasses.replace(told[2].record, created=None) == expected

    asyncio.run(run())


def test_a_large_list_is_read_in_milliseconds():
    """A page of 500 Jobs must not hold up the event loop."""
    import time

    from webhook.clusters.kubernetes.feed import Feed
    from webhook.clusters.objects import JobObject
    from webhook.clusters.reading import read_job

    big = thing("a") | {"spec": {"template": {"spec": {"containers": [{"env": [{"name": "x", "value": "y" * 4000}]}]}}}}
    body = json.dumps({"metadata": {"resourceVersion": "1"}, "items": [big] * 500}).encode()
    feed = Feed("/x", {}, JobObject, read_job)
    best = 1.0
    for _ in range(5):
        begin = time.process_time()
        _, items, broken = feed.page(body)
        values = [feed.value(item) for item in items]
        best = min(best, time.process_time() - begin)
    assert (len(values), broken) == (500, 0)
    assert best < 0.05
