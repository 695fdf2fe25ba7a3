"""The pages about the library and the commands: what they name is there."""

import inspect
import re

import pytest
from typer.main import get_command

from webhook import BlockingJobs, JobManager, JobManagerFactory
from webhook.cli.app import app

PAGES = ("library.md", "coming-from-k8s-jobs.md", "coming-from-aws-batch.md")
LIBRARY = re.compile(r"manager\.([a-z_]+)")
COMMAND = re.compile(r"`jobhook ([a-z]+)((?: [^`]*)?)`")


@pytest.fixture(params=PAGES)
def page(request, project):
    """One of the pages."""
    return (project / "docs" / request.param).read_text(encoding="utf-8")


def test_calls_are_there(page):
    """Each call of a manager that a page names, in its own column where it tells of another's."""
    ours = "\n".join(line.rsplit("| ", 1)[-1] if line.startswith("| `") else line for line in page.splitlines())
    for name in LIBRARY.findall(ours):
        assert hasattr(JobManager, name), name


def test_commands_and_options_are_there(page):
    """Each command that a page names, with the options that it takes."""
    commands = get_command(app).commands
    for name, words in COMMAND.findall(page):
        options = {option for parameter in commands[name].params for option in parameter.opts}
        assert set(re.findall(r"(?<= )--?[a-z]+", words)) <= options, (name, words)


def test_every_public_call_is_told_of(project):
    """And none that is there is left out of the library's page."""
    text = (project / "docs" / "library.md").read_text(encoding="utf-8")
    for kind in (JobManager, JobManagerFactory):
        for name, _ in inspect.getmembers(kind):
            assert name.startswith("_") or f"{name}" in text, name


def test_the_blocking_face_has_the_same_signatures():
    """A call without `await` takes what the async one takes."""
    for name, call in inspect.getmembers(BlockingJobs, inspect.isfunction):
        if name.startswith("_") or name in {"follow_logs", "job_logs", "wait_job"}:
            continue
        assert list(inspect.signature(call).parameters) == list(
            inspect.signature(getattr(JobManager, name)).parameters
        ), name
