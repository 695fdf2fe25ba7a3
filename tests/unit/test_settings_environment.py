"""The environment's variables: defaults, checks, and warnings for those that nobody reads."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from webhook import settings
from webhook.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "jobhook.yaml").write_text("")
    return tmp_path


def errors(folder, **environ):
    with pytest.raises(ConfigurationError) as caught:
        settings.load(environ, folder=folder)
    return str(caught.value).splitlines()


def test_the_defaults_are_the_documented_ones(folder):
    """With no variable at all, each has the default of the reference."""
    found = settings.load({}, folder=folder)
    assert (found.signature, found.cluster, found.cluster_name) == ("jobhook", "kubernetes", "cluster")
    assert (found.namespace, found.own_namespace, found.kubeconfig) == (None, None, None)
    assert (found.host, found.port) == ("127.0.0.1", 8080)
    assert (found.definitions, found.data) == (folder / "definitions", folder / ".jobhook")


def test_every_variable_is_read(folder):
    """Each variable reaches its setting."""
    found = settings.load(
        {
            "JOB_SIGNATURE": "team-a",
            "JOB_NAMESPACE": "jobs",
            "JOB_DEFINITIONS_CONFIG_PATH": "/etc/definitions",
            "JOBHOOK_CLUSTER": "local",
            "JOBHOOK_NAMESPACE": "hooks",
            "JOBHOOK_SERVICE_ACCOUNT": "receiver",
            "JOBHOOK_CLUSTER_NAME": "prod-1.example.com",
            "JOBHOOK_DATA": "/var/lib/jobhook",
            "HOST": "::",
            "PORT": "0",
            "KUBECONFIG": "a:b",
        },
        folder=folder,
    )
    assert (found.signature, found.namespace, found.own_namespace) == ("team-a", "jobs", "hooks")
    assert found.own_account == "receiver"
    assert (found.definitions, found.data) == (Path("/etc/definitions"), Path("/var/lib/jobhook"))
    assert (found.cluster, found.cluster_name) == ("local", "prod-1.example.com")
    assert (found.host, found.port, found.kubeconfig) == ("::", 0, "a:b")


def test_only_the_given_mapping_is_read(folder, monkeypatch):
    """The process's own environment plays no part."""
    monkeypatch.setitem(os.environ, "JOB_SIGNATURE", "other")
    monkeypatch.setitem(os.environ, "PORT", "nonsense")
    assert settings.load({}, folder=folder).signature == "jobhook"


def test_an_empty_variable_counts_as_absent(folder):
    """Manifests set variables to nothing where they mean to leave them out."""
    names = ("JOB_SIGNATURE", "JOB_NAMESPACE", "PORT", "JOBHOOK_CONFIG", "K_SINK", "K_CE_OVERRIDES", "KUBECONFIG")
    found = settings.load(dict.fromkeys(names, ""), folder=folder)
    assert (found.signature, found.namespace, found.port, found.sinks) == ("jobhook", None, 8080, ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JOB_SIGNATURE", "a b"),
        ("JOB_SIGNATURE", "x" * 64),
        ("JOB_SIGNATURE", "-a"),
        ("JOB_NAMESPACE", "Jobs"),
        ("JOB_NAMESPACE", "a.b"),
        ("JOBHOOK_NAMESPACE", "a_b"),
        ("JOBHOOK_CLUSTER", "minikube"),
        ("JOBHOOK_CLUSTER_NAME", "a/b"),
        ("JOB_RETENTION_PERIOD_SEC", "1h"),
        ("JOB_RETENTION_PERIOD_SEC", "-1"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٨"),
        ("PORT", "http"),
        ("HOST", "a b"),
        ("JOB_DEFINITIONS_CONFIG_PATH", "a\0b"),
        ("K_SINK", "broker"),
        ("K_SINK", "http://u:hunter2@h/"),
        ("K_CE_OVERRIDES", "{"),
        ("K_CE_OVERRIDES", "[]"),
        ("K_CE_OVERRIDES", '{"extensions": []}'),
        ("K_CE_OVERRIDES", '{"extensions": {"a": 1}}'),
        ("K_CE_OVERRIDES", '{"extensions": {"A": "b"}}'),
        ("K_CE_OVERRIDES", '{"extensions": {"id": "b"}}'),
        ("K_CE_OVERRIDES", '{"attributes": {}}'),
        ("K_CE_OVERRIDES", '{"extensions": {"a": "x\\u0001y"}}'),
        ("K_CE_OVERRIDES", '{"extensions": {"a": "x\\ny"}}'),
        ("K_CE_OVERRIDES", '{"extensions": {"a": "x\\uffff"}}'),
        ("K_CE_OVERRIDES", '{"extensions": {"a": "' + "x" * 8193 + '"}}'),
        ("K_CE_OVERRIDES", '{"extensions": {"a-b": "x"}}'),
        ("K_CE_OVERRIDES", '{"extensions": {"data": "x"}}'),
        ("K_CA_CERTS", "no PEM"),
    ],
)
def test_a_wrong_value_names_its_variable_and_the_remedy(folder, name, value):
    """One wrong variable is one line that begins with its name and says what to write; never the value."""
    (line,) = errors(folder, **{name: value})
    assert line.startswith(f"{name}: ")
    assert "; " in line
    assert "hunter2" not in line


def test_all_wrong_variables_are_told_at_once(folder):
    """Nobody has to start it three times to learn of three mistakes."""
    found = errors(folder, PORT="x", JOB_SIGNATURE="a b", JOBHOOK_CLUSTER="locl")
    assert [line.split(":")[0] for line in found] == ["JOB_SIGNATURE", "JOBHOOK_CLUSTER", "PORT"]
    assert found[1].endswith("did you mean 'local'?")


def test_an_unknown_variable_warns_with_the_nearest_name(folder):
    """A typing mistake is told, with what was meant; the start goes on."""
    (warning,) = settings.load({"JOBHOOK_CLUSTR": "local"}, folder=folder).warnings
    assert warning.startswith("JOBHOOK_CLUSTR: ")
    assert warning.endswith("did you mean JOBHOOK_CLUSTER?")
    (warning,) = settings.load({"JOBHOOK_ZZZZZZ": "1"}, folder=folder).warnings
    assert "JOBHOOK_CONFIG" in warning


@pytest.mark.parametrize(
    "name",
    [
        "JOBHOOK_SERVICE_HOST",
        "JOBHOOK_SERVICE_PORT",
        "JOBHOOK_SERVICE_PORT_HTTP",
        "JOBHOOK_PORT",
        "JOBHOOK_PORT_8080_TCP",
        "JOBHOOK_PORT_8080_TCP_ADDR",
        "JOBHOOK_METRICS_SERVICE_HOST",
        "JOBHOOK_URL",
        "JOBHOOK_TOKEN_FILE",
        "JOB_SOMETHING",
        "PATH",
    ],
)
def test_variables_of_others_do_not_warn(folder, name):
    """What Kubernetes tells pods of a Service named jobhook, and what the command reads, is no mistake."""
    assert settings.load({name: "x"}, folder=folder).warnings == ()


def test_the_ancestors_retention_holds_for_every_outcome(folder):
    """One number of seconds for all outcomes; beside a retention in the file it wins, and that is told."""
    found = settings.load({"JOB_RETENTION_PERIOD_SEC": "60"}, folder=folder)
    minute = timedelta(minutes=1)
    assert found.retention == settings.Retention(succeeded=minute, failed=minute, cancelled=minute)
    assert found.warnings == ()
    (folder / "jobhook.yaml").write_text("retention: {failed: 1d}")
    found = settings.load({"JOB_RETENTION_PERIOD_SEC": "60"}, folder=folder)
    assert found.retention.failed == minute
    assert "keep one of the two" in found.warnings[0]


def test_knatives_sink_comes_first_under_a_name_of_its_own(folder):
    """K_SINK and K_CE_OVERRIDES make one sink beside those of the file."""
    (folder / "jobhook.yaml").write_text("sinks: [{name: other, url: 'http://o/'}]")
    environ = {"K_SINK": "http://broker/a", "K_CE_OVERRIDES": '{"extensions": {"team": "a"}}'}
    bound, other = settings.load(environ, folder=folder).sinks
    assert (bound.name, bound.url, bound.extensions) == (settings.K_SINK_NAME, "http://broker/a", {"team": "a"})
    assert other.name == "other"


def test_knatives_sink_shares_its_name_with_nobody(folder):
    """Progress is kept by the name, so that it must be one sink's."""
    (folder / "jobhook.yaml").write_text("sinks: [{name: k-sink, url: 'http://o/'}]")
    (line,) = errors(folder, K_SINK="http://broker/")
    assert line.startswith("K_SINK: ")


def test_overrides_without_a_sink_warn(folder):
    """They would change nothing, which nobody can have meant."""
    (warning,) = settings.load({"K_CE_OVERRIDES": '{"extensions": {"a": "b"}}'}, folder=folder).warnings
    assert warning.startswith("K_CE_OVERRIDES: ")
