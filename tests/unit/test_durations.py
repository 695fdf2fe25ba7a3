"""Durations and points in time as people write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook import durations, times


@given(st.integers(0, 10**12).map(lambda number: timedelta(milliseconds=number)))
def test_what_is_shown_is_parsed_again(duration):
    """show and parse are inverse, to the millisecond."""
    assert durations.parse(durations.show(duration)) == duration


@pytest.mark.parametrize("text", ["", "1", "h", "1 h", "-1s", "1y", "1h 30m", "9" * 60 + "d", "١s", "1e3s"])
def test_what_is_no_duration_is_refused_with_the_remedy(text):
    """The message says how one is written."""
    with pytest.raises(ValueError, match="write a number|more than a century"):
        durations.parse(text)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_a_moment_is_read_again(moment):
    """show and parse are inverse."""
    assert times.parse(times.show(moment)) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-02",
        "2026-01-02T03:04Z",
        "2026-01-02T03:04:05",
        "2026-13-02T03:04:05Z",
        "2026-01-02T03:04:05+25:00",
        "2026-01-02T03:04:05+01:60",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:60Z",
        "2026-01-01T00:59:60Z",
        "2016-12-31T23:59:60+01:00",
        "0000-02-30T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "2026-01-02 03:04:05Z",
        "２026-01-02T03:04:05Z",
    ],
)
def test_what_is_no_rfc_3339_is_refused(text):
    """Date, time to the second and an offset, in ASCII."""
    with pytest.raises(ValueError):
        times.parse(text)


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("1990-12-31T23:59:60Z", "1990-12-31T23:59:59Z"),
        ("1990-12-31T23:59:60.5z", "1990-12-31T23:59:59.500000Z"),
        ("1990-12-31T15:59:60-08:00", "1990-12-31T23:59:59Z"),
        ("2017-01-01T05:29:60+05:30", "2016-12-31T23:59:59Z"),
    ],
)
def test_a_leap_second_counts_as_the_second_before(text, second):
    """RFC 3339 §5.7 has them, at 23:59:60 in UTC whatever the offset; datetime has not."""
    assert times.show(times.parse(text)) == second


@pytest.mark.parametrize("text", ["9999-12-31T22:59:60-01:00", "0001-01-01T00:59:60+01:00"])
def test_a_leap_second_at_the_end_of_time_is_taken(text):
    """Where no datetime in UTC could say that it is one."""
    assert times.parse(text).second == 59


@pytest.mark.parametrize("text", ["0000-01-01T00:00:00Z", "0000-02-29T23:59:59.9+23:59", "0000-12-31T23:59:60Z"])
def test_the_year_0_is_long_past(text):
    """RFC 3339 §5.6 has it; datetime begins a year later."""
    assert times.show(times.parse(text)) == "0001-01-01T00:00:00Z"
