"""Packed keys behave as a set, and few bytes hold them."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from webhook.ledger import keys

# Few first bytes, so that neighbours and equal beginnings are frequent.
ENTRIES = st.binary(min_size=2, max_size=2).map(lambda end: bytes(14) + end) | st.binary(min_size=16, max_size=16)


@given(held=st.sets(ENTRIES, max_size=60), asked=st.lists(ENTRIES, max_size=20))
def test_membership_is_that_of_a_set(held, asked):
    """What was packed is found, and nothing else is."""
    packed = keys.pack(held)
    assert len(packed) == 16 * len(held)
    for entry in [*held, *asked]:
        assert keys.holds(packed, entry) == (entry in held)


@given(held=st.lists(ENTRIES, max_size=60))
def test_unpacking_gives_each_entry_once_and_sorted(held):
    """Packing loses nothing but repetitions and order."""
    assert keys.unpack(keys.pack(held)) == sorted(set(held))


@given(held=st.sets(ENTRIES, max_size=60), other=st.sets(ENTRIES, max_size=60))
def test_a_sieve_lets_all_entries_through(held, other):
    """It may let more through, and never holds back what is there."""
    sieve = keys.Sieve()
    sieve.add(keys.pack(held))
    sieve.add(keys.pack(other))
    assert all(entry in sieve for entry in held | other)
    assert sieve.added == len(held) + len(other)


def test_a_sieve_holds_nearly_all_else_back():
    """Of what is not there, with 200,000 keys, one in twenty passes."""
    sieve = keys.Sieve()
    every = [hashlib.sha256(str(number).encode()).digest()[:16] for number in range(210_000)]
    sieve.add(keys.pack(every[:200_000]))
    assert sum(entry in sieve for entry in every[200_000:]) < 600


def test_an_entry_is_the_first_half_of_the_key():
    """A Job's key is a SHA-256 already."""
    assert keys.entry("0123456789abcdef" * 4).hex() == "0123456789abcdef" * 2


@given(st.text())
def test_any_text_has_an_entry(text):
    """An annotation that is no key has one that stays the same."""
    assert len(keys.entry(text)) == 16
    assert keys.entry(text) == keys.entry(text)
