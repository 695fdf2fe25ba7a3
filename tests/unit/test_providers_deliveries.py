"""Every provider's deliveries as events, and what keeps a captured one from becoming another."""

import contextlib
import hashlib
import json
from datetime import UTC, datetime

import pytest
import signing
from hypothesis import given
from hypothesis import strategies as st

from webhook import settings
from webhook.errors import ConfigurationError, MalformedEvent, RequestError, UnsupportedMedia, ValueRefused
from webhook.identity import event_key
from webhook.providers import Greeting, bitbucket, forge, github_types
from webhook.sources import ANSWER_SECONDS, declared, distrusted

NOW = datetime.now(UTC)
OTHERS = [scheme for scheme in signing.SCHEMES if not scheme.startswith("github")]
ROWS = [(scheme, row) for scheme in OTHERS for row in signing.rows(scheme)]
EACH = pytest.mark.parametrize(
    ("scheme", "row"), ROWS, ids=lambda value: value if type(value) is str else value["type"]
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A source of each scheme, by the scheme's name."""
    return _declare(tmp_path_factory.mktemp("secrets"), {scheme: {} for scheme in signing.SCHEMES})


def _declare(folder, options):
    made = {}
    for name, more in options.items():
        scheme = more.get("scheme", name)
        path = folder / f"{name}-secret"
        path.write_bytes(more.pop("secret", None) or signing.secret_file(scheme))
        made[name] = settings.Source.model_validate({"secrets": [str(path)], **more, "scheme": scheme})
    return declared(made)


def _receive(source, row, *, body=None, **options):
    body = json.dumps(row["body"]).encode() if body is None else body
    options = {"event": row["event"]} | options
    headers = signing.delivery(source.scheme.name, body, **options)
    return source.receive(signing.raw(headers), body, now=NOW)


def _key(arrival):
    return event_key(arrival.via, arrival.event.source, arrival.identity)


@EACH
def test_each_delivery_becomes_its_event(sources, scheme, row):
    """Type, source, subject and time; the data is the body."""
    arrival = _receive(sources[scheme], row)
    event = arrival.event
    source = row["source"]
    assert (event.type, event.source, event.subject, event.time) == (row["type"], source, row["subject"], row["time"])
    assert (event.datacontenttype, event.data, arrival.via) == ("application/json", row["body"], scheme)
    assert event.type.startswith(sources[scheme].provider.PREFIX)


@EACH
def test_the_identity_is_what_the_signature_covers(sources, scheme, row):
    """The body where the id is in a header that is not signed; else the id."""
    body = json.dumps(row["body"]).encode()
    arrival = _receive(sources[scheme], row, delivery_id="a-1")
    if scheme in signing.ID:
        assert (arrival.event.id, arrival.identity) == ("a-1", hashlib.sha256(body).hexdigest())
    else:
        in_body = row["body"].get("event_id") or (row["body"].get("id") if scheme == "stripe" else None)
        expected = "a-1" if scheme in signing.SIGNED_ID else in_body or hashlib.sha256(body).hexdigest()
        assert arrival.event.id == arrival.identity == expected


@EACH
def test_a_captured_body_is_the_same_event_under_any_header(sources, scheme, row):
    """Other ids, names, shops, instances and hosts: nothing that is not signed is part of the event's key."""
    body = json.dumps(row["body"]).encode()
    first = _receive(sources[scheme], row)
    more = {
        "X-Gitlab-Instance": "https://evil.example",
        "X-Shopify-Shop-Domain": "evil.example",
        "X-Gitea-Event-Type": "other",
        "Idempotency-Key": "2",
        "Host": "evil.example",
        "User-Agent": "evil",
    }
    headers = signing.delivery(scheme, body, event=row["event"], delivery_id="1") | more
    for name in (signing.EVENT.get(scheme), signing.ID.get(scheme)):
        headers.pop(name, None)
    bare = sources[scheme].receive(signing.raw(headers), body, now=NOW)
    assert _key(bare) == _key(first)


@pytest.mark.parametrize(
    ("scheme", "row", "another"),
    [(scheme, row, another) for scheme, row in ROWS for another in row.get("another", ())],
    ids=lambda value: value if type(value) is str else value["type"],
)
def test_a_captured_body_under_another_name_is_refused_or_the_same(sources, scheme, row, another):
    """Where the body tells its type, the header changes nothing; else the body does not fit the name."""
    if scheme.startswith("gitlab") or {"eventKey", "webhookEvent"} & set(row["body"]):
        assert _receive(sources[scheme], row, event=another, delivery_id="fresh").event.type == row["type"]
        return
    with pytest.raises(ValueRefused, match=another):
        _receive(sources[scheme], row, event=another, delivery_id="fresh")


KNOWN = {
    "github": [*github_types.SHAPES.keys() - {"ping"}],
    "bitbucket": [*bitbucket.SHAPES],
    **{scheme: [*forge.SHAPES] for scheme in ("gitea", "forgejo", "gogs")},
}
NAMED = [(scheme, row) for scheme in KNOWN for row in signing.rows(scheme) if row["event"] in KNOWN[scheme]]


@pytest.mark.parametrize(("scheme", "row"), NAMED, ids=lambda value: value if type(value) is str else value["type"])
def test_a_name_is_loose_where_the_body_goes_by_another_too(sources, scheme, row):
    """Of the names that are known and would take a body there is one, or each is as good as the others."""
    taken = {}
    for name in KNOWN[scheme]:
        with contextlib.suppress(ValueRefused):
            taken[name] = _receive(sources[scheme], row, event=name).loose
    assert row["event"] in taken
    assert set(taken.values()) == {len(taken) > 1}


@pytest.mark.parametrize(("scheme", "row"), NAMED, ids=lambda value: value if type(value) is str else value["type"])
def test_a_name_that_is_not_known_is_loose(sources, scheme, row):
    """And so is none at all: whatever the body is, nothing signed says so."""
    unknown = "un:heard_of" if scheme == "bitbucket" else "unheard_of"
    assert _receive(sources[scheme], row, event=unknown).loose
    assert _receive(sources[scheme], row, event=None).loose


@pytest.mark.parametrize(
    ("scheme", "event", "body", "loose"),
    [
        ("gitlab", "Push Hook", {"object_kind": "push"}, False),
        ("gitlab", "Push Hook", {"event_name": "repository_update"}, False),
        ("gitlab", "Emoji Hook", {"object_attributes": {}}, True),
        ("gitlab", None, {}, True),
        ("gitlab-signing", "Emoji Hook", {"object_attributes": {}}, True),
        ("bitbucket", "pr:opened", {"eventKey": "pr:opened"}, False),
        ("bitbucket", None, {"webhookEvent": "jira:issue_updated"}, False),
        ("bitbucket", "pullrequest:created", {"pullrequest": {"state": "OPEN"}}, True),
        ("bitbucket", "pullrequest:fulfilled", {"pullrequest": {"state": "MERGED"}}, False),
        ("bitbucket", "pullrequest:fulfilled", {"pullrequest": {}}, True),
        ("gitea", "pull_request_approved", {"pull_request": {}, "review": {"type": "pull_request_approved"}}, False),
        ("stripe", None, {"id": "evt_1", "type": "a.b"}, False),
        ("stripe", None, {}, False),
        ("slack", None, {"event_id": "Ev1", "event": {"type": "app_mention"}}, False),
        ("standard-webhooks", None, {"type": "a.b"}, False),
        ("svix", None, {}, False),
        ("shopify", "orders/paid", {"id": 1, "financial_status": "paid"}, False),
    ],
)
def test_what_only_a_header_tells_is_loose(sources, scheme, event, body, loose):
    """Not where the body tells it, nor where the provider honestly sends one body under several names."""
    assert _receive(sources[scheme], {"event": event, "body": body}).loose == loose


def test_the_source_decides_how_strictly_a_body_has_one_name(tmp_path):
    """`identity: body` where the provider is lenient, `identity: id` where it is strict."""
    made = _declare(
        tmp_path,
        {
            "strict": {"scheme": "shopify", "identity": "body"},
            "lenient": {"scheme": "bitbucket", "identity": "id"},
            "by-body": {"scheme": "stripe", "identity": "body"},
        },
    )
    assert _receive(made["strict"], signing.rows("shopify")[1]).loose
    assert not _receive(made["lenient"], signing.rows("bitbucket")[3]).loose
    assert not _receive(made["by-body"], signing.rows("stripe")[0]).loose


@pytest.mark.parametrize(
    ("options", "loose"),
    [
        ({}, False),
        ({"type": "body.type"}, False),
        ({"type": 'headers["X-Event"]'}, True),
        ({"type": 'body.type or headers["X-Event"]'}, True),
        ({"type": 'body.kind if headers["X-Event"] == "a" else "b"'}, True),
        ({"type": 'headers["X-Event"]', "id": "body.id"}, True),
        ({"type": 'headers["X-Event"]', "id": "body.id", "identity": "id"}, False),
        ({"type": "body.type", "subject": 'headers["X-Event"]'}, False),
    ],
)
def test_a_generic_type_is_loose_where_its_expression_reads_headers(tmp_path, options, loose):
    """Whatever comes of it, and also where the id is signed."""
    assert _acme(_generic(tmp_path, **options), {"type": "a", "id": "1", "kind": "k"}, x_event="a").loose == loose


@pytest.mark.parametrize("scheme", ["gitea", "forgejo", "gogs"])
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("issue_assign", "issues"),
        ("issue_label", "issues"),
        ("issue_milestone", "issues"),
        ("pull_request_assign", "pull_request"),
        ("pull_request_label", "pull_request"),
        ("pull_request_milestone", "pull_request"),
        ("pull_request_sync", "pull_request"),
        ("pull_request_review_request", "pull_request"),
        ("pull_request_review_approved", "pull_request_approved"),
        ("pull_request_review_rejected", "pull_request_rejected"),
        ("pull_request_review_comment", "pull_request_comment"),
    ],
)
def test_a_name_that_a_webhook_asks_by_is_the_one_that_it_is_told_by(sources, scheme, asked, told):
    """No second type for one body, and no body of another kind under it."""
    pull = {"action": "opened", "number": 3, "pull_request": {"number": 3}, "repository": {"id": 7}}
    bodies = {
        "issues": {"action": "assigned", "issue": {"number": 3}, "repository": {"id": 7}},
        "pull_request": pull,
        **{
            f"pull_request_{verdict}": pull | {"review": {"type": f"pull_request_review_{verdict}"}}
            for verdict in ("approved", "rejected", "comment")
        },
    }
    for kind, body in bodies.items():
        row = {"event": asked, "body": body}
        if kind != told:
            with pytest.raises(ValueRefused):
                _receive(sources[scheme], row)
            continue
        assert _receive(sources[scheme], row).event.type == _receive(sources[scheme], row, event=told).event.type


@pytest.mark.parametrize("scheme", [scheme for scheme in OTHERS if scheme in signing.EVENT])
def test_a_name_that_is_none_is_malformed(sources, scheme):
    """Also one that comes twice, in bytes that are no ASCII, or with a dot that would end it early."""
    for name in ("", "Ünder", "a.b", "x" * 300, "-", "a\tb"):
        headers = signing.delivery(scheme, b"{}", event=name)
        if name == "":
            assert sources[scheme].receive(signing.raw(headers), b"{}", now=NOW).event.type.endswith(".delivery")
            continue
        with pytest.raises(MalformedEvent):
            sources[scheme].receive(signing.raw(headers), b"{}", now=NOW)
    name = signing.EVENT[scheme].lower().encode()
    twice = [*signing.raw(signing.delivery(scheme, b"{}")), (name, b"push"), (name, b"push")]
    with pytest.raises(MalformedEvent, match="twice"):
        sources[scheme].receive(twice, b"{}", now=NOW)


@pytest.mark.parametrize("scheme", signing.SCHEMES)
def test_a_delivery_without_name_and_id_falls_back(sources, scheme):
    """To one type for each source, and the body's SHA-256."""
    body = b'{"hello": 1}'
    headers = signing.delivery(scheme, body)
    headers.pop(signing.ID.get(scheme), None)
    arrival = sources[scheme].receive(signing.raw(headers), body, now=NOW)
    assert arrival.event.type == sources[scheme].provider.PREFIX + "delivery"
    if scheme not in signing.SIGNED_ID:
        assert arrival.event.id == arrival.identity == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("scheme", signing.SCHEMES)
def test_a_form_is_refused_with_the_remedy(sources, scheme):
    """After its signature was verified, and whatever it holds."""
    body = b"payload=%7B%7D"
    headers = signing.delivery(scheme, body) | {"Content-Type": "application/x-www-form-urlencoded"}
    with pytest.raises(UnsupportedMedia) as caught:
        sources[scheme].receive(signing.raw(headers), body, now=NOW)
    assert sources[scheme].provider.REMEDY in str(caught.value)
    assert len(sources[scheme].provider.REMEDY) > 10


def test_the_url_verification_of_slack_is_answered_with_its_challenge(sources):
    """After the check of its signature; without a challenge it is malformed."""
    asked = {"type": "url_verification", "token": "t", "challenge": "3eZbrw1aB"}
    assert _receive(sources["slack"], {"event": None, "body": asked}) == Greeting(b"3eZbrw1aB")
    for challenge in (None, "", 5, ["x"]):
        with pytest.raises(MalformedEvent):
            _receive(sources["slack"], {"event": None, "body": asked | {"challenge": challenge}})


def test_bitbucket_servers_test_of_a_connection_greets(sources):
    """And nothing else passes under its name as a greeting."""
    assert _receive(sources["bitbucket"], {"event": "diagnostics:ping", "body": {"test": True}}) == Greeting()
    row = signing.rows("bitbucket")[0]
    assert not isinstance(_receive(sources["bitbucket"], row, event="diagnostics:ping"), Greeting)


def test_the_shop_is_told_and_identifies_nothing(sources):
    """Shopify's shop is in a header that is not signed: to be read, not to be relied on."""
    body = json.dumps(signing.rows("shopify")[0]["body"]).encode()
    keys = set()
    for shop in ("a.myshopify.example", "b.myshopify.example"):
        headers = signing.delivery("shopify", body, event="orders/create") | {"X-Shopify-Shop-Domain": shop}
        arrival = sources["shopify"].receive(signing.raw(headers), body, now=NOW)
        assert arrival.event.extensions == {"shopdomain": shop}
        keys.add(_key(arrival))
    assert len(keys) == 1


def test_a_fork_may_use_its_elders_headers(sources):
    """Some versions of Gogs write Gitea's names, and Forgejo sends both."""
    row = signing.rows("gogs")[0]
    body = json.dumps(row["body"]).encode()
    headers = signing.signature("gogs", body) | {"X-Gitea-Event": "push", "X-Gitea-Delivery": "5"}
    event = sources["gogs"].receive(signing.raw(headers), body, now=NOW).event
    assert (event.type, event.id) == ("com.gogs.push", "5")


def test_what_a_source_brings_is_not_believed_elsewhere(sources):
    """The prefix of each, of a generic source its own."""
    assert set(distrusted(sources.values())) == {"dev.jobhook.job.", *signing.PREFIX.values()}


def test_each_answers_before_its_provider_hangs_up(sources):
    """Slack waits 3 s, Shopify, Gitea and Forgejo 5 s, the others at least 10 s."""
    assert {name: source.answer_seconds for name, source in sources.items() if source.answer_seconds} == ANSWER_SECONDS
    assert (ANSWER_SECONDS["slack"], ANSWER_SECONDS["shopify"]) == (2.5, 4.0)


# Generic sources


def _generic(folder, **options):
    return _declare(folder, {"acme": {"scheme": "generic", "header": "X-Acme", **options}})["acme"]


def _acme(source, body, *, key=signing.SECRET, **headers):
    text = json.dumps(body).encode()
    signed = {"X-Acme": signing._hex(text, key=key)} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return source.receive(signing.raw(signed), text, now=NOW)


def test_a_generic_delivery_is_mapped_by_expressions(tmp_path):
    """Over headers, in any letter case, and the body."""
    source = _generic(
        tmp_path,
        type_prefix="com.acme.",
        id="body.order.id",
        type='headers["X-Acme-Event"]',
        source='"https://acme.example/" ~ body.shop',
        subject="body.order.number",
    )
    arrival = _acme(source, {"order": {"id": "o-1", "number": 7}, "shop": "north"}, x_acme_event="order.paid")
    event = arrival.event
    assert (event.id, event.type) == ("o-1", "com.acme.order.paid")
    assert (event.source, event.subject) == ("https://acme.example/north", "7")
    assert arrival.identity == "o-1"


def test_a_generic_type_is_never_anothers(tmp_path):
    """The prefix comes before whatever the sender writes, and is not doubled."""
    source = _generic(tmp_path, type="body.type", type_prefix="com.acme.")
    assert _acme(source, {"type": "com.github.push"}).event.type == "com.acme.com.github.push"
    assert _acme(source, {"type": "com.acme.paid"}).event.type == "com.acme.paid"
    plain = _generic(tmp_path, type="body.type")
    assert _acme(plain, {"type": "dev.jobhook.job.failed.v1"}).event.type == "hook.acme.dev.jobhook.job.failed.v1"
    assert distrusted([plain]) == ("dev.jobhook.job.", "hook.acme.")


def test_a_generic_delivery_falls_back(tmp_path):
    """Where no expression is given, or leads to nothing: door, `delivery`, and the body's SHA-256."""
    for options in ({}, {"id": "body.id", "type": "body.type", "source": "body.source", "subject": "body.subject"}):
        arrival = _acme(_generic(tmp_path, **options), {"a": {}})
        event = arrival.event
        assert (event.type, event.source, event.subject) == ("hook.acme.delivery", "/hooks/acme", None)
        assert event.id == hashlib.sha256(b'{"a": {}}').hexdigest()


def test_a_generic_id_identifies_where_it_is_signed(tmp_path):
    """In the body, or in the header that the signature covers; one from another header does not."""
    assert _acme(_generic(tmp_path, id="body.id"), {"id": 5}).identity == "5"
    loose = _generic(tmp_path, id='headers["x-id"]')
    arrivals = [_acme(loose, {"a": 1}, x_id=id_) for id_ in ("1", "2")]
    assert [arrival.event.id for arrival in arrivals] == ["1", "2"]
    assert len({arrival.identity for arrival in arrivals}) == 1
    signed = _generic(tmp_path, signed="{id}.{body}", id_header="X-Id")
    headers = {"X-Acme": signing._hex(b"9.{}"), "X-Id": "9"}
    assert signed.receive(signing.raw(headers), b"{}", now=NOW).identity == "9"


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("type", "body.", "is no expression"),
        ("type", "event.type", "headers and body"),
        ("id", "body.a(1)", "is no expression"),
        ("source", 'headers["x-shop"]', "not signed"),
    ],
)
def test_an_expression_that_cannot_be_used_does_not_start(tmp_path, key, text, says):
    """It is named with its source."""
    with pytest.raises(ConfigurationError, match=rf"sources\.acme\.{key}: .*{says}"):
        _generic(tmp_path, **{key: text})


def test_an_expression_that_fails_refuses_the_delivery(tmp_path):
    """And says which."""
    with pytest.raises(ValueRefused, match="body.a"):
        _acme(_generic(tmp_path, type="body.a + 1"), {"a": "text"})


# Secrets


@pytest.mark.parametrize("scheme", ["standard-webhooks", "svix", "gitlab-signing"])
@pytest.mark.parametrize(
    "secret",
    [b"whsec_c2hvcnQ=\n" + b"", b"whsec_not base64, but long", b"whpk_" + b"AAAA" * 8, b"whsec_QUFBQUFBQUFBQQ=="],
    ids=["short", "not base64", "no public key", "ten bytes"],
)
def test_a_secret_without_its_schemes_form_does_not_start(tmp_path, scheme, secret):
    """The place, the file and the remedy are named, the secret is not."""
    with pytest.raises(ConfigurationError) as caught:
        _declare(tmp_path, {"acme": {"scheme": scheme, "secret": secret}})
    message = str(caught.value)
    assert "sources.acme.secrets[0]" in message
    assert str(tmp_path / "acme-secret") in message
    assert secret.decode().strip() not in message


def test_all_faulty_sources_are_named_at_once(tmp_path):
    """A line for each."""
    options = {name: {"scheme": "svix", "secret": b"whsec_not base64"} for name in ("one", "two")}
    with pytest.raises(ConfigurationError) as caught:
        _declare(tmp_path, options)
    assert [line.partition(".secrets")[0] for line in str(caught.value).splitlines()] == ["sources.one", "sources.two"]


def test_a_public_key_verifies_v1a(tmp_path):
    """Declared like a shared secret."""
    import base64

    source = _declare(tmp_path, {"acme": {"scheme": "standard-webhooks", "secret": signing.WHPK}})["acme"]
    at, body = str(int(NOW.timestamp())), b'{"type": "a.b"}'
    sealed = base64.b64encode(signing.PRIVATE.sign(f"m1.{at}.".encode() + body)).decode()
    headers = {"webhook-id": "m1", "webhook-timestamp": at, "webhook-signature": f"v1a,{sealed}"}
    arrival = source.receive(signing.raw(headers), body, now=NOW)
    assert (arrival.event.type, arrival.event.source) == ("com.standardwebhooks.a.b", "/hooks/acme")


HEADERS = st.lists(
    st.tuples(
        st.sampled_from([name.lower().encode() for name in {*signing.EVENT.values(), *signing.ID.values()}]),
        st.binary(max_size=8) | st.sampled_from([b"push", b"repo:push", b"orders/create", b"Push Hook", b"repository"]),
    ),
    max_size=4,
)
KEYS = st.sampled_from(
    [
        "action",
        "object_kind",
        "repository",
        "id",
        "type",
        "event",
        "challenge",
        "review",
        "links",
        "html_url",
        "data",
        "pullrequest",
        "eventKey",
        "issue",
        "webhookEvent",
        "timestamp",
        "created",
        "created_at",
        "financial_status",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "x", "push", "url_verification", "2026-01-02T03:04:05Z", "https://a.example/b", "\x00", "é"]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(OTHERS), HEADERS, st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_delivery_is_read_or_refused(sources, scheme, headers, body):
    """Nothing but errors of requests leaves a provider, whatever types the values have."""
    text = json.dumps(body).encode()
    signed = signing.raw(signing.signature(scheme, text, at=NOW.timestamp()))
    try:
        sources[scheme].receive([*signed, *headers], text, now=NOW)
    except RequestError:
        pass
