"""Rates: what a handshake grants is what the gate lets in."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.errors import TooManyRequests
from webhook.web.rates import Gate, per_minute


@given(st.integers(1, 10**6), st.sampled_from([timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)]))
def test_no_more_is_granted_than_is_let_in(requests, per):
    """In whole requests, rounded down."""
    real = requests * 60 / per.total_seconds()
    assert real - 1 < per_minute(requests, per) <= real


@given(st.integers(1, 50), st.lists(st.floats(0, 30), max_size=200))
def test_a_gate_lets_in_what_its_rate_says(requests, pauses):
    """In no stretch of time more than a burst and what has grown meanwhile; who was sent away may come when told."""
    gate, now, let_in = Gate(requests, timedelta(seconds=10)), 0.0, []
    for pause in pauses:
        now += pause
        try:
            gate.enter(now)
        except TooManyRequests as refusal:
            now += refusal.retry_after.total_seconds() + 1e-6
            gate.enter(now)
        let_in.append(now)
    for first, began in enumerate(let_in):
        for count, ended in enumerate(let_in[first:], 1):
            assert count <= requests + (ended - began) * requests / 10 + 1e-6


def test_a_burst_is_let_in_at_once():
    """And one more is sent away, to come again when there is room for one."""
    gate = Gate(5, timedelta(seconds=10))
    for _ in range(5):
        gate.enter(100.0)
    with pytest.raises(TooManyRequests) as refused:
        gate.enter(100.0)
    assert refused.value.retry_after == timedelta(seconds=2)
