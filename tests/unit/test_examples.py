"""The project's own definitions: each loads, matches its samples and runs on a bare machine."""

import os
import re
import subprocess
from datetime import UTC, datetime

import pytest

from webhook.definitions import load
from webhook.events import Arrival, Event
from webhook.json import load as load_json
from webhook.rendering import render
from webhook.routing import match

EXAMPLES = ("build", "convert-files", "nightly-report")


@pytest.fixture(scope="module")
def examples(project):
    return load(project / "definitions")


def read_sample(project, name):
    """A sample event as `/events` would take it."""
    attributes = load_json((project / "definitions" / name).read_bytes())
    assert attributes.pop("specversion") == "1.0"
    event = Event(**attributes)
    return Arrival(event=event, via="events", identity=event.id, received=datetime(2026, 1, 31, tzinfo=UTC))


def contains(whole, fragment):
    """Whether a fragment is in a manifest: mappings by their keys, everything else as it is."""
    if isinstance(fragment, dict):
        return isinstance(whole, dict) and all(contains(whole.get(key), item) for key, item in fragment.items())
    return whole == fragment


def expand(text, variables):
    """The kubelet's expansion, as Kubernetes documents it."""

    def one(found):
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", one, text)


def test_there_are_three_useful_ones(examples):
    """The folder holds the examples, and nothing that is no definition."""
    assert sorted(examples.names) == sorted(EXAMPLES)
    assert all(definition.description and definition.tests for definition in examples)


@pytest.mark.parametrize("name", EXAMPLES)
def test_their_own_tests_hold(examples, project, name):
    """Each example's `tests` say what becomes of its samples."""
    definition = examples.get(name)
    for example in definition.tests:
        arrival = read_sample(project, example.event)
        routed = match(examples, arrival)
        assert routed.errors == ()
        if example.expect is None:
            assert definition not in routed.definitions
        else:
            assert routed.definitions == (definition,)
            assert contains(render(definition, arrival).manifest, example.expect)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_their_commands_run_and_leave_a_result(examples, project, tmp_path, name, shell):
    """Each example runs as a plain process, and a value with `$(HOME)` in it arrives as it was sent."""
    arrival = read_sample(project, next(e.event for e in examples.get(name).tests if e.expect is not None))
    pod = render(examples.get(name), arrival).manifest["spec"]["template"]
    (tmp_path / "event.json").write_text(
        pod.get("metadata", {}).get("annotations", {}).get("jobhook.dev/event-data", "")
    )
    (container,) = pod["spec"]["containers"]
    variables = {"HOME": "/home/secret"}
    for variable in container["env"]:
        variables[variable["name"]] = expand(variable["value"], variables)
    words = (
        [expand(word, variables) for word in container["command"] + container["args"]]
        if "args" in container
        else container["command"]
    )
    assert words[0] == "sh"
    result = tmp_path / "result"
    ended = subprocess.run(
        [shell, *words[1:]],
        env=variables
        | {
            "PATH": os.environ["PATH"],
            "JOB_COMPLETION_INDEX": "2",
            "JOBHOOK_TERMINATION_LOG": str(result),
            "JOBHOOK_EVENT_FILE": str(tmp_path / "event.json"),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert isinstance(load_json(result.read_bytes()), dict)
    assert ended.stderr == ""
    wanted = {
        "build": "Say what $(HOME), {{ braces }} and 'quotes' do: nothing\n\n; rm -rf \"$HOME\"",
        "convert-files": "pod 2 converts $(HOME)/sea.png to avif",
        "nightly-report": "the report on customers of 2026-01-31, for the event 2026-01-31 of /schedules/nightly",
    }
    assert wanted[name] in ended.stdout


def test_the_fan_out_has_one_pod_for_each_file(examples, project):
    """A list of the event becomes arguments, one each, with every `$` kept from the kubelet."""
    arrival = read_sample(project, "samples/upload.json")
    job = render(examples.get("convert-files"), arrival).manifest["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert job["completions"] == 3
    assert container["args"] == ["beach.png", 'the "dunes".png', "$$(HOME)/sea.png"]
