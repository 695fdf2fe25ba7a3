"""The line splitter, and the pace of requests."""

import random

from hypothesis import given
from hypothesis import strategies as st

from webhook.clusters.kubernetes.lines import CUT, Lines
from webhook.clusters.kubernetes.pace import Pace, Timing, wait_after


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.data())
def test_lines_are_the_same_however_they_are_cut(lines, data):
    """Any cutting of the stream gives the same lines, and an unfinished last one is kept back."""
    stream = b"".join(line + b"\n" for line in lines) + b"unfinished"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    splitter, found = Lines(), []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += splitter.feed(stream[start:stop])
    assert found == lines


@given(st.lists(st.integers(1, 50), min_size=1))
def test_a_line_that_is_too_long_costs_no_memory_and_only_itself(sizes):
    """What follows an endless line is read as if nothing had been."""
    splitter = Lines(longest=20)
    found = splitter.feed(b"before\n")
    for size in [21, *sizes]:
        found += splitter.feed(b"x" * size)
        assert sum(map(len, splitter._pieces)) <= 20
    assert found + splitter.feed(b"\nafter\n") == [b"before", CUT, b"after"]


@given(st.lists(st.floats(0, 0.4), min_size=10, max_size=300))
def test_never_more_than_three_requests_a_second(gaps):
    """Whoever asks, however often: in any stretch of time no more go out than rate and burst allow."""
    timing, now, out = Timing(), 0.0, []
    pace = Pace(timing, now)
    for gap in gaps:
        now += gap
        now += pace.take(now)
        out.append(now)
    for first, begin in enumerate(out):
        for last in range(first, len(out)):
            assert last - first + 1 <= timing.burst + timing.rate * (out[last] - begin) + 1.001


@given(st.integers(1, 10_000), st.floats(0, 10_000))
def test_waits_grow_to_a_limit_and_never_undercut_what_the_server_asked(failures, asked):
    """Full jitter below a bound that doubles; Retry-After is the least, up to five minutes."""
    from datetime import timedelta

    timing = Timing()
    wait = wait_after(failures, asked=timedelta(seconds=asked), timing=timing, draw=random.uniform)
    assert min(asked, 300) - 1e-3 <= wait <= max(min(asked, 300), min(30, 0.5 * 2.0 ** min(failures, 20))) + 1e-3
