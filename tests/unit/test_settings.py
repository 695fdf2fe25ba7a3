"""jobhook.yaml and the variables together: what is read, what is refused where, and what only warns."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from webhook import settings, signatures, yaml
from webhook.errors import ConfigurationError
from webhook.providers import PROVIDERS
from webhook.settings import sources
from webhook.settings.file import Findings, parse

SECRET = "correct-horse-battery-staple"

EXAMPLE = """\
events:
  auth: bearer
  origins: [events.example.com]
  types: []
sources:
  github: {scheme: github, secrets: [run/github]}
  gitlab: {scheme: gitlab, secrets: [run/gitlab]}
sinks:
  - name: bus
    url: http://broker-ingress.knative-eventing.svc/acme/default
    mode: binary
    types: [dev.jobhook.job.failed.v1]
    secrets: [run/bus]
    timeout: 10s
    retry: {for: 24h, first: 1s, longest: 5m}
    dead_letter: http://127.0.0.1:9090/dead
callers:
  - {name: ops, tokens: [run/ops], may: [events, read, write, cleanup]}
  - {name: cronjob, service_account: jobhook/jobhook-cleanup, audience: jobhook, may: [cleanup]}
retention: {succeeded: 1h, failed: 7d, cancelled: 1d}
remember: 14d
settle: 5m
limits: {body: 2MiB, headers: 32KiB, answer: 8s, bodies_in_flight: 64MiB}
"""
"""The design's own file."""

BUILT_EXAMPLE = "".join(line for line in EXAMPLE.splitlines(keepends=True) if "gitlab" not in line)


@pytest.fixture
def place(tmp_path):
    """A folder with the secrets that the examples name."""
    (tmp_path / "run").mkdir()
    for name in ("github", "gitlab", "bus", "ops"):
        (tmp_path / "run" / name).write_text(f"{SECRET}-{name}\n")
    return tmp_path


def load(place, text=None, **environ):
    if text is not None:
        (place / "jobhook.yaml").write_text(text)
    return settings.load(environ, folder=place)


def lines(place, text, **environ):
    """What is wrong with a file, without the file's name."""
    with pytest.raises(ConfigurationError) as caught:
        load(place, text, **environ)
    return [line.removeprefix(f"{place}/jobhook.yaml:") for line in str(caught.value).splitlines()]


def test_the_example_is_read_whole(place):
    """The design's example becomes the values that it names."""
    found = load(place, BUILT_EXAMPLE)
    assert found.events == settings.Events(auth="bearer", origins=("events.example.com",))
    assert found.sources == {"github": settings.Source(scheme="github", secrets=(place / "run/github",))}
    assert found.sinks == (
        settings.Sink(
            name="bus",
            url="http://broker-ingress.knative-eventing.svc/acme/default",
            types=("dev.jobhook.job.failed.v1",),
            secrets=(place / "run/bus",),
            retry=settings.Retry(horizon=timedelta(hours=24)),
            dead_letter="http://127.0.0.1:9090/dead",
        ),
    )
    ops, cronjob = found.callers
    assert (ops.tokens, ops.may) == ((place / "run/ops",), frozenset(settings.Right))
    assert (cronjob.service_account, cronjob.audience, cronjob.may) == (
        "jobhook/jobhook-cleanup",
        "jobhook",
        {"cleanup"},
    )
    assert found.retention == settings.Retention()
    assert (found.remember, found.settle) == (timedelta(days=14), timedelta(minutes=5))
    assert found.limits == settings.Limits(body=2 * 2**20, headers=32 * 2**10, bodies_in_flight=64 * 2**20)


def test_the_whole_example_is_valid(place):
    """Every key of the design parses, and nothing of it is refused."""
    assert load(place, EXAMPLE).sinks[0].name == "bus"


def test_the_same_file_may_be_json(place):
    """YAML or JSON, the values are the same."""
    value = yaml.value(yaml.document(BUILT_EXAMPLE))
    plain, as_json = load(place, BUILT_EXAMPLE), load(place, json.dumps(value))
    assert as_json.sinks == plain.sinks
    assert as_json.callers == plain.callers


def test_without_a_file_every_door_is_closed_and_says_so(tmp_path):
    """No file: no source, nobody may post, and a warning names the remedy."""
    found = load(tmp_path)
    assert (found.sources, found.sinks, found.callers, found.events.auth) == ({}, (), (), "bearer")
    assert found.config is None
    (warning,) = found.warnings
    assert "JOBHOOK_CONFIG" in warning


def test_an_empty_file_is_a_file(place):
    """Nothing but comments declares nothing, and is no error."""
    found = load(place, "# nothing yet\n")
    assert found.config == place / "jobhook.yaml"
    assert found.warnings == ()


def test_a_named_file_must_be_there(place):
    """JOBHOOK_CONFIG names a file that has to be; the usual one need not."""
    for name in ("gone.yaml", "run"):
        with pytest.raises(ConfigurationError, match=rf"{place}/{name}: cannot be read .* JOBHOOK_CONFIG"):
            load(place, JOBHOOK_CONFIG=name)


def test_paths_in_the_file_begin_at_the_file(place):
    """A file in another folder names its secrets from there; variables begin at the working folder."""
    (place / "etc").mkdir()
    (place / "etc/jobhook.yaml").write_text("sources: {a: {scheme: github, secrets: [../run/github]}}")
    found = load(place, JOBHOOK_CONFIG="etc/jobhook.yaml", JOB_DEFINITIONS_CONFIG_PATH="jobs")
    assert found.sources["a"].secrets == (place / "etc/../run/github",)
    assert found.definitions == place / "jobs"


def test_all_errors_come_at_once_in_the_order_of_the_file(place):
    """Variables first, then the file's lines; each names its place, the key and the remedy."""
    text = """\
sources:
  github: {scheme: githb, secrets: [run/github], tolerence: 3s}
  UP: {scheme: github, secrets: [run/github]}
sinks:
  - {name: bus, url: broker, mode: binry, timeout: 10, retry: {first: 1x}}
  - 7
callers:
  - {name: ops, tokens: [run/ops], may: [clean]}
limits: {body: 2MB, answer: 10s}
sinkz: 1
"""
    found = lines(place, text, PORT="x")
    assert [line.split(";")[0].split(": ", 1 if line.startswith("PORT") else 2)[:2] for line in found] == [
        ["PORT", "is no port"],
        ["2:12", "sources.github.scheme"],
        ["2:50", "sources.github.tolerence"],
        ["3:3", "sources.UP"],
        ["5:17", "sinks[0].url"],
        ["5:30", "sinks[0].mode"],
        ["5:43", "sinks[0].timeout"],
        ["5:64", "sinks[0].retry.first"],
        ["6:5", "sinks[1]"],
        ["8:42", "callers[0].may[0]"],
        ["9:21", "limits.answer"],
        ["10:1", "sinkz"],
    ]
    assert all(";" in line for line in found)
    assert found[1].endswith("did you mean 'github'?")
    assert found[2].endswith("did you mean 'tolerance'?")
    assert found[-1].endswith("did you mean 'sinks'?")


SOURCE = "sources: {a: {scheme: github, secrets: [run/github], %s}}"
SINK = "sinks: [{name: a, url: 'http://h/', %s}]"
CALLER = "callers: [{name: a, may: [read], %s}]"
GENERIC = "sources: {a: {scheme: generic, secrets: [run/github], %s}}"


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("[]", "1", "must be a mapping"),
        ("a", "1", "must be a mapping"),
        ("a: [", "2:1", "correct the text there"),
        ("events: 1\n---\nevents: 2", "3:1", "a second document"),
        ("events: {auth: bearer, auth: none}", "1:24", "occurs twice"),
        ("events: &a {auth: none}", "1:9", "anchors"),
        ("events:", "1:1: events", "has no value"),
        ("events: {auth: }", "1:10: events.auth", "has no value"),
        ("events: {auth: token}", "1:10: events.auth", "bearer or none"),
        ("events: {auth: false}", "1:10: events.auth", "bearer or none"),
        ("events: {origins: ['http://a/']}", "1:20: events.origins[0]", "host name"),
        ("events: {origins: a.example}", "1:10: events.origins", "must be a list"),
        ("events: {rate: fast}", "1:10: events.rate", "is no rate"),
        ("events: {origins: ['*'], rate: 59/h}", "1:26: events.rate", "write 1/m or more"),
        ("sources: {events: {scheme: github, secrets: [run/github]}}", "1:11: sources.events", "door of its own"),
        ("sources: {jobs: {scheme: github, secrets: [run/github]}}", "1:11: sources.jobs", "door of its own"),
        ("sources: {../a: {scheme: github, secrets: [run/github]}}", "1:11: sources.../a", "is no name"),
        ("sources: {'': {scheme: github, secrets: [run/github]}}", "1:11: sources.", "is no name"),
        ("sources: {a: {secrets: [run/github]}}", "1:11: sources.a.scheme", "is missing"),
        ("sources: {a: {scheme: none, secrets: [run/github]}}", "1:15: sources.a.scheme", "is signed"),
        (
            "sources: {a: {scheme: jira, secrets: [run/github]}}",
            "1:15: sources.a.scheme",
            "called 'bitbucket' here",
        ),
        ("sources: {a: {scheme: github}}", "1:11: sources.a.secrets", "is missing"),
        ("sources: {a: {scheme: github, secrets: []}}", "1:31: sources.a.secrets", "empty list"),
        ("sources: {a: {scheme: github, secrets: run/github}}", "1:31: sources.a.secrets", "must be a list"),
        ("sources: {a: {scheme: github, secrets: [1]}}", "1:41: sources.a.secrets[0]", "path of a file"),
        ("sources: {a: {scheme: github, secrets: [gone]}}", "1:41: sources.a.secrets[0]", "names no file"),
        ("sources: {a: {scheme: github, secrets: [run]}}", "1:41: sources.a.secrets[0]", "folder"),
        ("sources: {a: github}", "1:11: sources.a", "must be a mapping"),
        (SOURCE % "tolerance: 5m", "1:54: sources.a.tolerance", "signs no timestamp"),
        (SOURCE % "header: X-A", "1:54: sources.a.header", "generic alone"),
        (SOURCE % "identity: mac", "1:54: sources.a.identity", "body or id"),
        (SOURCE % "events: []", "1:54: sources.a.events", "empty list"),
        (SOURCE % "limit: 26MiB", "1:54: sources.a.limit", "from 1B to 25MiB"),
        (SOURCE % "limit: 0", "1:54: sources.a.limit", "from 1B to 25MiB"),
        (SOURCE % "limit: big", "1:54: sources.a.limit", "is no size"),
        (SINK % "secrets: [gone]", "1:47: sinks[0].secrets[0]", "names no file"),
        (SINK % "dead_letter: 'ftp://d/'", "1:37: sinks[0].dead_letter", "is no URL"),
        (SINK % "types: []", "1:37: sinks[0].types", "empty list"),
        (SINK % "timeout: 0s", "1:37: sinks[0].timeout", "longer than nothing"),
        (SINK % "retry: {first: 1h}", "1:37: sinks[0].retry.longest", "shorter than the first"),
        (SINK % "retry: {horizon: 1h}", "1:45: sinks[0].retry.horizon", "there are for, first, longest"),
        (SINK % "headers: {ce-id: a}", "1:47: sinks[0].headers.ce-id", "writes itself"),
        (SINK % "headers: {A B: a}", "1:47: sinks[0].headers.A B", "no name of a header"),
        (SINK % 'headers: {A: "a\\nb"}', "1:47: sinks[0].headers.A", "no value of a header"),
        (SINK % "extensions: {type: a}", "1:50: sinks[0].extensions.type", "no extension"),
        (SINK % 'extensions: {team: "a\\nb"}', "1:50: sinks[0].extensions.team", "such as a line break; take it out"),
        (SINK % "extensions: {my-team: a}", "1:50: sinks[0].extensions.my-team", "lower-case letters and digits"),
        (SINK % "ca_certs: a", "1:37: sinks[0].ca_certs", "as PEM"),
        ("sinks: [{name: a, url: 'ftp://h/'}]", "1:19: sinks[0].url", "is no URL"),
        ("sinks: [{name: a, url: 'http:///p'}]", "1:19: sinks[0].url", "is no URL"),
        ("sinks: [{name: a, url: 'http://h:99999/'}]", "1:19: sinks[0].url", "is no URL"),
        ("sinks: [{name: a, url: 'http://[::1/'}]", "1:19: sinks[0].url", "is no URL"),
        ("sinks: [{name: a, url: 'http://h/ a'}]", "1:19: sinks[0].url", "is no URL"),
        ("sinks: [{name: a, url: 'http://h/#a'}]", "1:19: sinks[0].url", "fragment"),
        ("sinks: [{name: a, url: 'http://u:p@h/'}]", "1:19: sinks[0].url", "credentials"),
        ("sinks: [{name: a, url: 'http://h/'}, {name: a, url: 'http://i/'}]", "1:39: sinks[1].name", "is taken"),
        (CALLER % "audience: a", "1:11: callers[0]", "either tokens or service_account"),
        (
            CALLER % "tokens: [run/ops], service_account: a/b",
            "1:11: callers[0]",
            "either tokens or service_account",
        ),
        (CALLER % "tokens: [run/ops], audience: a", "1:53: callers[0].audience", "is a service account's"),
        (CALLER % "service_account: a/b", "1:11: callers[0]", "has no audience"),
        (CALLER % "service_account: a, audience: b", "1:34: callers[0].service_account", "namespace/name"),
        ("callers: [{name: a, tokens: [run/ops], may: []}]", "1:40: callers[0].may", "empty list"),
        ("callers: [{name: a, tokens: [run/ops], may: read}]", "1:40: callers[0].may", "must be a list"),
        ("callers: [{name: a, tokens: [run/ops]}]", "1:11: callers[0].may", "is missing"),
        ("retention: {succeeded: 3600}", "1:13: retention.succeeded", "is no duration"),
        ("retention: {done: 1h}", "1:13: retention.done", "there are succeeded, failed, cancelled"),
        ("retention: 1h", "1:1: retention", "must be a mapping"),
        ("remember: 0s", "1:1: remember", "longer than nothing"),
        ("settle: soon", "1:1: settle", "is no duration"),
        ("limits: {body: 26MiB}", "1:10: limits.body", "from 1B to 25MiB"),
        ("limits: {body: -1}", "1:10: limits.body", "is no size"),
        ("limits: {body: true}", "1:10: limits.body", "is no size"),
        ("limits: {headers: 1B}", "1:10: limits.headers", "from 1KiB to 1MiB"),
        ("limits: {answer: 10s}", "1:10: limits.answer", "GitHub hangs up"),
        ("limits: {bodies_in_flight: 1MiB}", "1:10: limits.bodies_in_flight", "less than one body"),
    ],
)
def test_each_mistake_has_its_place_and_its_remedy(place, text, at, says):
    """One mistake in a file is one line: where, which key, what and what to do."""
    (line,) = lines(place, text)
    assert line.startswith(at)
    assert says in line


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        (GENERIC % "prefix: a", "1:11: sources.a", "has no header"),
        (GENERIC % "header: a b", "1:55: sources.a.header", "no name of a header"),
        (GENERIC % "header: A, signed: '{id}'", "1:66: sources.a.signed", "body would not be signed"),
        (GENERIC % "header: A, signed: '{body}{id}'", "1:66: sources.a.signed", "say by id_header"),
        (GENERIC % "header: A, signed: '{body}{x}'", "1:66: sources.a.signed", "unknown placeholder {x}"),
        (GENERIC % "header: A, timestamp_header: B", "1:66: sources.a.timestamp_header", "is not signed"),
        (GENERIC % "header: A, id_header: B, signed: '{id}{id}{body}'", "1:80: sources.a.signed", "more than once"),
        (GENERIC % 'header: A, prefix: "a\\n"', "1:66: sources.a.prefix", "ASCII on one line"),
        (GENERIC % "header: A, algorithm: md5", "1:66: sources.a.algorithm", "sha256 or sha512"),
        (GENERIC % "header: A, type_prefix: com", "1:66: sources.a.type_prefix", "with its dot"),
    ],
)
def test_a_generic_source_says_whole_how_it_signs(place, text, at, says):
    """Options that contradict each other, or leave the body unsigned, are refused."""
    (line,) = lines(place, text)
    assert line.startswith(at)
    assert says in line


@pytest.mark.parametrize("right", ["events", "read", "write", "cleanup"])
def test_a_service_account_is_refused_on_the_local_cluster(place, right):
    """It has nobody to ask, and says so and what to do."""
    text = f"callers: [{{name: a, service_account: a/b, audience: c, may: [{right}]}}]"
    (line,) = lines(place, text, JOBHOOK_CLUSTER="local")
    assert line.startswith("1:21: callers[0].service_account: cannot be checked on the local cluster")
    assert "write tokens" in line
    assert load(place, text).callers[0].service_account == "a/b"


@pytest.mark.parametrize("content", ["", "\n", "short", "x" * 15])
def test_no_secret_no_start(place, content):
    """An empty or short secret stops the start, for a source and for a caller."""
    (place / "run/github").write_text(content)
    for text in (
        "sources: {a: {scheme: github, secrets: [run/ops, run/github]}}",
        "callers: [{name: a, tokens: [run/github], may: [read]}]",
    ):
        (line,) = lines(place, text)
        assert "write a" in line


def test_a_token_must_be_one_that_a_header_can_carry(place):
    """A token file with other characters would never let anybody in."""
    (place / "run/ops").write_text("spaces are no part of tokens")
    (line,) = lines(place, "callers: [{name: a, tokens: [run/ops], may: [read]}]")
    assert "openssl rand -hex 32" in line


def test_two_callers_cannot_share_a_token(place):
    """Whose rights would hold? Two files with one token, and one service account twice, are refused."""
    (place / "run/bus").write_text((place / "run/ops").read_text())
    shared = "callers: [{name: a, tokens: [run/ops], may: [read]}, {name: b, tokens: [run/bus], may: [write]}]"
    (line,) = lines(place, shared)
    assert line.startswith("1:73: callers[1].tokens[0]: holds the same token as a file of 'a'")
    account = "service_account: a/b, audience: c, may: [read]"
    (line,) = lines(place, f"callers: [{{name: a, {account}}}, {{name: b, {account}}}]")
    assert "callers[1].service_account: is another caller's" in line


@pytest.mark.parametrize(
    "text",
    [
        "sources: {a: {scheme: github, secrets: [hunter2-hunter2-hunter2]}}",
        "sources: {a: {scheme: hunter2-hunter2-hunter2, secrets: {a: hunter2}}}",
        "sinks: [{name: a, url: 'http://u:hunter2@h/'}]",
        "sinks: [{name: a, url: hunter2}]",
        "sinks: [{name: a, url: 'http://h/', headers: {authorization: \"hunter2\\n\"}}]",
        "sinks: [{name: a, url: 'http://h/', headers: [hunter2], timeout: hunter2, retry: hunter2}]",
        "callers: [{name: a, tokens: hunter2, may: [hunter2]}, {name: b, tokens: [hunter2]}, hunter2]",
        "events: {auth: hunter2, origins: ['hunter2 '], rate: hunter2}",
        "limits: {body: hunter2}",
    ],
)
def test_no_error_repeats_what_was_written(place, text):
    """A secret may stand in the wrong place: errors name keys and places, never values."""
    with pytest.raises(ConfigurationError) as caught:
        load(place, text)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_value_shows_a_secret(place):
    """Headers and URLs of sinks, which may hold credentials, are in no repr."""
    text = "sinks: [{name: a, url: 'http://h/?key=hunter2', headers: {Authorization: Bearer hunter2}}]"
    found = load(place, text)
    assert found.sinks[0].headers == {"Authorization": "Bearer hunter2"}
    assert "hunter2" not in repr(found)


def test_the_schemes_that_can_be_declared_are_those_that_make_events():
    """What can be declared has a signature to verify and a provider that maps it, and the other way round."""
    assert {*PROVIDERS, "standard-webhooks", "svix", "generic"} == set(settings.SCHEMES)
    assert {*signatures.SCHEMES, "generic"} == set(settings.SCHEMES)
    assert {name for name, scheme in signatures.SCHEMES.items() if scheme.timestamped} == sources.TIMESTAMPED


@pytest.mark.parametrize(("cluster", "settle"), [("kubernetes", timedelta(minutes=5)), ("local", timedelta(0))])
def test_the_default_of_settle_is_the_clusters(place, cluster, settle):
    """One process needs no time for its replicas to hear of a key."""
    assert load(place, "", JOBHOOK_CLUSTER=cluster).settle == settle


def test_bearer_without_a_caller_warns(place):
    """A door that was meant to be open to someone, and is to nobody, says so."""
    (warning,) = load(place, "events: {auth: bearer}").warnings
    assert "auth: none" in warning
    text = "events: {auth: bearer}\ncallers: [{name: a, tokens: [run/ops], may: [events]}]"
    assert load(place, text).warnings == ()


def test_every_scheme_and_generic_option_parses(place):
    """Each can be declared, with every key that it has."""
    schemes = "\n".join(
        f"  {scheme}: {{scheme: {scheme}, secrets: [run/github], rate: 100/m}}"
        for scheme in settings.SCHEMES
        if scheme != "generic"
    )
    text = f"""\
sources:
{schemes}
  generic:
    scheme: generic
    secrets: [run/github, run/gitlab]
    tolerance: 10m
    header: X-Signature
    prefix: "v1="
    algorithm: sha512
    encoding: base64
    signed: "{{id}}.{{timestamp}}.{{body}}"
    timestamp_header: X-Time
    id_header: X-Id
    id: body.id
    type: body.kind
    source: body.origin
    subject: body.about
    type_prefix: com.acme.
    limit: 25MiB
    identity: id
    events: [com.acme.built]
"""
    found = load(place, text).sources
    assert set(found) == set(settings.SCHEMES)
    assert found["stripe"].timestamped
    assert not found["github"].timestamped
    assert found["github"].rate == settings.Rate(100, timedelta(minutes=1))
    generic = found["generic"]
    assert (generic.timestamped, generic.algorithm, generic.encoding) == (True, "sha512", "base64")
    assert (generic.limit, generic.tolerance, generic.type_prefix) == (25 * 2**20, timedelta(minutes=10), "com.acme.")


def test_settings_are_frozen(place):
    """Nothing can change them after the start."""
    found = load(place, BUILT_EXAMPLE)
    for value, name in ((found, "port"), (found.limits, "body"), (found.sinks[0], "url"), (found.callers[0], "may")):
        with pytest.raises((AttributeError, ValueError)):
            setattr(value, name, None)


def test_a_file_that_is_no_text_is_refused(place):
    """Bytes that are no UTF-8 are named as such."""
    (place / "jobhook.yaml").write_bytes(b"events: \xff")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load(place)


KEYS = st.sampled_from(["events", "auth", "sources", "a", "scheme", "secrets", "sinks", "name", "url", "retry", "for"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["github", "none", "1h", "2MiB"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5) | VALUES)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_breaks_the_reader(value):
    """Any JSON at all is read, or refused by lines with a place; nothing else comes out."""
    findings = Findings()
    parse(json.dumps(value), path=Path("f.yaml"), cluster="local", findings=findings)
    assert all(line.startswith("f.yaml:") for line in findings.errors + findings.warnings)
