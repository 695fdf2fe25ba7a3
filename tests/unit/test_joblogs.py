"""Following a Job's output while streams break, containers start again and Jobs vanish."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from changed import replace

from webhook import times
from webhook.errors import ClusterUnavailable, NotFound, TooManyRequests
from webhook.job import Container, End, Job, Pod
from webhook.joblogs import Line, Logs, Wanted
from webhook.joblogs.following import Following
from webhook.joblogs.lines import LONGEST, split

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = Job(name="j", namespace="n", uid="u", resource_version="1", labels={}, annotations={}, created=NOW)
ENDED = replace(JOB, end=End(succeeded=True, reason="", message="", at=NOW))


def _line(second, text):
    return f"2026-01-01T00:00:{second:02}.000000Z {text}\n".encode()


class Store:
    """Jobs as a script has them: at each look the next state, for each stream the next pieces.

    A piece is bytes, or an exception that breaks the stream, or None: it hangs until it is closed.
    """

    def __init__(self, states, streams):
        self.states, self.streams = list(states), {source: list(one) for source, one in streams.items()}
        self.asked, self.open = [], 0

    def _now(self):
        state = self.states[0]
        if isinstance(state, Exception):
            self.states.pop(0)
            raise state
        return state

    async def read(self, name):
        return self._now()[0]

    async def pods(self, name):
        pods = self._now()[1]
        if len(self.states) > 1:
            self.states.pop(0)
        return pods

    async def log(self, pod, container, **options):
        self.asked.append((pod, container, {name: value for name, value in options.items() if value}))
        streams = self.streams[pod, container]
        pieces = streams.pop(0) if len(streams) > 1 else streams[0]
        self.open += 1
        try:
            for piece in pieces:
                if piece is None:
                    await asyncio.Event().wait()
                if isinstance(piece, Exception):
                    raise piece
                await asyncio.sleep(0)
                yield piece
        finally:
            self.open -= 1


def _pod(state="running", name="p", restarts=0, *more):
    phase = {"running": "Running", "waiting": "Pending", "terminated": "Succeeded"}[state]
    container = Container(name="main", state=state, restarts=restarts)
    return Pod(name=name, phase=phase, created=NOW, containers=(container, *more))


def follow(store, wanted=None):
    """All lines until the end, as text by pod."""

    async def inside():
        following = Following(store, "j", wanted or Wanted(follow=True), streams=asyncio.Semaphore(8), look_again=0.001)
        async with asyncio.timeout(20):
            return [line async for line in following.lines()]

    lines = asyncio.run(inside())
    assert store.open == 0
    return [(line.pod, line.text.decode() or line.problem) for line in lines]


def test_following_begins_before_the_start_and_ends_with_the_job():
    """No pod yet, then one that waits, then one that runs; a second try; the end."""
    states = [
        (JOB, []),
        (JOB, [_pod("waiting")]),
        (JOB, [_pod()]),
        (JOB, [_pod("terminated")]),
        (JOB, [_pod("terminated"), _pod("waiting", "q")]),
        (JOB, [_pod("terminated"), _pod("running", "q")]),
        (ENDED, [_pod("terminated"), _pod("terminated", "q")]),
    ]
    streams = {
        ("p", "main"): [[_line(1, "one"), _line(2, "two")], [_line(2, "two")]],
        ("q", "main"): [[_line(3, "three")]],
    }
    assert follow(Store(states, streams)) == [("p", "one"), ("p", "two"), ("q", "three")]


def test_a_stream_that_breaks_is_taken_up_where_it_was():
    """By the time of the last line; what comes twice, as the cluster counts whole seconds, is left out."""
    states = [(JOB, [_pod()])] * 3 + [(ENDED, [_pod("terminated")])]
    broken = [_line(1, "one"), _line(2, "two"), ClusterUnavailable("gone")]
    streams = {("p", "main"): [broken, [_line(2, "two"), _line(3, "three")], [_line(3, "three")]]}
    store = Store(states, streams)
    assert follow(store) == [("p", "one"), ("p", "two"), ("p", "three")]
    assert store.asked[0][2] == {"timestamps": True, "follow": True}
    assert store.asked[1][2]["since"] == times.parse("2026-01-01T00:00:02Z")


def test_a_dead_connection_does_not_keep_the_log_open():
    """A stream that never ends, though its container has, is taken up anew."""
    states = [(JOB, [_pod()])] * 3 + [(ENDED, [_pod("terminated")])]
    streams = {("p", "main"): [[_line(1, "one"), None], [_line(1, "one"), _line(2, "two")]]}
    assert follow(Store(states, streams)) == [("p", "one"), ("p", "two")]
    assert follow(Store([(JOB, [_pod()])] * 3 + [(ENDED, [])], {("p", "main"): [[_line(1, "one"), None]]})) == [
        ("p", "one")
    ]


def test_each_run_of_a_container_is_read_once():
    """The run that ended between two looks comes from `previous`."""
    states = [
        (JOB, [_pod("waiting")]),
        (JOB, [_pod("running", "p", 1)]),
        (JOB, [_pod("running", "p", 1)]),
        (ENDED, [_pod("terminated", "p", 1)]),
    ]
    streams = {("p", "main"): [[_line(1, "first run")], [_line(2, "second run")], [_line(2, "second run")]]}
    store = Store(states, streams)
    assert follow(store) == [("p", "first run"), ("p", "second run")]
    assert store.asked[0][2] == {"timestamps": True, "previous": True}


def test_of_many_restarts_the_last_two_runs_are_there():
    """A cluster keeps no more."""
    states = [(ENDED, [_pod("terminated", "p", 5)])]
    streams = {("p", "main"): [[_line(1, "run 4")], [_line(2, "run 5")]]}
    assert follow(Store(states, streams)) == [("p", "run 4"), ("p", "run 5")]


def test_tail_is_of_what_was_there_at_first():
    """A later try is told from its beginning."""
    states = [(JOB, [_pod()]), (ENDED, [_pod("terminated"), _pod("terminated", "p", 0)])]
    store = Store(states, {("p", "main"): [[_line(1, "one")], []]})
    follow(store, Wanted(follow=True, tail=1))
    assert store.asked[0][2]["tail"] == 1
    assert all("tail" not in asked for _, _, asked in store.asked[1:])


def test_a_job_that_is_deleted_ends_its_log():
    """With what came until then."""
    states = [(JOB, [_pod()]), NotFound("gone"), NotFound("gone"), (ENDED, [])]
    assert follow(Store(states, {("p", "main"): [[_line(1, "one")]]})) == [("p", "one")]


def test_a_cluster_that_is_away_is_waited_for():
    """Nobody has to ask again."""
    states = [ClusterUnavailable("away"), ClusterUnavailable("away"), (ENDED, [_pod("terminated")])]
    assert follow(Store(states, {("p", "main"): [[_line(1, "one")]]})) == [("p", "one")]


def test_a_log_that_is_never_to_be_had_is_given_up_and_says_so():
    """Of a container that has ended; the others' are told."""
    states = [(ENDED, [_pod("terminated"), _pod("terminated", "q")])]
    streams = {("p", "main"): [[ClusterUnavailable("no log")]], ("q", "main"): [[_line(1, "one")]]}
    assert sorted(follow(Store(states, streams))) == [("p", "no log"), ("q", "one")]


def test_a_fault_of_ours_ends_the_log_too():
    """Rather than keeping a client waiting for ever."""
    assert follow(Store([RuntimeError("a bug")], {})) == [("", "RuntimeError")]


def test_who_goes_away_leaves_nothing_open():
    """Every stream and task ends with the reading."""
    store = Store(
        [(JOB, [_pod(), _pod("running", "q")])], {("p", "main"): [[_line(1, "one"), None]], ("q", "main"): [[None]]}
    )

    async def inside():
        following = Following(store, "j", Wanted(follow=True), streams=asyncio.Semaphore(8), look_again=0.001)
        async with aclosing(following.lines()) as lines:
            assert (await anext(lines)).text == b"one"
            while store.open < 2:
                await asyncio.sleep(0)
        assert store.open == 0
        return len(asyncio.all_tasks())

    assert asyncio.run(inside()) == 1


def test_too_many_followed_logs_are_refused_at_the_door():
    """Before an answer has begun, so that a client can come again."""

    async def inside():
        streams = asyncio.Semaphore(1)
        await streams.acquire()
        store = Store([(JOB, [_pod()])], {})
        await Logs.of(store, "j", Wanted(), streams=streams)
        with pytest.raises(TooManyRequests):
            await Logs.of(store, "j", Wanted(follow=True), streams=streams)

    asyncio.run(inside())


def test_one_log_that_fails_does_not_take_the_others_along():
    """It says why; one that is not there yet says nothing."""
    pods = [_pod(name=name) for name in ("p", "q", "r")]
    streams = {
        ("p", "main"): [[_line(1, "one"), ClusterUnavailable("broken")]],
        ("q", "main"): [[NotFound("not yet")]],
        ("r", "main"): [[_line(2, "two")]],
    }

    async def inside(read):
        streams_ = asyncio.Semaphore(8)
        store = Store([(JOB, pods)], {source: list(one) for source, one in streams.items()})
        return await read(await Logs.of(store, "j", Wanted(), streams=streams_), streams_)

    async def lines(logs, streams_):
        return [line async for line in logs.lines(streams=streams_)]

    async def chunks(logs, streams_):
        return [(chunk.source[0], chunk.problem or chunk.data[-4:]) async for chunk in logs.chunks()]

    assert [(line.pod, line.text or line.problem) for line in asyncio.run(inside(lines))] == [
        ("p", b"one"),
        ("p", "broken"),
        ("r", b"two"),
    ]
    assert asyncio.run(inside(chunks)) == [
        ("p", b""),
        ("p", b"one\n"),
        ("p", "broken"),
        ("q", b""),
        ("r", b""),
        ("r", b"two\n"),
    ]


def test_lines_are_cut_anywhere_and_put_together():
    """However the chunks come; a line that is far too long comes in parts, of which only the first has a time."""

    async def parts(*chunks):
        async def come():
            for chunk in chunks:
                yield chunk

        return [part async for part in split(come())]

    whole = _line(1, "a b") + _line(2, "") + _line(3, "c").rstrip()
    for size in (1, 2, 7, 100):
        chunks = [whole[at : at + size] for at in range(0, len(whole), size)]
        found = asyncio.run(parts(*chunks))
        assert [(stamp[17:19], text) for stamp, text in found] == [("01", b"a b"), ("02", b""), ("03", b"c")]
    found = asyncio.run(parts(_line(1, "x" * LONGEST).rstrip(), b"y" * 10 + b"\n" + _line(2, "z")))
    assert [stamp[17:19] for stamp, _ in found] == ["01", "", "02"]
    assert b"".join(text for _, text in found) == b"x" * LONGEST + b"y" * 10 + b"z"


def test_a_line_says_whose_it_is():
    """And nothing else by default."""
    assert Line(pod="p", container="c").text == b""
