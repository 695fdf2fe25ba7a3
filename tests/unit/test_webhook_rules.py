"""The rules of a receiver of webhooks, and what goes wrong in receivers that people trust: each a test by its name.

What only a running process can show is in `BY_PROCESS`, with the tests that do.
"""

import asyncio
import base64
import binascii
import hmac
import json
import pathlib
import re
from datetime import UTC, datetime, timedelta

import pytest
import signing
from starlette.requests import Request
from structlog.testing import capture_logs

from webhook import secretfiles, settings
from webhook.errors import (
    ConfigurationError,
    MalformedEvent,
    NotAuthenticated,
    TooLarge,
    TooManyRequests,
    TooSlow,
    UnsupportedMedia,
)
from webhook.identity import job_key
from webhook.json import MAX_DEPTH, load_strict
from webhook.providers import Greeting
from webhook.settings import sizes
from webhook.signatures import SCHEMES, verify
from webhook.sources import declared
from webhook.web.body import Budget, body_of
from webhook.web.failures import Failures
from webhook.web.problems import problem_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AT = int(NOW.timestamp())
EVERY = pytest.mark.parametrize("scheme", signing.SCHEMES)
TIMESTAMPED = pytest.mark.parametrize(
    ("scheme", "where"),
    [
        ("stripe", "Stripe-Signature"),
        ("slack", "X-Slack-Request-Timestamp"),
        ("svix", "svix-timestamp"),
        ("standard-webhooks", "webhook-timestamp"),
        ("gitlab-signing", "webhook-timestamp"),
    ],
)
BODY = b'{"a": 1}'

BY_PROCESS = {
    "rule 1, an unauthenticated source": ["test_a_source_that_could_be_passed_by_anybody_does_not_start"],
    "rule 2, an undeclared path": ["test_404_for_what_is_not_there"],
    "rule 3, a duplicate header": ["test_a_security_header_twice_is_401"],
    "rule 4, rotation": ["test_an_older_secret_counts_until_its_file_is_gone"],
    "rule 5, replay": [
        "test_a_captured_body_under_a_fresh_id_launches_nothing",
        "test_a_captured_body_under_another_event_launches_nothing",
        "test_under_another_name_nothing_is_launched_again",
        "test_neither_after_the_job_was_cleaned_up",
        "test_with_identity_id_a_fresh_id_is_a_fresh_event",
        "test_a_signed_timestamp_holds_for_five_minutes",
    ],
    "rule 6, limits": ["test_300_mib_of_chunked_body", "test_100_mib_of_headers", "test_50_000_header_lines"],
    "rule 6, slowness": ["test_a_byte_a_second", "test_408_for_a_body_that_does_not_come"],
    "rule 7, JSON": ["test_json_nested_100_000_deep_is_400", "test_a_form_is_415_with_the_remedy"],
    "rule 8, failures": ["test_bad_signatures_are_429_in_the_end_and_good_ones_always_pass"],
    "rule 8, the log": ["test_nothing_hostile_reaches_the_log_raw"],
    "rule 9, sinks": ["test_gives_up_what_will_never_be_taken"],
    "rule 10, ping and doors": ["test_204_for_a_signed_ping", "test_401_without_a_callers_token"],
    "rule 11, the path": ["test_an_absolute_target_is_its_path", "test_a_peer_is_its_connection_whatever_it_says"],
    "Tekton, 202 before anything": ["test_a_store_that_cannot_be_written_is_a_503_and_never_a_202"],
}
"""By rule: tests against the real process."""


def _source(folder, scheme, *, secrets=None, **options):
    paths = []
    for index, secret in enumerate([signing.secret_file(scheme)] if secrets is None else secrets):
        (folder / f"{index}").write_bytes(secret)
        paths.append(str(folder / f"{index}"))
    made = settings.Source.model_validate({"scheme": scheme, "secrets": paths, **options})
    return declared({"door": made})["door"]


def _headers(scheme, body=BODY, **options):
    return signing.raw(signing.delivery(scheme, body, at=AT, **options))


def _verify(scheme, headers, *, body=BODY, secrets=None, now=NOW):
    secrets = [signing.secret_file(scheme)] if secrets is None else secrets
    return verify(SCHEMES[scheme], headers, body, secrets, now=now)


def _swap(headers, name, value):
    name = name.lower().encode()
    return [(key, value if key == name else old) for key, old in headers]


def test_each_rule_that_needs_a_process_is_tested_by_one():
    """The table above names tests that there are."""
    folder = pathlib.Path(__file__).parent.parent
    written = {
        name
        for file in folder.rglob("test_*.py")
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    assert {name for names in BY_PROCESS.values() for name in names} - written == set()


# 1. Fail closed.


@pytest.mark.parametrize("scheme", [None, "", "none", "any", "auto"])
def test_rule_1_no_source_without_an_explicit_scheme(tmp_path, scheme):
    """Whatever stands there, or nothing."""
    (tmp_path / "secret").write_bytes(signing.SECRET)
    (tmp_path / "jobhook.yaml").write_text(json.dumps({"sources": {"a": {"scheme": scheme, "secrets": ["secret"]}}}))
    with pytest.raises(ConfigurationError, match=r"sources\.a\.scheme"):
        settings.load({}, folder=tmp_path)


@EVERY
@pytest.mark.parametrize("secret", [b"", b"\n", b"  \n", b"x" * 15, b"whsec_\n"])
def test_rule_1_no_start_on_an_empty_or_short_secret(tmp_path, scheme, secret):
    """Of any scheme; a Standard Webhooks secret counts without its prefix and its base64."""
    (tmp_path / "secret").write_bytes(secret)
    (tmp_path / "jobhook.yaml").write_text(json.dumps({"sources": {"a": {"scheme": scheme, "secrets": ["secret"]}}}))
    with pytest.raises(ConfigurationError, match=r"sources\.a\.secrets\[0\]"):
        declared(settings.load({}, folder=tmp_path).sources)


@EVERY
def test_rule_1_a_secret_that_goes_lets_nothing_in(tmp_path, scheme):
    """Neither signed by an empty key nor unsigned."""
    source = _source(tmp_path, scheme)
    (tmp_path / "0").write_bytes(b"")
    for headers in ([], _headers(scheme, key=b"") if scheme != "gitlab" else _headers(scheme), _headers(scheme)):
        with pytest.raises(NotAuthenticated):
            source.receive(headers, BODY, now=NOW)


# 2. The path chooses the source, the configuration the algorithm.


@pytest.mark.parametrize("other", signing.SCHEMES)
@EVERY
def test_rule_2_headers_do_not_choose_the_scheme(scheme, other):
    """A good signature of any other scheme, by the same secret, is worth nothing at this door."""
    secrets = [signing.SECRET, signing.WHSEC]
    alike = ({"standard-webhooks", "gitlab-signing"},)
    if scheme == other or any({scheme, other} <= group for group in alike):
        assert _verify(scheme, _headers(other), secrets=secrets)
        return
    with pytest.raises(NotAuthenticated):
        _verify(scheme, _headers(other), secrets=secrets)


@pytest.mark.parametrize("algorithm", ["sha1", "sha512", "md5"])
def test_rule_2_a_signatures_prefix_does_not_choose_the_algorithm(algorithm):
    """Right by another algorithm, and labelled so, in the header that is read."""
    mac = hmac.new(signing.SECRET, BODY, algorithm).hexdigest()
    for prefix in (algorithm, "sha256"):
        with pytest.raises(NotAuthenticated):
            _verify("github", [(b"x-hub-signature-256", f"{prefix}={mac}".encode())])


# 3. Raw bytes before parsing; strict; constant time on bytes; every header once.


@pytest.mark.parametrize("body", [b'{"a":1}', b'{"a": 1}\n', b' {"a": 1}', b'{"a": 1, "a": 1}', b'{"\\u0061": 1}'])
@pytest.mark.parametrize("scheme", [scheme for scheme in signing.SCHEMES if scheme != "gitlab"])
def test_rule_3_raw_bytes_are_verified(scheme, body):
    """Bodies of the same JSON value are not the same body."""
    with pytest.raises(NotAuthenticated):
        _verify(scheme, _headers(scheme), body=body)


@EVERY
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"payload=%7B%7D"])
def test_rule_3_nothing_is_parsed_before_it_is_verified(tmp_path, scheme, body):
    """What cannot be read and is not signed is unsigned, not malformed."""
    with pytest.raises(NotAuthenticated):
        _source(tmp_path, scheme).receive([(b"content-type", b"text/plain")], body, now=NOW)


@pytest.mark.parametrize("scheme", ["github", "bitbucket", "gitea", "shopify", "stripe", "slack", "svix"])
def test_rule_3_hex_and_base64_are_strict(scheme):
    """Upper case, white space, missing or doubled padding, the other alphabet, a cut or a longer signature."""
    headers = signing.delivery(scheme, BODY, at=AT)
    name = next(name for name in headers if "ignature" in name or "Hmac" in name)
    given = headers[name]
    odd = [given.upper(), f" {given}x", given[:-1], given[:-2], given + "=", given + "00", given.replace("=", "", 99)]
    odd += [given.replace("+", "-").replace("/", "_") + "\t", given[:20], given + "\x00", f'"{given}"']
    for value in odd:
        if value == given:
            continue
        with pytest.raises(NotAuthenticated):
            _verify(scheme, signing.raw(headers | {name: value}))


@pytest.mark.parametrize("scheme", signing.SCHEMES)
def test_rule_3_comparison_is_on_bytes(scheme):
    """A signature that is not ASCII is a wrong one, and no TypeError."""
    headers = signing.delivery(scheme, BODY, at=AT)
    name = next(name for name in headers if "ignature" in name or "Hmac" in name or "Token" in name)
    for value in (b"\xff" * 64, "ü".encode(), b"sha256=\xe9", b"v0=\xe9", b"v1,\xe9", f"t={AT},v1=é".encode()):
        with pytest.raises(NotAuthenticated):
            _verify(scheme, _swap(signing.raw(headers), name, value))


@EVERY
def test_rule_3_each_security_header_is_there_once(scheme):
    """Twice the same, or a good one beside a bad one in either order: 401."""
    headers = signing.raw(signing.signature(scheme, BODY, at=AT))
    assert _verify(scheme, headers).secret == 0
    for name, value in headers:
        for twin in (value, b"x"):
            for doubled in ([*headers, (name, twin)], [(name, twin), *headers]):
                with pytest.raises(NotAuthenticated):
                    _verify(scheme, doubled)


@TIMESTAMPED
@pytest.mark.parametrize("text", ["+{}", " {}", "{} ", "{}.0", "0x{:x}", "{:_}", "-{}", "", "now", "٣" * 10, "{}" * 5])
def test_rule_3_timestamps_are_ascii_digits(scheme, where, text):
    """Though the signature over that text is right."""
    shown = text.format(*[AT] * 5)
    given = shown.encode()
    if scheme == "stripe":
        mac = hmac.new(signing.SECRET, given + b"." + BODY, "sha256").hexdigest()
        headers = [(b"stripe-signature", b"t=" + given + b",v1=" + mac.encode())]
    elif scheme == "slack":
        mac = hmac.new(signing.SECRET, b"v0:" + given + b":" + BODY, "sha256").hexdigest()
        headers = [(where.lower().encode(), given), (b"x-slack-signature", b"v0=" + mac.encode())]
    else:
        prefix = where.partition("-")[0].encode()
        mac = binascii.b2a_base64(hmac.digest(signing.SECRET, b"1." + given + b"." + BODY, "sha256"), newline=False)
        headers = [(prefix + b"-id", b"1"), (prefix + b"-timestamp", given), (prefix + b"-signature", b"v1," + mac)]
    with pytest.raises(NotAuthenticated):
        _verify(scheme, headers)


# 4. Rotation.


@EVERY
def test_rule_4_every_secret_is_tried_and_the_one_that_matched_is_logged(tmp_path, scheme):
    """By its place in the configuration, also when one before it is gone; a removed one counts no more."""
    wrapped = signing.secret_file(scheme) != signing.SECRET
    keys = [b"the first secret of three, long enough", b"the second secret of three", b"the third secret of three"]
    files = [b"whsec_" + base64.b64encode(key) if wrapped else key for key in keys]
    source = _source(tmp_path, scheme, secrets=files)

    def matched(key):
        with capture_logs() as lines:
            source.receive(_headers(scheme, key=key), BODY, now=NOW)
        return [line["secret"] for line in lines if line["event"] == "hook.verified"]

    assert [matched(key) for key in keys] == [[0], [1], [2]]
    (tmp_path / "0").unlink()
    with pytest.raises(NotAuthenticated):
        matched(keys[0])
    assert matched(keys[2]) == [2]
    (tmp_path / "0").write_bytes(files[1])
    assert matched(keys[1]) == [0]


@EVERY
def test_rule_4_a_new_secret_counts_at_once(tmp_path, monkeypatch, scheme):
    """A look at the files is good for some milliseconds, but refuses nothing that they have by now."""
    monkeypatch.setattr(secretfiles, "_SETTLED_NS", -(10**18))
    monkeypatch.setattr(secretfiles, "RECENT_SECONDS", 3600)
    wrapped = signing.secret_file(scheme) != signing.SECRET
    old, new = b"the secret that goes, long enough", b"the secret that comes, and longer"
    files = [b"whsec_" + base64.b64encode(key) if wrapped else key for key in (old, new)]
    source = _source(tmp_path, scheme, secrets=files[:1])
    source.receive(_headers(scheme, key=old), BODY, now=NOW)
    (tmp_path / "0").write_bytes(files[1])
    source.receive(_headers(scheme, key=new), BODY, now=NOW)
    with pytest.raises(NotAuthenticated):
        source.receive(_headers(scheme, key=old), BODY, now=NOW)
    (tmp_path / "0").unlink()
    with pytest.raises(NotAuthenticated):
        source.receive(_headers(scheme, key=old), BODY, now=NOW)
    with pytest.raises(NotAuthenticated, match="none of the source's"):
        source.receive(_headers(scheme, key=new), BODY, now=NOW)


# 5. Replay.


@TIMESTAMPED
@pytest.mark.parametrize(("seconds", "passes"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_rule_5_signed_timestamps_hold_for_300_seconds(scheme, where, seconds, passes):
    """Either way."""
    now = NOW + timedelta(seconds=seconds)
    if passes:
        assert _verify(scheme, _headers(scheme), now=now)
    else:
        with pytest.raises(NotAuthenticated):
            _verify(scheme, _headers(scheme), now=now)


@pytest.mark.parametrize("scheme", list(signing.ID))
def test_rule_5_a_replayed_body_with_a_new_id_is_the_same(tmp_path, scheme):
    """The body's SHA-256 makes the Job's key, unless the source says otherwise."""
    row = signing.rows(scheme)[0]
    body = json.dumps(row["body"]).encode()

    def keys(source):
        arrivals = [
            source.receive(_headers(scheme, body, event=row["event"], delivery_id=id_), body, now=NOW) for id_ in "12"
        ]
        return {job_key("build", arrival.via, arrival.event.source, arrival.identity) for arrival in arrivals}

    assert len(keys(_source(tmp_path, scheme))) == 1
    assert len(keys(_source(tmp_path, scheme, identity="id"))) == 2


# 6. Limits.


def _read(chunks, *, cap, wait=False, headers=()):
    async def receive():
        if not chunks:
            await asyncio.Event().wait()
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks) or wait}

    async def read():
        request = Request({"type": "http", "method": "POST", "headers": list(headers)}, receive)
        budget, deadline = Budget(10**9), asyncio.get_running_loop().time() + 0.05
        async with body_of(request, cap=cap, deadline=deadline, budget=budget) as body:
            return body

    return asyncio.run(read())


def test_rule_6_a_body_is_streamed_against_its_cap():
    """It is over with the chunk that passes it, not with the last one."""
    chunks = [b"a" * 1000] * 10**4
    with pytest.raises(TooLarge):
        _read(chunks, cap=4096)
    assert len(chunks) == 10**4 - 5
    with pytest.raises(TooLarge):
        _read([], cap=4096, headers=[(b"content-length", b"4097")])
    assert _read([b"a" * 4096], cap=4096) == b"a" * 4096


def test_rule_6_a_body_has_a_deadline():
    """408 is what becomes of it."""
    with pytest.raises(TooSlow) as caught:
        _read([b"a"], cap=4096, wait=True)
    assert problem_of(caught.value).status_code == 408


def test_rule_6_the_caps_have_bounds(tmp_path):
    """2 MiB where nothing is said, up to GitHub's 25 MiB; and a cap on headers."""
    limits = settings.load({}, folder=tmp_path).limits
    assert (limits.body, limits.headers) == (2 * 2**20, 32 * 2**10)
    assert sizes.parse("25MiB") == 25 * 2**20
    (tmp_path / "secret").write_bytes(signing.SECRET)
    source = {"scheme": "github", "secrets": ["secret"], "limit": "26MiB"}
    (tmp_path / "jobhook.yaml").write_text(json.dumps({"sources": {"a": source}}))
    with pytest.raises(ConfigurationError, match="25MiB"):
        settings.load({}, folder=tmp_path)


# 7. JSON.


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": ' + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1) + b"}",
        b"\xef\xbb\xbf{}",
        b"{'a': 1}",
        b"{} {}",
        b"[]",
    ],
)
def test_rule_7_json_is_strict(tmp_path, body):
    """NaN, odd UTF-8, depth, and what only looks like JSON: malformed, after the check of the signature."""
    with pytest.raises(MalformedEvent):
        _source(tmp_path, "github").receive(_headers("github", body), body, now=NOW)


def test_rule_7_a_repeated_key_is_refused_where_it_matters():
    """In an envelope, whose attributes decide what is launched."""
    with pytest.raises(Exception, match="twice|repeat|duplicate"):
        load_strict(b'{"id": 1, "id": 2}')


@EVERY
@pytest.mark.parametrize(
    "header",
    [
        (b"content-encoding", b"gzip"),
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"content-type", b"multipart/form-data; boundary=x"),
    ],
)
def test_rule_7_encodings_and_forms_are_415(tmp_path, scheme, header):
    """After the check of the signature."""
    headers = [pair for pair in _headers(scheme) if pair[0] != header[0]]
    with pytest.raises(UnsupportedMedia) as caught:
        _source(tmp_path, scheme).receive([*headers, header], BODY, now=NOW)
    assert problem_of(caught.value).status_code == 415


# 8. Failures are limited, and nothing is told.


def test_rule_8_failed_authentication_is_limited():
    """By door and peer, in bounded memory."""
    failures = Failures(allowed=3, remembered=2)
    for _ in range(3):
        failures.note("github", "192.0.2.1", 0.0)
    with pytest.raises(TooManyRequests):
        failures.note("github", "192.0.2.1", 0.0)
    for number in range(100):
        failures.note("github", f"198.51.100.{number}", 0.0)
    assert len(failures) == 2


@EVERY
def test_rule_8_a_401_says_nothing_and_no_secret_is_logged(tmp_path, scheme):
    """Neither body nor signature nor secret, of a good delivery and of a bad one."""
    source = _source(tmp_path, scheme)
    body = b'{"a": "text of the body"}'
    with capture_logs() as lines, pytest.raises(NotAuthenticated) as caught:
        source.receive(_headers(scheme, body), body, now=NOW)
        source.receive([], body, now=NOW)
    answer = json.loads(problem_of(caught.value).body)
    assert set(answer) <= {"type", "title", "status"}
    told = repr(lines) + str(caught.value)
    for secret in (signing.SECRET, signing.WHSEC, b"text of the body"):
        assert secret.decode() not in told


# 10. GitHub's ping.


def test_rule_10_a_ping_is_204_after_verification(tmp_path):
    """Unsigned, it is 401."""
    source = _source(tmp_path, "github")
    body = b'{"zen": "Design for failure.", "hook_id": 1, "hook": {}}'
    assert source.receive(_headers("github", body, event="ping"), body, now=NOW) == Greeting()
    with pytest.raises(NotAuthenticated):
        source.receive([(b"x-github-event", b"ping")], body, now=NOW)


# What goes wrong in receivers people trust


@pytest.mark.parametrize("given", [b"v0=" + b"0" * 64, b"v0=", b"x", b"v0"])
def test_not_as_tektons_slack_interceptor_a_header_that_is_there_is_not_enough(given):
    """The signature is computed."""
    with pytest.raises(NotAuthenticated):
        _verify("slack", _swap(_headers("slack"), "X-Slack-Signature", given))


@pytest.mark.parametrize("scheme", ["gitlab", "github", "stripe", "svix", "shopify"])
def test_not_as_argo_events_convoy_and_flux_comparison_takes_the_same_time(monkeypatch, scheme):
    """Whatever is compared goes through `hmac.compare_digest`, as bytes."""
    compared = []

    def spy(left, right):
        compared.append((type(left), type(right)))
        return original(left, right)

    original = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", spy)
    assert _verify(scheme, _headers(scheme))
    assert compared == [(bytes, bytes)]


def test_not_as_argo_events_stripes_signature_is_checked():
    """An unsigned event, and one whose signature is of another body."""
    for headers in ([], _headers("stripe", b'{"a": 2}')):
        with pytest.raises(NotAuthenticated):
            _verify("stripe", headers)


@EVERY
@pytest.mark.parametrize("secrets", [[], [b""], [b"", b""]])
def test_not_as_go_github_an_empty_secret_does_not_skip_the_check(scheme, secrets):
    """It verifies nothing, neither unsigned nor what is signed with it."""
    signed = _headers(scheme) if scheme == "gitlab" else _headers(scheme, key=b"")
    empty = [(name, b"") if name == b"x-gitlab-token" else (name, value) for name, value in signed]
    for headers in ([], signed, empty):
        with pytest.raises(NotAuthenticated):
            _verify(scheme, headers, secrets=secrets)


def test_not_as_jenkins_the_body_is_not_encoded_anew():
    """Bytes that no decoder and encoder would give back are signed as they came."""
    for body in (b'{"a": "\xff"}', b'\xef\xbb\xbf{"a": 1}\r\n', b'{"a": "\\u00fc", "b": 1.0e0}'):
        assert _verify("github", _headers("github", body), body=body)


def test_not_as_gidgethub_no_sha1_in_the_header_of_sha256():
    """Nor no secret and no signature, nor a TypeError."""
    mac = hmac.new(signing.SECRET, BODY, "sha1").hexdigest().encode()
    for value in (b"sha1=" + mac, b"sha256=" + mac, mac, "sha256=é".encode()):
        with pytest.raises(NotAuthenticated):
            _verify("github", [(b"x-hub-signature-256", value)])
    with pytest.raises(NotAuthenticated):
        _verify("github", [], secrets=[])


@pytest.mark.parametrize(
    "given",
    [
        b"v1",
        b"v1,",
        b"v1,=",
        b"v1,a",
        b"v1,\xff\xfe",
        b"v1a,",
        b"v1a,%%%",
        b"v1,\x00",
        b",",
        b" ",
        b"v1 v1",
        b"v2,QQ==",
    ],
)
@pytest.mark.parametrize("secret", [signing.WHSEC, signing.WHPK])
def test_not_as_standardwebhooks_malformed_input_is_401(given, secret):
    """No ValueError, binascii.Error or UnicodeDecodeError, which would be a 500."""
    headers = _swap(_headers("standard-webhooks"), "webhook-signature", given)
    with pytest.raises(NotAuthenticated):
        _verify("standard-webhooks", headers, secrets=[secret])


def test_not_as_standardwebhooks_a_one_byte_secret_is_none():
    """At the start, and where a file changes to one while it runs."""
    for size in (1, 12, 15):
        key = b"k" * size
        with pytest.raises(NotAuthenticated):
            _verify("svix", _headers("svix", key=key), secrets=[b"whsec_" + base64.b64encode(key)])


def test_not_as_standardwebhooks_there_may_be_two_secrets():
    """Shared ones and public keys together."""
    assert (
        _verify("standard-webhooks", _headers("standard-webhooks"), secrets=[signing.WHPK, signing.WHSEC]).secret == 1
    )
