"""`jobhook check`, `match`, `render` and `schema`, as people and scripts call them."""

import json
import os
import pathlib
import pty
import re
import subprocess
import sys

import jsonschema
import pytest
from typer.testing import CliRunner

from webhook import yaml
from webhook.cli.app import app
from webhook.definitions.schema import definition_schema

BROKEN = "name: a\non: [{type: t}]\nspecs: x\n"
LARGE = """\
name: large
on: [{type: com.github.push}]
event: file
spec: |
  apiVersion: batch/v1
  kind: Job
  spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: busybox, command: ["true"]}]}}}
"""


@pytest.fixture
def call(project, monkeypatch):
    """Run a command in the project's folder: its exit code, output and messages."""
    monkeypatch.chdir(project)
    for name in ("JOB_DEFINITIONS_CONFIG_PATH", "JOBHOOK_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def run(*words, given=None):
        done = CliRunner().invoke(app, list(map(str, words)), input=given, catch_exceptions=False)
        return done.exit_code, done.stdout, done.stderr

    return run


def test_clean_definitions_are_zero(call):
    """Nothing on the standard output, and a count on the other."""
    code, out, told = call("check")
    assert (code, out) == (0, "")
    assert told == "3 definitions, 4 tests: all is well\n"


def test_findings_are_one_and_name_their_place(call, tmp_path):
    """FILE:LINE:COLUMN: what is wrong; what to do."""
    (tmp_path / "a.yaml").write_text(BROKEN)
    code, out, told = call("check", tmp_path)
    assert code == 1
    lines = out.splitlines()
    assert all(re.fullmatch(rf"{re.escape(str(tmp_path))}/a\.yaml:\d+:\d+: [^;]+; .+", line) for line in lines), out
    assert "specs is no key here; did you mean spec?" in out
    assert told == "0 definitions, 0 tests: 1 error\n"


def test_findings_as_json(call, tmp_path):
    """The same for programs."""
    (tmp_path / "a.yaml").write_text(BROKEN)
    code, out, told = call("check", tmp_path, "--json")
    found = json.loads(out)
    assert (code, told, found["definitions"]) == (1, "", 0)
    first = next(each for each in found["findings"] if "specs" in each["message"])
    assert first == {
        "file": f"{tmp_path}/a.yaml",
        "line": 3,
        "column": 1,
        "message": "specs is no key here",
        "remedy": "did you mean spec?",
        "severity": "error",
    }


def test_warnings_alone_are_zero(call, tmp_path):
    """They are said."""
    (tmp_path / "a.yaml").write_text(LARGE.replace("com.github.push", "com.github.pushes"))
    code, out, told = call("check", tmp_path)
    assert (code, "warning: GitHub is not known" in out) == (0, True)
    assert told == "1 definition, 0 tests: all is well, 1 warning\n"


def test_no_such_folder_is_two(call, tmp_path):
    """Usage, not a finding."""
    code, out, told = call("check", tmp_path / "none")
    assert (code, out) == (2, "")
    assert "no such folder" in told


def test_the_environment_names_the_folder(call, tmp_path, monkeypatch):
    """As for the receiver."""
    monkeypatch.setenv("JOB_DEFINITIONS_CONFIG_PATH", str(tmp_path))
    (tmp_path / "a.yaml").write_text(BROKEN)
    assert call("check")[0] == 1


HOOKED = LARGE.replace("{type: com.github.push}", "{type: com.github.push, via: github}")


def test_a_door_that_the_configuration_does_not_open_is_a_warning(call, tmp_path, monkeypatch):
    """jobhook.yaml is found as `serve` finds it; its secrets need not be on this machine."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "a.yaml").write_text(HOOKED)
    assert call("check") == (0, "", "1 definition, 0 tests: all is well\n")
    (tmp_path / "jobhook.yaml").write_text("sources: {githob: {scheme: github, secrets: [/not/here]}}\n")
    code, out, told = call("check")
    problem = "via: jobhook.yaml declares no source github; did you mean githob?"
    assert (code, out) == (0, f"definitions/a.yaml:2:30: warning: {problem}\n")
    assert told == "1 definition, 0 tests: all is well, 1 warning\n"
    (tmp_path / "other.yaml").write_text("sources: {github: {scheme: github, secrets: [/not/here]}}\n")
    monkeypatch.setenv("JOBHOOK_CONFIG", "other.yaml")
    assert call("check")[:2] == (0, "")


def test_the_doors_are_known_with_a_cluster_too(call, tmp_path, monkeypatch):
    """`--cluster` says the same of them, and as JSON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBHOOK_CLUSTER", "local")
    (tmp_path / "a.yaml").write_text(HOOKED)
    (tmp_path / "jobhook.yaml").write_text("retention: {succeeded: 1h}\n")
    code, out, _ = call("check", "a.yaml", "--cluster", "--json")
    [found] = json.loads(out)["findings"]
    assert (code, found["severity"], found["line"], found["column"]) == (0, "warning", 2, 30)
    assert found["message"] == "via: jobhook.yaml declares no source github"
    assert found["remedy"] == "declare it under sources, or write one of events, jobs"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sources: {", "jobhook.yaml:2:1: "),
        ("[]", "jobhook.yaml:1: must be a mapping"),
        (None, "jobhook.yaml: cannot be read (No such file or directory)"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_two(call, tmp_path, monkeypatch, text, says):
    """Which doors there are could not be said; the place and the remedy are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBHOOK_CONFIG", "jobhook.yaml")
    (tmp_path / "a.yaml").write_text(HOOKED)
    if text is not None:
        (tmp_path / "jobhook.yaml").write_text(text)
    code, out, told = call("check", "a.yaml")
    assert (code, out) == (2, "")
    assert told.startswith(f"jobhook check: {says}")
    assert ";" in told


def test_the_local_cluster_judges_too(call, tmp_path, monkeypatch):
    """`--cluster` asks whatever cluster is configured; this machine has rules of its own."""
    monkeypatch.setenv("JOBHOOK_CLUSTER", "local")
    monkeypatch.setenv("JOBHOOK_DATA", str(tmp_path / "data"))
    assert call("check", "--cluster")[0] == 0
    (tmp_path / "e.json").write_text('{"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}')
    text = LARGE.replace("com.github.push", "t").replace("restartPolicy: Never", "restartPolicy: Always")
    (tmp_path / "a.yaml").write_text(text.replace("spec: |", "tests: [{event: e.json, expect: {}}]\nspec: |"))
    assert call("check", tmp_path / "a.yaml")[0] == 0
    code, out, _ = call("check", tmp_path / "a.yaml", "--cluster")
    assert code == 1
    assert "a.yaml:4:25: test 1: the cluster refuses the Job: " in out
    assert out.endswith("; correct the template\n")
    assert not (tmp_path / "data").exists()


def test_a_cluster_that_does_not_answer_is_three(call, tmp_path, monkeypatch):
    """It is no finding, and no usage error."""
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "x"}}
    whole = {"apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [cluster], "contexts": [context]}
    kubeconfig.write_text(json.dumps(whole | {"users": [{"name": "u", "user": {"token": "t"}}]}))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    code, _, told = call("check", "--cluster")
    assert code == 3
    assert "no connection" in told


def test_which_definitions_an_event_calls(call):
    """Those that match, and rule by rule why not the others."""
    code, out, _ = call("match", "definitions/samples/push-to-branch.json")
    assert code == 1
    assert "build: no\n  rule 1: no\n    yes  type: com.github.push\n    no   when: " in out
    assert "type: com.example.upload.finished   (it is com.github.push)" in out
    assert "it failed: 'files' is not there" in out
    code, out, _ = call("match", "definitions/samples/push.json")
    assert code == 0
    assert "build: yes" in out


def test_which_definitions_as_json(call):
    """The same for programs."""
    code, out, _ = call("match", "--json", "definitions/samples/push.json")
    found = json.loads(out)
    assert code == 0
    assert found["event"]["type"] == "com.github.push"
    assert {each["name"]: each["matches"] for each in found["definitions"]} == {
        "build": True,
        "convert-files": False,
        "nightly-report": False,
    }
    assert found["definitions"][0]["rules"][0]["conditions"][0] == {
        "condition": "type: com.github.push",
        "holds": True,
        "found": "com.github.push",
    }


def test_a_providers_payload_and_the_standard_input(call, project):
    """`--as` reads what GitHub sends, and `-` is the standard input."""
    sample = project / "webhook/cli/samples/github-push.json"
    assert "build: yes" in call("match", sample, "--as", "github:push")[1]
    assert "via acme" in call("match", sample, "--as", "github:push", "--via", "acme")[1]
    given = (project / "definitions/samples/nightly.json").read_bytes()
    assert "nightly-report: yes" in call("match", "-", given=given)[1]
    code, out, told = call("match", sample)
    assert (code, out) == (2, "")
    assert "--as github:push" in told


def test_a_submit_only_definition_says_so(call, tmp_path):
    """It has no rules."""
    (tmp_path / "a.yaml").write_text(LARGE.replace("on: [{type: com.github.push}]\n", ""))
    assert (
        "large: no\n  no rules: it is only submitted"
        in call("match", "definitions/samples/push.json", "--definitions", tmp_path)[1]
    )


def test_the_manifest_of_an_event(call):
    """As YAML, with the name that its Job will have; no colours where nobody sees them."""
    code, out, told = call("render", "build", "definitions/samples/push.json")
    assert (code, told) == (0, "")
    job = yaml.value(yaml.document(out))
    assert job["metadata"]["labels"] == {"repository": "acme-site"}
    assert re.fullmatch(r"build-[a-z2-7]{20}", job["metadata"]["name"])
    assert "\x1b" not in out


def test_an_event_that_does_not_match_is_rendered_with_a_word(call):
    """Rendering is for trying."""
    code, out, told = call("render", "build", "definitions/samples/push-to-branch.json")
    assert code == 0
    assert "kind: Job" in out
    assert "does not take this event" in told


def test_values_that_are_refused_are_one(call, tmp_path, project):
    """With the reason that a sender would get."""
    event = json.loads((project / "definitions/samples/push.json").read_text())
    event["data"]["after"] = "; rm -rf /"
    (tmp_path / "e.json").write_text(json.dumps(event))
    code, out, told = call("render", "build", tmp_path / "e.json")
    assert (code, out) == (1, "")
    assert told == "jobhook render: refused: build: commit: '; rm -rf /' does not match [0-9a-f]{40}\n"


def test_a_large_event_is_named_and_not_shown(call, tmp_path, project):
    """It will be in a ConfigMap."""
    event = json.loads((project / "definitions/samples/push.json").read_text())
    event["data"]["large"] = "x" * 40_000
    (tmp_path / "e.json").write_text(json.dumps(event))
    (tmp_path / "a.yaml").write_text(LARGE)
    code, out, told = call("render", "large", tmp_path / "e.json", "--definitions", tmp_path / "a.yaml")
    assert code == 0
    job = yaml.value(yaml.document(out))
    name = job["metadata"]["name"]
    assert job["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] == f"{name}-event"
    assert f"will be in the ConfigMap {name}-event" in told


def test_the_manifest_of_a_submit(call, tmp_path):
    """By parameters instead of an event."""
    text = LARGE.replace("event: file\n", "params: {image: {}}\nallow: [image]\n").replace("busybox", '"{{ image }}"')
    (tmp_path / "a.yaml").write_text(text.replace("on: [{type: com.github.push}]\n", ""))
    options = ("render", "large", "--definitions", tmp_path)
    code, out, _ = call(*options, "--param", "image=acme/a:1")
    assert code == 0
    assert yaml.value(yaml.document(out))["spec"]["template"]["spec"]["containers"][0]["image"] == "acme/a:1"
    assert call(*options)[0] == 1
    assert call(*options, "--param", "image")[0] == 2
    assert call(*options, "--param", "imag=x")[0] == 1
    assert call(*options, "definitions/samples/push.json", "--param", "image=x")[0] == 2


def test_an_unknown_definition_is_two(call):
    """With those that there are."""
    code, _, told = call("render", "biuld", "definitions/samples/push.json")
    assert code == 2
    assert "there are build, convert-files, nightly-report" in told


def test_the_schema_is_printed(call, project):
    """What is published."""
    code, out, _ = call("schema")
    assert code == 0
    assert json.loads(out) == definition_schema()
    assert out == (project / "docs/definition.schema.json").read_text()
    jsonschema.Draft202012Validator.check_schema(json.loads(out))


def test_on_a_terminal_what_came_from_a_value_is_coloured(project):
    """The real command on a real terminal."""
    leader, follower = pty.openpty()
    command = [pathlib.Path(sys.executable).parent / "jobhook", "render", "build", "definitions/samples/push.json"]
    with subprocess.Popen(command, cwd=project, stdout=follower, stderr=follower) as process:
        os.close(follower)
        said = b""
        while True:
            try:
                piece = os.read(leader, 4096)
            except OSError:  # the other side is closed
                break
            said += piece
            if not piece:
                break
    os.close(leader)
    assert process.returncode == 0
    assert b"repository: \x1b[33macme-site\x1b[0m" in said
    assert b"image: busybox:1.36" in said


def test_help_is_quick_and_lazy():
    """Nothing is imported for it that a command alone needs."""
    script = (
        "import sys; from typer.testing import CliRunner; from webhook.cli.app import app;"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0;"
        "print(sorted({'jinja2', 'pydantic', 'kubernetes', 'aiohttp', 'starlette', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
