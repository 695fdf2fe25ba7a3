"""The watch over one object by its name, against a server that plays one fault at a time."""

import asyncio
import contextlib
import dataclasses

import pytest
import structlog

from webhook.clusters.kubernetes.pace import Timing
from webhook.clusters.kubernetes.watches import MOST_NAMED
from webhook.metrics import Metrics

QUICK = Timing(silence=0.4, first=0.005, limit=0.02, rate=1000.0, burst=1000.0)
PATH = "/api/v1/namespaces/n/configmaps"


def template(text, version="1"):
    """A ConfigMap `t` of somebody else."""
    return {"metadata": {"name": "t", "resourceVersion": version}, "data": {"t": text}}


def line(kind, text, version="2"):
    return {"type": kind, "object": template(text, version)}


def bookmark(version):
    return {"type": "BOOKMARK", "object": {"kind": "ConfigMap", "metadata": {"resourceVersion": version}}}


def forbidden(verb):
    return {"reason": "Forbidden", "message": f'configmaps "t" is forbidden: User "u" cannot {verb} resource'}


async def absent(asked):
    await asked.reply(404, {"reason": "NotFound", "message": 'configmaps "t" not found'})


def there(text, version="1"):
    async def answer(asked):
        await asked.reply(200, template(text, version))

    return answer


def lines(*some, hang=True):
    async def answer(asked):
        await asked.stream(*some)
        await (asked.hang() if hang else asked.end())

    return answer


def script(*, reads, watches):
    """Answer the nth read and the nth watch as the nth of each says; the last one again and again."""
    turns = {False: list(reads), True: list(watches)}

    async def answer(asked):
        turn = turns[asked.watches]
        await (turn.pop(0) if len(turn) > 1 else turn[0])(asked)

    return answer


@pytest.fixture
def following(fake):
    """Follow the template `t` in the background: what was told, the cluster and the server."""

    @contextlib.asynccontextmanager
    async def run(answer, *, timing=QUICK, **more):
        async with fake(answer, timing=timing, **more) as (cluster, server), listening(cluster) as told:
            yield told, cluster, server

    return run


@contextlib.asynccontextmanager
async def listening(cluster, name="t"):
    told = []

    async def listen():
        async with contextlib.aclosing(cluster.records.follow_template("n", name, "t")) as texts:
            async for text in texts:
                told.append(text)

    task = asyncio.create_task(listen())
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled(), task.exception()


def test_it_is_read_and_then_watched_by_its_name(following, eventually):
    """No list and no resourceVersion at first, as the object's own may be too old; then on from the last one told."""
    first = lines(line("ADDED", "a", "1"), bookmark("7"), line("MODIFIED", "b", "8"), bookmark("9"), hang=False)

    async def run():
        async with following(script(reads=[there("a")], watches=[first, lines()])) as (told, _, server):
            await eventually(lambda: len(server.asked) == 3)
            assert told == ["a", "b"]
            assert [(asked.method, asked.path) for asked in server.asked] == [("GET", PATH + "/t")] + [
                ("GET", PATH)
            ] * 2
            read, *watches = server.asked
            assert read.query == {}
            for asked in watches:
                assert (asked.query["watch"], asked.query["fieldSelector"]) == ("1", "metadata.name=t")
                assert asked.query["allowWatchBookmarks"] == "true"
                assert "labelSelector" not in asked.query
            assert [asked.query.get("resourceVersion") for asked in watches] == [None, "9"]

    asyncio.run(run())


def test_one_that_is_not_there_yet_comes(following, eventually):
    """404, and a watch that begins with nothing: None, then the text; and None again when it goes."""
    first = lines(bookmark("7"), line("ADDED", "a", "8"), line("DELETED", "a", "9"))

    async def run():
        async with following(script(reads=[absent], watches=[first])) as (told, _, server):
            await eventually(lambda: told == [None, "a", None])
            assert len(server.asked) == 2

    asyncio.run(run())


def test_one_that_goes_before_its_watch_begins_is_read_again(following, eventually):
    """A watch that begins with a bookmark has nothing to tell of what was read a moment ago."""

    async def run():
        answer = script(reads=[there("a"), absent], watches=[lines(bookmark("7")), lines(bookmark("8"))])
        async with following(answer) as (told, cluster, server):
            await eventually(lambda: told == ["a", None])
            await eventually(lambda: len(server.asked) == 4)
            assert cluster.problems == ()

    asyncio.run(run())


def test_after_a_410_it_is_read_again(following, eventually):
    """A version that is too old is given up, and what changed meanwhile is told."""
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}

    async def run():
        watches = [lines(line("ADDED", "a", "1"), bookmark("7"), hang=False), lines(gone, hang=False), lines()]
        answer = script(reads=[there("a"), there("b", "9")], watches=watches)
        async with following(answer) as (told, cluster, server):
            await eventually(lambda: told == ["a", "b"])
            await eventually(lambda: len(server.asked) == 5)
            assert [asked.query.get("resourceVersion") for asked in server.asked] == [None, None, "7", None, None]
            assert cluster.problems == ()

    asyncio.run(run())


def test_a_server_that_is_away_leaves_the_last_text(following, eventually):
    """Faults are waited out: nothing is told but what the server says, and an answer of a proxy's says nothing."""

    async def page(asked):
        await asked.reply(200, b"<html>hello</html>")

    async def busy(asked):
        await asked.reply(503, b"no")

    async def cut(asked):
        await asked.cut()

    async def run():
        answer = script(
            reads=[busy, page, there("a"), busy, page, there("b", "9")],
            watches=[lines(line("ADDED", "a", "1"), hang=False), *[busy] * 3, *[cut] * 6, lines()],
        )
        async with following(answer) as (told, cluster, _):
            await eventually(lambda: told == ["a", "b"])
            await eventually(lambda: cluster.problems == ())

    asyncio.run(run())


def test_without_the_right_to_watch_it_is_read_now_and_then(following, eventually):
    """Edits are told all the same; problem, log and metrics say which right is missing, the log once, until it is granted."""
    metrics, granted, texts = Metrics(), asyncio.Event(), ["a"]

    async def answer(asked):
        if not asked.watches:
            await asked.reply(200, template(texts[0]))
        elif granted.is_set():
            await lines(line("ADDED", texts[0], "5"), line("MODIFIED", "c", "6"))(asked)
        else:
            await asked.reply(403, forbidden("watch"))

    async def run():
        with structlog.testing.capture_logs() as logs:
            async with following(answer, metrics=metrics) as (told, cluster, server):
                await eventually(lambda: metrics.watch_failures.labels("templates", "forbidden")._value.get() >= 3)
                assert [asked.watches for asked in server.asked[:6]] == [False, True] * 3
                texts[0] = "b"
                await eventually(lambda: told == ["a", "b"])
                (problem,) = cluster.problems
                assert 'configmaps "t" is forbidden: User "u" cannot watch' in problem
                assert "it is read now and then" in problem
                granted.set()
                await eventually(lambda: told == ["a", "b", "c"])
                assert cluster.problems == ()
        assert [entry["event"] for entry in logs] == ["watch.forbidden", "watch.resumed"]

    asyncio.run(run())


def test_without_the_right_to_read_nothing_is_told(following, eventually):
    """It is a problem, and no absence; granting it is enough."""
    granted = asyncio.Event()

    async def answer(asked):
        if not granted.is_set():
            await asked.reply(403, forbidden("get"))
        else:
            await (lines() if asked.watches else there("a"))(asked)

    async def run():
        async with following(answer) as (told, cluster, server):
            await eventually(lambda: len(server.asked) > 10)
            assert any("cannot get" in problem for problem in cluster.problems)
            assert told == []
            assert not any(asked.watches for asked in server.asked)
            granted.set()
            await eventually(lambda: told == ["a"] and cluster.problems == ())

    asyncio.run(run())


def test_watches_by_name_leave_connections_to_launches(fake, eventually):
    """Some names are watched; one beyond them is read now and then, without a problem, until a watch ends."""
    texts, patient = ["a"], dataclasses.replace(QUICK, silence=60.0)

    async def answer(asked):
        await (lines(line("ADDED", "a", "1"), bookmark("7")) if asked.watches else there(texts[0]))(asked)

    async def run():
        async with fake(answer, timing=patient) as (cluster, server), contextlib.AsyncExitStack() as stack:

            def watched():
                return {asked.query["fieldSelector"] for asked in server.asked if asked.watches and not asked.left}

            for number in range(MOST_NAMED - 1):
                await stack.enter_async_context(listening(cluster, f"x{number}"))
            async with listening(cluster, "first"):
                await eventually(lambda: len(watched()) == MOST_NAMED)
                with structlog.testing.capture_logs() as logs:
                    told = await stack.enter_async_context(listening(cluster, "t"))
                    await eventually(lambda: told == ["a"])
                    texts[0] = "b"
                    await eventually(lambda: told == ["a", "b"])
                    await eventually(lambda: len(server.asked) > 4 * MOST_NAMED)
                assert [(entry["event"], entry["name"]) for entry in logs] == [("watch.read_instead", "t")]
                assert "metadata.name=t" not in watched()
                assert cluster.problems == ()
            await eventually(lambda: "metadata.name=t" in watched())

    asyncio.run(run())


async def refused(asked):
    await asked.reply(503, b"no")


async def denied(asked):
    await asked.reply(403, forbidden("watch"))


async def always_gone(asked):
    await asked.reply(410, {"reason": "Expired", "message": "too old"})


@pytest.mark.parametrize(
    "fault",
    [lines(hang=False), lines(bookmark("7"), hang=False), refused, denied, always_gone],
    ids=["empty", "one line", "refused", "denied", "gone"],
)
def test_all_of_them_ask_three_times_a_second(fake, fault):
    """Forty names together, whatever the server answers, and without any backoff."""
    timing = dataclasses.replace(Timing(), first=0.0, limit=0.0)

    async def run():
        answer = script(reads=[there("a")], watches=[fault])
        async with fake(answer, timing=timing) as (cluster, server), contextlib.AsyncExitStack() as stack:
            for number in range(40):
                await stack.enter_async_context(listening(cluster, f"x{number}"))
            await asyncio.sleep(3)
            assert 6 <= len(server.asked) <= timing.burst + 3 * timing.rate + 2

    asyncio.run(run())


def test_closing_it_ends_the_connection(fake, eventually):
    """In the middle of a watch, too; its place is free then."""

    async def run():
        async with fake(script(reads=[there("a")], watches=[lines()]), timing=QUICK) as (cluster, server):
            for _ in range(MOST_NAMED + 1):
                async with listening(cluster) as told:
                    await eventually(lambda: told == ["a"] and server.asked[-1].watches)
                await eventually(lambda: server.asked[-1].left)
            assert len(server.asked) == 2 * (MOST_NAMED + 1)
            assert cluster.problems == ()

    asyncio.run(run())
