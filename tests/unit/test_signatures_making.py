"""What we sign, our own verifier takes; and a vector that others made."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.errors import NotAuthenticated
from webhook.signatures import SCHEMES, UnusableKey, sign, signing_key, verify

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SCHEME = SCHEMES["standard-webhooks"]

keys = st.binary(min_size=16, max_size=80)


def raw(headers):
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def whsec(key):
    return b"whsec_" + base64.b64encode(key)


def test_signs_as_the_specification_shows():
    """The example of the specification's reference implementations, byte for byte."""
    key = signing_key(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = sign(
        b'{"test": 2432232314}',
        id_="msg_p5jXN8AQM9LWM0D4loKWxJek",
        moment=datetime.fromtimestamp(1614265330, UTC),
        keys=[key],
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(body=st.binary(), several=st.lists(keys, min_size=1, max_size=4), other=keys)
def test_each_key_of_a_rotation_verifies_and_no_other(body, several, other):
    """Any bytes, any keys: every listed one is enough, one that is not listed is not."""
    headers = sign(body, id_="uid-finished", moment=NOW, keys=several)
    for key in several:
        found = verify(SCHEME, raw(headers), body, [whsec(key)], now=NOW + timedelta(seconds=299))
        assert (found.id, found.timestamp) == ("uid-finished", NOW)
    with pytest.raises(NotAuthenticated):
        verify(SCHEME, raw(headers), body + b"x", [whsec(key) for key in several], now=NOW)
    with pytest.raises(NotAuthenticated):
        verify(SCHEME, raw(headers | {"webhook-id": "another"}), body, [whsec(several[0])], now=NOW)
    if other not in several:
        with pytest.raises(NotAuthenticated):
            verify(SCHEME, raw(headers), body, [whsec(other)], now=NOW)


@given(key=keys)
def test_a_key_is_what_whsec_holds_or_the_bytes_as_they_are(key):
    """Both ways of writing a secret; without the prefix nothing is decoded, however much it looks like base64."""
    assert signing_key(whsec(key)) == key
    encoded = base64.b64encode(key)
    assert signing_key(encoded) == encoded


@pytest.mark.parametrize("secret", [b"", b"hunter2", b"whsec_", b"whsec_c2hvcnQ=", b"whsec_no base64 at all, no no no"])
def test_what_can_sign_nothing_is_told_without_showing_it(secret):
    """Too short, or no base64 behind the prefix."""
    with pytest.raises(UnusableKey) as caught:
        signing_key(secret)
    assert secret.removeprefix(b"whsec_").decode() not in str(caught.value) or secret in {b"", b"whsec_"}
