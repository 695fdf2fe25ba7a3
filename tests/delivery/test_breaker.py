"""The breaker of one sink, by a clock that is told."""

from datetime import UTC, datetime, timedelta

from webhook.delivery.breaker import Breaker

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def opened(**more):
    breaker = Breaker(threshold=3, **more)
    for _ in range(3):
        assert breaker.enter(NOW)
        breaker.failed(NOW)
        breaker.leave()
    return breaker


def test_opens_after_failures_in_a_row():
    """Before the threshold every try is admitted; at it none is, until the pause is over."""
    breaker = opened()
    assert not breaker.closed
    assert not breaker.enter(NOW)
    assert breaker.until == NOW + SECOND


def test_an_answer_between_counts_from_the_start():
    """Only failures in a row open it."""
    breaker = Breaker(threshold=2)
    breaker.failed(NOW)
    breaker.answered()
    breaker.failed(NOW)
    assert breaker.closed


def test_one_probe_at_a_time():
    """After the pause one try is admitted, and no second before the first has come to its end."""
    breaker, then = opened(), NOW + SECOND
    assert breaker.enter(then)
    assert not breaker.enter(then)
    breaker.leave()
    assert breaker.enter(then)


def test_a_probe_that_is_answered_closes_it():
    """One answer is enough, and the failures before it are forgotten."""
    breaker = opened()
    assert breaker.enter(NOW + SECOND)
    breaker.answered()
    breaker.leave()
    assert breaker.closed
    assert breaker.enter(NOW + SECOND)
    assert breaker.enter(NOW + SECOND)
    breaker.failed(NOW)
    assert breaker.closed


def test_probes_that_fail_wait_longer():
    """The pause doubles from probe to probe, up to the longest; Retry-After counts at least."""
    breaker, now, waits = opened(longest=6 * SECOND), NOW, []
    for _ in range(4):
        now = breaker.until
        assert breaker.enter(now)
        breaker.failed(now)
        breaker.leave()
        waits.append(breaker.until - now)
    assert waits == [2 * SECOND, 4 * SECOND, 6 * SECOND, 6 * SECOND]
    now = breaker.until
    assert breaker.enter(now)
    breaker.failed(now, retry_after=60 * SECOND)
    assert breaker.until == now + 60 * SECOND


def test_failures_of_tries_begun_before_it_opened_are_no_news():
    """Thirty tries under way when a sink dies must not make the pause thirty doublings long."""
    breaker = opened()
    for _ in range(30):
        breaker.failed(NOW)
    assert breaker.until == NOW + SECOND
