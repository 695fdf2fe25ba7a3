"""Every command of docs/job-api.md, run as it stands there."""

import pathlib
import re
import shutil
import subprocess

import pytest
from driving import Receiver, Sink, config, until

PROJECT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docs" / "job-api.md").read_text()
SETTING, *BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in re.split(r"\n(?=curl)", block.strip())]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """A receiver with the definitions that the project brings, and the token where `jobhook dev` has it."""
    if shutil.which("curl") is None:
        pytest.skip("no curl here; install it to run the commands of docs/job-api.md")
    folder, sink = tmp_path_factory.mktemp("docs"), Sink()
    definitions = {file.name: file.read_text() for file in (PROJECT / "definitions").glob("*.yaml")}
    made = Receiver(folder, definitions=definitions, config=config(sink)).start()
    (folder / ".jobhook").mkdir(exist_ok=True)
    shutil.copy(folder / "token", folder / ".jobhook" / "dev-token")
    yield made
    made.stop()
    sink.close()


def _run(receiver, command):
    setting = SETTING.replace("8080", str(receiver.port))
    strict = 'curl() { command curl -sS --fail-with-body --max-time 50 "$@"; }'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{strict}\n{setting}\n{command}"],
        cwd=receiver.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.split())[:60])
def test_each_command_does_what_it_says(receiver, command):
    """Against a Job of its own that has ended, where it names one."""
    if "NAME" in command:
        submit = next(one for one in COMMANDS if "convert-files" in one and "-d" in one).replace(
            "order-4711", command[-60:].encode().hex()
        )
        name = re.search(r"location: /jobs/(\S+)", _run(receiver, submit), re.IGNORECASE)[1]
        until(lambda: (job := receiver.job(name)) and job["completion"] == "delivered", what="delivery")
        command = command.replace("NAME", name)
    _run(receiver, command)


def test_there_are_commands():
    """A change of the document's form must not empty this file."""
    assert len(COMMANDS) >= 9
