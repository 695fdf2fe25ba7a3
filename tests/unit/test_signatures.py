"""Signatures: every scheme against bytes written by hand, every rule, and published vectors."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from webhook.errors import ConfigurationError, NotAuthenticated
from webhook.signatures import SCHEMES, Layout, check_secret, generic, verify

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STAMP = b"1767323045"
SECRET = b"0123456789abcdef0123"
KEY = b"\x00\x01" * 16
WHSEC = b"whsec_" + base64.b64encode(KEY)
BODY = b'{"a": "\xc3\xbc"}\r\n'
PRIVATE = Ed25519PrivateKey.from_private_bytes(KEY)
WHPK = b"whpk_" + base64.b64encode(PRIVATE.public_key().public_bytes_raw())


def _hex(algorithm, signed, key=SECRET):
    return hmac.new(key, signed, algorithm).hexdigest().encode()


def _b64(algorithm, signed, key=SECRET):
    return base64.b64encode(hmac.new(key, signed, algorithm).digest())


STANDARD = b"msg_1." + STAMP + b"." + BODY
# By name: the scheme, the secret, and the headers that sign BODY at NOW, its signature first.
SIGNED = {
    "github": (SCHEMES["github"], SECRET, [(b"x-hub-signature-256", b"sha256=" + _hex("sha256", BODY))]),
    "github-sha1": (SCHEMES["github-sha1"], SECRET, [(b"x-hub-signature", b"sha1=" + _hex("sha1", BODY))]),
    "bitbucket": (SCHEMES["bitbucket"], SECRET, [(b"x-hub-signature", b"sha256=" + _hex("sha256", BODY))]),
    "gitea": (SCHEMES["gitea"], SECRET, [(b"x-gitea-signature", _hex("sha256", BODY))]),
    "gogs": (SCHEMES["gogs"], SECRET, [(b"x-gogs-signature", _hex("sha256", BODY))]),
    "forgejo": (SCHEMES["forgejo"], SECRET, [(b"x-forgejo-signature", _hex("sha256", BODY))]),
    "gitlab": (SCHEMES["gitlab"], SECRET, [(b"x-gitlab-token", SECRET)]),
    "shopify": (SCHEMES["shopify"], SECRET, [(b"x-shopify-hmac-sha256", _b64("sha256", BODY))]),
    "stripe": (
        SCHEMES["stripe"],
        SECRET,
        [(b"stripe-signature", b"t=" + STAMP + b",v1=" + _hex("sha256", STAMP + b"." + BODY) + b",v0=00")],
    ),
    "slack": (
        SCHEMES["slack"],
        SECRET,
        [
            (b"x-slack-signature", b"v0=" + _hex("sha256", b"v0:" + STAMP + b":" + BODY)),
            (b"x-slack-request-timestamp", STAMP),
        ],
    ),
    **{
        name: (
            SCHEMES[name],
            WHSEC,
            [
                (prefix + b"-signature", b"v1," + _b64("sha256", STANDARD, KEY)),
                (prefix + b"-id", b"msg_1"),
                (prefix + b"-timestamp", STAMP),
            ],
        )
        for name, prefix in (("standard-webhooks", b"webhook"), ("gitlab-signing", b"webhook"), ("svix", b"svix"))
    },
    "standard-webhooks v1a": (
        SCHEMES["standard-webhooks"],
        WHPK,
        [
            (b"webhook-signature", b"v1a," + base64.b64encode(PRIVATE.sign(STANDARD))),
            (b"webhook-id", b"msg_1"),
            (b"webhook-timestamp", STAMP),
        ],
    ),
    "generic": (
        generic(
            header="X-Sig",
            prefix="hmac ",
            algorithm="sha512",
            encoding="base64",
            signed="{id}|{timestamp}|{body}!",
            timestamp_header="X-Time",
            id_header="X-Id",
        ),
        SECRET,
        [
            (b"x-sig", b"hmac " + _b64("sha512", b"7|" + STAMP + b"|" + BODY + b"!")),
            (b"x-time", STAMP),
            (b"x-id", b"7"),
        ],
    ),
    "generic in hex": (generic(header="X-Sig"), SECRET, [(b"x-sig", _hex("sha256", BODY))]),
}
ALL = pytest.mark.parametrize(("scheme", "secret", "headers"), SIGNED.values(), ids=SIGNED)
HMACS = pytest.mark.parametrize(
    ("scheme", "secret", "headers"),
    [value for name, value in SIGNED.items() if name != "gitlab"],
    ids=[name for name in SIGNED if name != "gitlab"],
)


def _refused(scheme, headers, *, secrets=(SECRET,), now=NOW, tolerance=timedelta(seconds=300)):
    with pytest.raises(NotAuthenticated) as caught:
        verify(scheme, headers, BODY, secrets, now=now, tolerance=tolerance)
    assert not any(secret and secret.decode("latin-1") in str(caught.value) for secret in secrets)
    return str(caught.value)


def _with(headers, index, value):
    return [*headers[:index], (headers[index][0], value), *headers[index + 1 :]]


def test_every_scheme_is_tried_here():
    """The table above holds each scheme that can be named."""
    assert set(SIGNED) >= set(SCHEMES)


@ALL
def test_a_good_signature_holds(scheme, secret, headers):
    """Beside other headers, and with what is signed told."""
    found = verify(scheme, [(b"host", b"x"), *headers], BODY, [secret], now=NOW)
    assert found.secret == 0
    assert found.timestamp == (NOW if scheme.timestamped else None)
    assert (found.id is not None) is scheme.identified


@ALL
def test_every_secret_is_tried(scheme, secret, headers):
    """During a rotation either of two holds, and which one is told; a useless one between them does no harm."""
    others = [b"another secret, long enough", b"", b"whsec_%", b"whpk_" + b"A" * 44, b"whpk_%"]
    assert verify(scheme, headers, BODY, [*others, secret], now=NOW).secret == len(others)
    assert verify(scheme, headers, BODY, [secret, *others], now=NOW).secret == 0


@ALL
def test_no_secret_opens_nothing(scheme, secret, headers):
    """Neither none at all, nor empty ones, nor another, nor the beginning of the right one."""
    for secrets in (
        [],
        [b""],
        [b"whsec_"],
        [b"whpk_"],
        [b"another secret, long enough"],
        [secret[:-1]],
        [secret + b"x"],
    ):
        with pytest.raises(NotAuthenticated):
            verify(scheme, headers, BODY, secrets, now=NOW)


def test_a_signature_by_an_empty_key_opens_nothing():
    """The attack on receivers whose secret is not set: an HMAC with an empty key."""
    headers = [(b"x-hub-signature-256", b"sha256=" + _hex("sha256", BODY, b""))]
    _refused(SCHEMES["github"], headers, secrets=[b""])
    _refused(SCHEMES["gitlab"], [(b"x-gitlab-token", b"")], secrets=[b""])


@HMACS
@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b" ", BODY.replace(b"\r\n", b"\n"), BODY.replace(b" ", b"")])
def test_another_body_is_refused(scheme, secret, headers, body):
    """One byte more, less or re-encoded."""
    with pytest.raises(NotAuthenticated):
        verify(scheme, headers, body, [secret], now=NOW)


@ALL
def test_each_security_header_is_there_once(scheme, secret, headers):
    """None, an empty one, and two (even equal ones) are refused."""
    for index, header in enumerate(headers):
        for changed in (headers[:index] + headers[index + 1 :], _with(headers, index, b""), [*headers, header]):
            with pytest.raises(NotAuthenticated, match="not exactly one"):
                verify(scheme, changed, BODY, [secret], now=NOW)


@ALL
def test_each_signed_header_is_covered(scheme, secret, headers):
    """A changed id or timestamp breaks the signature."""
    for index in range(1, len(headers)):
        for value in (headers[index][1][:-1] + b"6", b"1" + headers[index][1]):
            with pytest.raises(NotAuthenticated):
                verify(scheme, _with(headers, index, value), BODY, [secret], now=NOW, tolerance=timedelta(days=10**6))


SPOILT = {
    "cut": lambda given: given[:-1],
    "halved": lambda given: given[: len(given) // 2],
    "longer": lambda given: given + b"0",
    "padded": lambda given: given + b"=",
    "bytes after": lambda given: given + b"\xff",
    "an umlaut": lambda given: given[:-2] + b"\xc3\xbc",
    "an umlaut alone": lambda given: b"\xc3\xbc",
    "punctuation": lambda given: b"=,",
    "a digit": lambda given: b"0",
    "a space before": lambda given: b" " + given,
    "a space after": lambda given: given + b" ",
}


@ALL
@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_signature_is_refused(scheme, secret, headers, how):
    """Nothing is truncated, trimmed, decoded leniently or too odd for a refusal."""
    given = headers[0][1].removesuffix(b",v0=00")
    if scheme.layout is Layout.VERSIONED and "space" in how:
        how = "cut"  # spaces part signatures here
    with pytest.raises(NotAuthenticated):
        verify(scheme, _with(headers, 0, SPOILT[how](given)), BODY, [secret], now=NOW)


@pytest.mark.parametrize("name", ["github", "bitbucket", "slack"])
def test_a_prefix_is_exact(name):
    """Missing, in upper case or of another algorithm: the configuration says the algorithm, never the signature."""
    scheme, secret, headers = SIGNED[name]
    digest = headers[0][1].removeprefix(scheme.prefix)
    for prefix in (b"", scheme.prefix.upper(), b"sha1=", b"sha512=", b"v1=", scheme.prefix * 2):
        _refused(scheme, _with(headers, 0, prefix + digest), secrets=[secret])
    _refused(SCHEMES["github"], [(b"x-hub-signature-256", b"sha1=" + _hex("sha1", BODY))])


def test_upper_case_hex_is_a_generic_senders_alone():
    """The providers write lower case; of an unknown sender either is taken."""
    _refused(SCHEMES["gitea"], [(b"x-gitea-signature", _hex("sha256", BODY).upper())])
    verify(generic(header="x"), [(b"x", _hex("sha256", BODY).upper())], BODY, [SECRET], now=NOW)


@pytest.mark.parametrize("name", [name for name, (scheme, _, _) in SIGNED.items() if scheme.timestamped])
def test_a_signed_timestamp_is_near(name):
    """Up to the tolerance, either way, and no further."""
    scheme, secret, headers = SIGNED[name]
    for seconds in (-300, -299.001, 0.999, 300, 300.5, 300.999):  # whole seconds were signed, and are compared
        verify(scheme, headers, BODY, [secret], now=NOW + timedelta(seconds=seconds))
    for seconds in (-301, -300.001, 301, 10**9):
        reason = _refused(scheme, headers, secrets=[secret], now=NOW + timedelta(seconds=seconds))
        assert "from now" in reason
    verify(scheme, headers, BODY, [secret], now=NOW + timedelta(days=9), tolerance=timedelta(days=10))
    _refused(scheme, headers, secrets=[secret], now=NOW + timedelta(seconds=1), tolerance=timedelta(0))


@pytest.mark.parametrize(
    "stamp",
    [
        *(b"", b"+1767323045", b"-1", b"1767323045.0", b" 1767323045", b"1_767_323_045", b"0x1", b"1e9", b"nan"),
        *(b"9" * 12, b"9" * 5000, "١٧٦٧٣٢٣٠٤٥".encode(), b"\xff"),
    ],
)
def test_a_timestamp_is_ascii_digits(stamp):
    """Nothing that int or float would read besides, even where it is signed."""
    signature = b"v0=" + _hex("sha256", b"v0:" + stamp + b":" + BODY)
    headers = [(b"x-slack-signature", signature), (b"x-slack-request-timestamp", stamp)]
    _refused(SCHEMES["slack"], headers, tolerance=timedelta(days=10**6))


@pytest.mark.parametrize(
    "given",
    [
        *(b"v1=%s", b"t=,v1=%s", b"t=%t,t=%t,v1=%s", b"t=%t,v0=%s", b"t=%t,v2=%s", b"t=%t, v1=%s", b"t=%t;v1=%s"),
        *(b"t=%t", b"t=%t,v1=", b"t=%t,v1", b"T=%t,V1=%s", b"t=%t" + b",v1=00" * 15 + b",v1=%s"),
    ],
)
def test_stripes_list_is_read_strictly(given):
    """One timestamp, the right version, no white space, and a bounded number of signatures."""
    value = given.replace(b"%t", STAMP).replace(b"%s", _hex("sha256", STAMP + b"." + BODY))
    _refused(SCHEMES["stripe"], [(b"stripe-signature", value)])


def test_of_several_signatures_one_is_enough():
    """A sender that rotates its secret signs with both."""
    scheme, secret, headers = SIGNED["stripe"]
    verify(scheme, _with(headers, 0, headers[0][1] + b",v1=" + b"0" * 64), BODY, [secret], now=NOW)
    scheme, secret, headers = SIGNED["svix"]
    verify(scheme, _with(headers, 0, b"v1,AAAA v2,x " + headers[0][1] + b" v1a,AA=="), BODY, [secret], now=NOW)
    _refused(scheme, _with(headers, 0, b"v1,AAAA " * 16 + headers[0][1]), secrets=[secret])


def test_versions_and_keys_belong_together():
    """A public key verifies v1a alone, a shared secret v1 alone; a public key is never an HMAC's key."""
    scheme, _, headers = SIGNED["standard-webhooks"]
    public = PRIVATE.public_key().public_bytes_raw()
    for key in (public, WHPK, base64.b64encode(public)):
        forged = b"v1," + _b64("sha256", STANDARD, key) + b" v1a," + _b64("sha256", STANDARD, key)
        _refused(scheme, _with(headers, 0, forged), secrets=[WHPK])
    _refused(scheme, _with(headers, 0, headers[0][1].replace(b"v1,", b"v1a,")), secrets=[WHSEC])


def test_a_secret_may_come_without_its_prefix():
    """Standard Webhooks' secrets are base64 with or without `whsec_`."""
    scheme, secret, headers = SIGNED["standard-webhooks"]
    verify(scheme, headers, BODY, [secret.removeprefix(b"whsec_")], now=NOW)


def test_a_signed_id_is_ascii():
    """An id that could not be shown is refused, though its signature holds."""
    signed = "ü".encode() + b"." + STAMP + b"." + BODY
    headers = [
        (b"svix-signature", b"v1," + _b64("sha256", signed, KEY)),
        (b"svix-id", "ü".encode()),
        (b"svix-timestamp", STAMP),
    ]
    _refused(SCHEMES["svix"], headers, secrets=[WHSEC])


@pytest.mark.parametrize(
    ("scheme", "secret"),
    [
        ("github", b""),
        ("github", b"x" * 15),
        ("gitlab", b"x" * 15),
        ("svix", b"whsec_" + base64.b64encode(b"x" * 15)),
        ("svix", b"whsec_not base64 at all, but long"),
        ("svix", b"whsec_"),
        ("standard-webhooks", b"whpk_" + base64.b64encode(b"x" * 31)),
        ("standard-webhooks", b"whpk_"),
    ],
)
def test_a_weak_secret_does_not_start(scheme, secret):
    """Empty, short or malformed ones are the operator's to mend, and are not shown."""
    with pytest.raises(ConfigurationError) as caught:
        check_secret(SCHEMES[scheme], secret)
    assert len(secret) < 10 or secret.decode() not in str(caught.value)


@ALL
def test_a_good_secret_starts(scheme, secret, headers):
    """What verifies above is what may be configured."""
    check_secret(scheme, secret)


@pytest.mark.parametrize(
    "options",
    [
        {"signed": "x"},
        {"signed": "{body}{body}"},
        {"signed": "{timestamp}.{body}"},
        {"signed": "{id}.{body}"},
        {"signed": "{body}.{nonce}"},
        {"signed": "{body}", "timestamp_header": "x-time"},
        {"signed": "{body}", "id_header": "x-id"},
    ],
    ids=str,
)
def test_a_generic_scheme_signs_what_it_names(options):
    """The body always, and no header that is taken for signed and is not."""
    with pytest.raises(ConfigurationError):
        generic(header="x-sig", **options)


def test_the_published_example_of_github_holds():
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries, "Testing"."""
    digest = b"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = [(b"x-hub-signature-256", b"sha256=" + digest)]
    verify(SCHEMES["github"], headers, b"Hello, World!", [b"It's a Secret to Everybody"], now=NOW)


def test_rfc_4231_holds():
    """Its test case 2, for both algorithms of a generic scheme: HMAC itself is as others have it."""
    body, key = b"what do ya want for nothing?", b"Jefe"
    for algorithm, digest in (
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            "sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ):
        verify(generic(header="x", algorithm=algorithm), [(b"x", digest.encode())], body, [key], now=NOW)


OTHER_NAMES = {
    "github-sha1-legacy": "github-sha1",
    "bitbucket-server": "bitbucket",
    "standard-webhooks-v1a": "standard-webhooks",
    "gitlab-token": "gitlab",
}


def test_the_outside_vectors_are_all_right(outside_data):
    """Vectors from the providers' own documentation and from the test suites of others."""
    vectors = json.loads((outside_data / "signatures.json").read_text())
    sha512 = generic(header="X-Signature", prefix="sha512=", algorithm="sha512")
    for vector in vectors:
        name = OTHER_NAMES.get(vector["scheme"], vector["scheme"])
        scheme = sha512 if name == "generic-hmac-sha512" else SCHEMES[name]
        headers = [(key.lower().encode(), value.encode()) for key, value in vector["headers"].items()]
        now = datetime.fromtimestamp(vector.get("now", 0), UTC)
        try:
            verify(scheme, headers, vector["body"].encode(), [vector["secret"].encode()], now=now)
            valid = True
        except NotAuthenticated:
            valid = False
        assert valid == vector["valid"], vector
    assert len(vectors) > 80


@given(st.data())
def test_any_headers_are_refused_or_hold(data):
    """Nothing but NotAuthenticated leaves the module, whatever the bytes."""
    scheme, secret, headers = data.draw(st.sampled_from(list(SIGNED.values())))
    values = st.binary(max_size=80) | st.sampled_from([value for _, value in headers])
    names = st.sampled_from([name for name, _ in headers])
    changed = data.draw(st.lists(st.tuples(names, values), max_size=4))
    body = data.draw(st.just(BODY) | st.binary(max_size=20))
    try:
        verify(scheme, changed, body, [secret, data.draw(st.binary(max_size=30))], now=NOW)
    except NotAuthenticated:
        return
    if scheme.name != "gitlab":
        assert hashlib.sha256(body).digest() == hashlib.sha256(BODY).digest()
