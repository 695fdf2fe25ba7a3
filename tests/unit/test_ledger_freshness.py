"""When a copy is believed."""

from datetime import timedelta

from webhook.ledger.freshness import Freshness, uptime


def ticking(until, *, start=0):
    fresh = Freshness(timedelta(seconds=90))
    fresh.listed(start)
    for second in range(start, until + 1, 5):
        fresh.tick(second)
    return fresh


def test_a_copy_that_was_never_whole_is_not_believed():
    """Bookmarks before the first list say nothing."""
    fresh = Freshness(timedelta(seconds=90))
    assert not fresh.good(0)
    fresh.listed(1)
    assert fresh.good(1)


def test_it_is_believed_for_so_long_after_its_list_began():
    """The list's end may be late: only what was there at its beginning is sure to be in it."""
    assert ticking(90).good(90)
    assert not ticking(90).good(90.1)


def test_a_bookmark_confirms_it():
    """From then on the time runs anew."""
    fresh = ticking(60)
    fresh.alive(60)
    fresh.tick(75)
    fresh.tick(90)
    assert fresh.good(105)


def test_after_a_pause_only_a_list_counts():
    """A bookmark that is read after a pause may have been sent before it."""
    fresh = ticking(20)
    fresh.alive(36)
    assert not fresh.good(36)
    fresh.alive(37)
    assert not fresh.good(37)
    fresh.alive(45)
    fresh.listed(38)
    assert fresh.good(45)
    assert fresh.confirmed == 38
    fresh.alive(46)
    assert fresh.confirmed == 46


def test_a_list_that_began_before_a_pause_is_not_enough():
    """It may have been answered before the pause, too."""
    fresh = ticking(20)
    fresh.tick(60)
    fresh.listed(30)
    assert not fresh.good(60)
    fresh.listed(60)
    assert fresh.good(60)


def test_short_delays_are_no_pause():
    """A loop that is busy for ten seconds lists nothing."""
    fresh = ticking(20)
    fresh.alive(30)
    assert fresh.good(30)


def test_the_clock_runs_forward():
    """Seconds, never back."""
    assert uptime() <= uptime()
