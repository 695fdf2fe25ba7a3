"""The commands of docs/webhooks.md, run as they stand there against the real process."""

import pathlib
import re
import shutil
import subprocess

import pytest
import yaml
from driving import Receiver, Sink, config

PAGE = (pathlib.Path(__file__).parent.parent.parent / "docs" / "webhooks.md").read_text()
ANY = """
name: any
on: [{type: {prefix: com.}}]
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      spec:
        restartPolicy: Never
        containers: [{name: any, image: busybox, command: ["true"]}]
"""
SHELL = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
SECRETS = [block for block in SHELL if "curl" not in block]
CURLS = [block for block in SHELL if "curl" in block]
SOURCES = [
    found["sources"]
    for found in map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    if "sources" in found
]


def _source(block):
    return re.search(r"/hooks/([a-z-]+)", block)[1]


def _sh(folder, block):
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    ).stdout


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """All sources of the page, with secrets made as it says."""
    for tool in ("bash", "curl", "openssl"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here; install it to run the page's commands")
    sink, folder = Sink(), tmp_path_factory.mktemp("by-hand")
    for block in SECRETS:
        _sh(folder, block)
    sources = {name: source for part in SOURCES for name, source in part.items()}
    made = Receiver(folder, definitions={"any.yaml": ANY}, config=config(sink, sources=sources)).start()
    yield made
    assert made.stop() == 0
    sink.close()


def test_every_source_of_the_page_has_a_command():
    """No door without a way to try it."""
    assert {_source(block) for block in CURLS} == {name for part in SOURCES for name in part}


@pytest.mark.parametrize("number", range(len(CURLS)), ids=lambda number: f"{number} {_source(CURLS[number])}")
def test_each_command_is_answered_as_the_provider_would_be(receiver, number):
    """A Job for each delivery, under the type that the page names; the challenge for Slack's verification."""
    block = CURLS[number].replace("http://127.0.0.1:8080", f"http://127.0.0.1:{receiver.port}")
    answer = _sh(receiver.folder, block)
    if "url_verification" in block:
        assert answer.startswith("HTTP/1.1 200 ")
        assert answer.endswith("\n3eZbrw1aB")
        return
    assert answer.startswith("HTTP/1.1 202 "), answer
    assert '"created":true' in answer
    [name] = re.findall(r'"name":"([^"]+)"', answer)
    event = receiver.job(name)["event"]
    assert event["via"] == _source(block)
    assert f"`{event['type']}`" in PAGE or event["via"] in {"acme", "svix", "vendor"}
