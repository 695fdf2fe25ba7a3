"""GitHub's deliveries as events: the adapter's table, and a body that comes under another's name."""

import hashlib
import json
from pathlib import Path

import pytest

from webhook.errors import MalformedEvent, UnsupportedMedia, ValueRefused
from webhook.json import dump
from webhook.providers import PROVIDERS, Delivery, Greeting, github, receive
from webhook.providers.github_types import SHAPES

PUSH = {"ref": "refs/heads/main", "repository": {"html_url": "https://github.com/acme/shop"}}
DELIVERIES = json.loads((Path(__file__).parent.parent / "data" / "github" / "deliveries.json").read_text())


def _receive(event, body, *more):
    return receive(github, [(b"x-github-event", event.encode()), (b"x-github-delivery", b"guid-1"), *more], dump(body))


@pytest.mark.parametrize("row", DELIVERIES, ids=lambda row: row["type"])
def test_each_delivery_maps_as_the_adapter_says(row):
    """Type, source, subject and time from the body, the id from the header, the identity by the type."""
    body = dump(row["body"])
    found = _receive(row["event"], row["body"])
    assert isinstance(found, Delivery)
    event = found.event
    assert (event.type, event.source, event.subject, event.time) == tuple(
        row[name] for name in ("type", "source", "subject", "time")
    )
    assert (event.id, event.datacontenttype, event.data) == ("guid-1", "application/json", row["body"])
    assert found.identity == ("guid-1" if row["identity"] == "id" else hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("row", [row for row in DELIVERIES if row["event"] in SHAPES], ids=lambda row: row["type"])
def test_a_body_holds_to_its_own_name(row):
    """Under the name of any other type that is known, each is refused."""
    for name in set(SHAPES) - {row["event"], "ping"}:
        with pytest.raises(ValueRefused, match="x-github-event"):
            _receive(name, row["body"])


def _payloads(outside_data):
    files = sorted((outside_data / "github").rglob("*.json"))
    assert len(files) == 273
    return [(file.parent.name, file.read_bytes()) for file in files]


def test_the_outside_payloads_all_map(outside_data):
    """Every real payload is taken, under a type and a source that a definition can match."""
    for name, body in _payloads(outside_data):
        found = receive(github, [(b"x-github-event", name.encode())], body)
        if name == "ping":
            assert isinstance(found, Greeting)
            continue
        assert isinstance(found, Delivery)
        value = json.loads(body)
        assert found.event.type.startswith(f"com.github.{name}")
        assert found.event.id == hashlib.sha256(body).hexdigest()
        if "repository" in value:
            assert found.event.source == value["repository"]["html_url"]
        assert found.event.data == value


def test_no_outside_payload_passes_under_another_name(outside_data):
    """Every real payload under every other name that is known: none is taken."""
    for name, body in _payloads(outside_data):
        for other in set(SHAPES) - {name, "ping"}:
            with pytest.raises(ValueRefused):
                receive(github, [(b"x-github-event", other.encode())], body)


def test_no_outside_payload_is_loose_under_its_own_name(outside_data):
    """Every real payload tells its name; under one that is not known, only the header does."""
    for name, body in _payloads(outside_data):
        if name != "ping":
            assert not receive(github, [(b"x-github-event", name.encode())], body).loose
            assert receive(github, [(b"x-github-event", b"unheard_of")], body).loose


def test_every_outside_type_has_a_shape(outside_data):
    """No type of the data is accepted merely because it is unknown."""
    assert {name for name, _ in _payloads(outside_data)} <= set(SHAPES)


def test_a_ping_greets():
    """With a hook's own keys, and launches nothing."""
    assert _receive("ping", {"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {}}) == Greeting()


def test_a_form_is_refused_with_githubs_remedy():
    """A ping, too."""
    form = (b"content-type", b"application/x-www-form-urlencoded")
    for name in ("push", "ping"):
        with pytest.raises(UnsupportedMedia, match="Content type to application/json"):
            _receive(name, PUSH, form)


def test_missing_headers_fall_back():
    """To one type for all, and to the body's SHA-256."""
    body = dump(PUSH)
    found = receive(github, [], body)
    assert found.event.type == "com.github.delivery"
    assert found.event.id == found.identity == hashlib.sha256(body).hexdigest()


def test_the_same_body_is_the_same_whatever_its_headers():
    """Its id, its name and its absence change neither source nor identity, so that the same Job is meant."""
    bodies = [
        _receive("push", PUSH),
        receive(github, [(b"x-github-event", b"push"), (b"x-github-delivery", b"guid-2")], dump(PUSH)),
        receive(github, [(b"x-github-event", b"unheard_of")], dump(PUSH)),
        receive(github, [], dump(PUSH)),
    ]
    assert len({(found.event.source, found.identity) for found in bodies}) == 1


@pytest.mark.parametrize("name", [b"Push", b"push ", b"push.opened", b"p\xc3\xbcsh", b"-", b"push\x00", b"x" * 101])
def test_an_odd_name_is_malformed(name):
    """An event's name is GitHub's, in lower case; another would make a type that nothing of theirs has."""
    with pytest.raises(MalformedEvent):
        receive(github, [(b"x-github-event", name)], dump(PUSH))


@pytest.mark.parametrize("header", [b"x-github-event", b"x-github-delivery"])
def test_a_header_twice_is_malformed(header):
    """Which of two is meant is not guessed."""
    with pytest.raises(MalformedEvent, match="twice"):
        receive(github, [(header, b"push"), (header, b"push")], dump(PUSH))


def test_both_of_githubs_signatures_lead_here():
    """The old scheme signs the same deliveries."""
    assert PROVIDERS["github"] is PROVIDERS["github-sha1"] is github
