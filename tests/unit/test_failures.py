"""Failed authentications: so many a minute for each door and peer, in bounded memory."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.errors import TooManyRequests
from webhook.web.failures import Failures, network


def _noted(failures, door, peer, now, times=1):
    """How many of so many failures were let off with a 401."""
    count = 0
    for _ in range(times):
        with contextlib.suppress(TooManyRequests):
            failures.note(door, peer, now)
            count += 1
    return count


def test_so_many_pass_and_then_it_says_when():
    """The limit holds for each door and each peer by itself, and time heals."""
    failures = Failures(allowed=10)
    assert _noted(failures, "github", "192.0.2.1", 0.0, 25) == 10
    assert _noted(failures, "gitlab", "192.0.2.1", 0.0, 25) == 10
    assert _noted(failures, "github", "192.0.2.2", 0.0, 25) == 10
    with pytest.raises(TooManyRequests) as caught:
        failures.note("github", "192.0.2.1", 0.0)
    assert caught.value.retry_after.total_seconds() > 0
    assert _noted(failures, "github", "192.0.2.1", caught.value.retry_after.total_seconds()) == 1
    assert _noted(failures, "github", "192.0.2.1", 3600.0, 25) == 10


def test_memory_is_bounded_and_the_busiest_are_kept():
    """A million peers cost as much as a few thousand, and one that goes on failing is not forgotten for them."""
    failures = Failures(allowed=10, remembered=100)
    assert _noted(failures, "github", "192.0.2.1", 0.0, 10) == 10
    for number in range(10_000):
        failures.note("github", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
        assert _noted(failures, "github", "192.0.2.1", 0.0) == 0
    assert len(failures) == 100


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_addresses_of_one_ipv6_network_are_one_peer(address, host):
    """A host there chooses among 2^64."""
    other = type(address)(int(address) >> 64 << 64 | host)
    if address.ipv4_mapped is None and other.ipv4_mapped is None:
        assert network(str(address)) == network(str(other))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_itself_however_it_is_written(address):
    """Also as a socket for both protocols shows it."""
    assert network(f"::ffff:{address}") == network(str(address)) == str(address)
