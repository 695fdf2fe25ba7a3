"""What all providers share: verified JSON in, an event and its identity out, forms refused with the remedy."""

import hashlib
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.errors import MalformedEvent, RequestError, UnsupportedMedia
from webhook.events import Event
from webhook.json import dump
from webhook.providers import PROVIDERS, Delivery, Greeting, receive

BODY = b'{"a": 1}'
DIGEST = hashlib.sha256(BODY).hexdigest()


def _provider(*, identity="id", event=None, loose=False):
    return SimpleNamespace(
        PREFIX="com.example.",
        REMEDY="send JSON",
        greeting=lambda headers, value: Greeting(b"hello") if "hello" in value else None,
        to_event=lambda headers, value, digest: event or Event(id="5", source="/s", type="com.example.x", data=digest),
        identity=lambda event: identity,
        loose=lambda event, chosen: loose,
    )


@pytest.mark.parametrize(
    ("own", "option", "expected"),
    [("id", None, "5"), ("body", None, DIGEST), ("id", "body", DIGEST), ("body", "id", "5")],
)
def test_the_source_decides_identity_before_the_provider(own, option, expected):
    """The provider's rule is a default."""
    event = Event(id="5", source="/s", type="com.example.x", datacontenttype="application/json", data={})
    found = receive(_provider(identity=own, event=event), [], BODY, identity=option)
    assert found == Delivery(event=event, identity=expected)


@pytest.mark.parametrize(
    ("own", "option", "expected"),
    [(True, None, True), (True, "body", True), (True, "id", False), (False, "body", False)],
)
def test_by_an_id_of_the_sources_choosing_nothing_is_loose(own, option, expected):
    """Each delivery is another event then, whatever it is called."""
    assert receive(_provider(identity="body", loose=own), [], BODY, identity=option).loose == expected


def test_a_greeting_launches_nothing():
    """The provider's test of the address is told from a delivery by its body, too."""
    assert receive(_provider(), [], b'{"hello": 1}') == Greeting(b"hello")


@pytest.mark.parametrize(
    "content_type", [b"application/x-www-form-urlencoded", b"Multipart/Form-Data; boundary=x", b"multipart/form-data"]
)
def test_a_form_is_refused_with_the_remedy(content_type):
    """Whatever it holds, also JSON."""
    with pytest.raises(UnsupportedMedia, match="send JSON"):
        receive(_provider(), [(b"content-type", content_type)], BODY)


def test_an_encoded_body_is_refused():
    """Verified bytes are read as they are, or not at all."""
    with pytest.raises(UnsupportedMedia):
        receive(_provider(), [(b"content-encoding", b"gzip")], BODY)


@pytest.mark.parametrize("body", [b"", b"payload=%7B%7D", b"[]", b'"x"', b"null", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_malformed(body):
    """A signature says who wrote it, not that it can be read."""
    with pytest.raises(MalformedEvent):
        receive(_provider(), [], body)


def test_an_event_that_the_specification_forbids_is_malformed():
    """What a provider's file makes of foreign values is checked once more."""
    with pytest.raises(MalformedEvent):
        receive(_provider(event=Event(id="1", source="not a reference", type="t")), [], BODY)


def test_every_provider_has_a_prefix_of_its_own_domain():
    """So that `/events` can refuse what only a signed hook may bring."""
    for provider in PROVIDERS.values():
        assert provider.PREFIX.endswith(".")
        assert provider.PREFIX.startswith("com.")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5).filter(lambda t: t.isprintable()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["url", "id", "html_url"]), inner),
    max_leaves=4,
)
BODIES = st.dictionaries(
    st.sampled_from(["action", "ref", "repository", "sender", "organization", "pull_request", "zen", "alert"]), VALUES
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"x-github-event", b"x-github-delivery", b"content-type"]),
        st.binary(max_size=8) | st.sampled_from([b"push", b"pull_request", b"ping", b"public", b"dependabot_alert"]),
    ),
    max_size=4,
)


@given(st.sampled_from(list(PROVIDERS.values())), HEADERS, BODIES)
def test_any_delivery_is_read_or_refused(provider, headers, body):
    """Nothing but errors of requests leaves a provider, whatever types the values have."""
    try:
        receive(provider, headers, dump(body))
    except RequestError:
        pass
