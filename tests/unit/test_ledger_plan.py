"""Folding and forgetting, as values: no key is lost, doing it twice does nothing more."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from webhook.ledger import keys
from webhook.ledger.plan import FOLD_AT, excess, fold, plan, uncovered
from webhook.ledger.segment import MAX_KEYS, Segment, read, write

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
TODAY, LATEST = NOW.date(), date(2026, 2, 4)
SETTLE = timedelta(minutes=5)

NUMBERS = st.integers(0, 400).map(lambda number: number.to_bytes(16, "big"))


@st.composite
def ledgers(draw):
    """Segments of a few days and ages, some of which replace others that were there before."""
    made = []
    for number in range(draw(st.integers(0, 24))):
        forget_after = draw(st.sampled_from([date(2026, 1, 19), TODAY, date(2026, 1, 25), LATEST]))
        created = NOW - draw(st.sampled_from([timedelta(0), SETTLE - timedelta(seconds=1), SETTLE, timedelta(days=3)]))
        old = [one for one in made if one.forget_after == forget_after]
        replaces = draw(st.lists(st.sampled_from(old), max_size=4)) if old else []
        packed = keys.pack([*draw(st.sets(NUMBERS, max_size=8)), *keys.unpack(fold(replaces))])
        names = frozenset(one.name for one in replaces)
        created = max([created, *(one.created for one in replaces)])
        made.append(Segment(f"s{number}", "1", forget_after, created, packed, names))
    return [one for one in made if draw(st.booleans()) or not one.replaces]


def todo(segments):
    return plan(segments, now=NOW, settle=SETTLE, latest=LATEST)


def done(segments, names):
    """What is there once a plan was carried out."""
    planned = todo(segments)
    made = [
        Segment(next(names), "1", group[0].forget_after, NOW, fold(group), frozenset(one.name for one in group))
        for group in planned.folds
    ]
    return [one for one in segments if one not in planned.drop] + made


def known(segments, *, since=None):
    """Keys, with the last day on which each is known; only of segments that are settled where `since` is given."""
    days = {}
    for one in segments:
        if since is None or one.settled(since, SETTLE):
            for entry in keys.unpack(one.packed):
                days[entry] = max(days.get(entry, date.min), one.forget_after)
    return {entry: last for entry, last in days.items() if last >= TODAY}


@given(ledgers())
def test_no_key_is_lost_before_its_day(segments):
    """After a plan each key is known as long as before, and on every replica if it was so before."""
    after = done(segments, (f"m{number}" for number in count()))
    assert known(after) == known(segments)
    assert known(after, since=NOW) == known(segments, since=NOW)


@given(ledgers())
def test_a_plan_that_was_carried_out_asks_for_nothing_more(segments):
    """A second sweep at the same time drops what the first left and folds nothing again."""
    names = (f"m{number}" for number in count())
    after = done(segments, names)
    again = todo(after)
    assert again.folds == ()
    assert again.drop == () or all(one in segments for one in again.drop)
    assert todo(done(after, names)) == todo(done(done(after, names), names))


@given(ledgers())
def test_two_sweeps_with_one_view_lose_nothing(segments):
    """Both fold the same, both drop the same; the next plans bring it down to one again."""
    mine, yours = (f"a{number}" for number in count()), (f"b{number}" for number in count())
    both = {one.name: one for one in [*done(segments, mine), *done(segments, yours)]}
    left = [one for one in both.values() if one.name in {x.name for x in done(segments, mine)} or one.name[0] in "ab"]
    assert known(left) == known(segments)


@given(ledgers(), st.integers(0, 60))
def test_at_most_so_many_keys_stay(segments, limit):
    """What is forgotten early is of the earliest days, and no more segments than must be."""
    gone = excess(segments, limit=limit)
    standing = uncovered(segments)
    left = [one for one in standing if one not in gone]
    assert sum(one.size for one in left) <= limit
    if gone:
        assert sum(one.size for one in [*left, gone[-1]]) > limit
        assert max(one.forget_after for one in gone) <= min((one.forget_after for one in left), default=date.max)


def small(number, *, size=10, forget_after=LATEST):
    packed = keys.pack((number * MAX_KEYS + n).to_bytes(16, "big") for n in range(size))
    return Segment(f"s{number}", "1", forget_after, NOW, packed)


def test_the_day_that_is_written_waits_for_several():
    """Seven are left, eight are folded."""
    assert todo([small(number) for number in range(FOLD_AT - 1)]).folds == ()
    (group,) = todo([small(number) for number in range(FOLD_AT)]).folds
    assert len(group) == FOLD_AT


def test_a_segment_is_never_larger_than_a_record_may_be():
    """What does not fit together is folded apart, and a full one is left alone."""
    of_day = [
        small(number, size=size, forget_after=TODAY) for number, size in enumerate([9000, 9000, 9000, 9000, 20_000])
    ]
    folds = todo(of_day).folds
    assert [sum(one.size for one in group) for group in folds] == [18_000, 18_000]


def test_one_that_forgets_sooner_replaces_nothing():
    """A name in `replaces` counts only for as long as the keys do."""
    old = small(1, forget_after=LATEST)
    short = replace(small(2, forget_after=TODAY), replaces=frozenset({"s1"}), created=NOW - timedelta(days=1))
    assert old not in todo([old, short]).drop


def test_a_segment_is_read_as_it_was_written():
    """Through a record and back; keys that came unsorted are sorted."""
    record = write("s", b"b" * 16 + b"a" * 16, forget_after=LATEST, replaces=["x", "a"])
    segment = read(replace(record, created=NOW, version="7"))
    assert segment == Segment("s", "7", LATEST, NOW, b"a" * 16 + b"b" * 16, frozenset({"x", "a"}))
    assert record.immutable
