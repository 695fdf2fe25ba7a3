"""A file as the event that it would be."""

import json
from datetime import UTC, datetime

import pytest

from webhook.checking import NoEvent, read_arrival
from webhook.providers import PROVIDERS

NOW = datetime(2026, 1, 31, tzinfo=UTC)
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"a": 1}}
PUSH = {"ref": "refs/heads/main", "repository": {"html_url": "https://github.com/acme/site"}}


def read(value, **options):
    return read_arrival(json.dumps(value).encode(), now=NOW, **options)


def test_a_cloudevent_comes_by_the_events_door():
    """Its id is what identifies it."""
    arrival = read(EVENT)
    assert (arrival.via, arrival.identity, arrival.event.data) == ("events", "1", {"a": 1})


def test_a_completion_comes_by_its_own_door():
    """As a next step gets it; any other door can be named."""
    event = EVENT | {"type": "dev.jobhook.job.succeeded.v1"}
    assert read(event).via == "jobs"
    assert read(event, via="events").via == "events"


def test_a_push_of_github():
    """As the signed webhook would be read."""
    arrival = read(PUSH, sent_as="github:push")
    assert (arrival.event.type, arrival.via) == ("com.github.push", "github")
    assert arrival.event.source == "https://github.com/acme/site"
    assert len(arrival.identity) == 64
    assert read(PUSH, sent_as="github:push", via="acme").via == "acme"


@pytest.mark.parametrize(
    ("sent_as", "body", "type_"),
    [
        ("github:pull_request", {"action": "opened", "pull_request": {"number": 1}}, "com.github.pull_request.opened"),
        ("gitlab", {"object_kind": "push", "ref": "x"}, "com.gitlab.push"),
        ("gitlab:Push Hook", {"ref": "x"}, "com.gitlab.push"),
        ("gitea:push", {"ref": "x", "commits": [], "pusher": {}}, "com.gitea.push"),
        ("bitbucket:repo:push", {"push": {"changes": []}}, "com.bitbucket.repo.push"),
        ("stripe", {"id": "evt_1", "object": "event", "type": "charge.failed"}, "com.stripe.charge.failed"),
        ("slack", {"event_id": "1", "type": "event_callback", "event": {"type": "message"}}, "com.slack.message"),
        ("shopify:orders/create", {"financial_status": "paid"}, "com.shopify.orders.create"),
        ("standard-webhooks", {"type": "user.created", "data": {}}, "com.standardwebhooks.user.created"),
        ("svix", {"type": "user.created", "data": {}}, "com.svix.user.created"),
    ],
)
def test_every_provider_can_be_tried(sent_as, body, type_):
    """By the scheme's name, and the event's where the body does not say it."""
    assert read(body, sent_as=sent_as).event.type == type_


@pytest.mark.parametrize("scheme", PROVIDERS)
def test_a_payload_of_each_scheme_is_read_or_its_event_asked_for(scheme):
    """Never an error that says nothing."""
    try:
        said = read({"a": 1}, sent_as=scheme).via
    except NoEvent as error:
        said = str(error)
    assert said == scheme or f"--as {scheme}:" in said


@pytest.mark.parametrize(
    ("value", "options", "says"),
    [
        (PUSH, {}, "--as github:push"),
        ([EVENT], {}, "--as"),
        (EVENT | {"specversion": "0.3"}, {}, "specversion"),
        (PUSH, {"sent_as": "github"}, "--as github:push"),
        (PUSH, {"sent_as": "gihub:push"}, "did you mean github?"),
        (PUSH, {"sent_as": "acme:push"}, "there are bitbucket, "),
        ({"zen": "x"}, {"sent_as": "github:ping"}, "test of the address"),
        ({"zen": "x"}, {"sent_as": "github:push"}, "'ref'"),
        ({"zen": "x"}, {"sent_as": "github:no such\n"}, "x-github-event"),
        ({"ref": 1}, {"sent_as": "github:püsh"}, "x-github-event"),
        ([1], {"sent_as": "github:push"}, "no JSON object"),
    ],
)
def test_what_is_no_event_is_said(value, options, says):
    """With what to do about it."""
    with pytest.raises(NoEvent, match=says):
        read(value, **options)
