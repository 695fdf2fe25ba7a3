import doctest
import pathlib
import shutil
import subprocess

import pytest

from bench import figures, goals, table

BENCH = pathlib.Path(figures.__file__).parent


def run(rate=100.0, **changes):
    usual = {"rate": rate, "p50": 1.0, "p99": 2.0, "cpu": 1e6 / rate, "rss": 50.0, "calibration": (10.0, 10.0)}
    return figures.Measured(**{**usual, "others": 0.0, **changes})


@pytest.mark.parametrize("module", [figures, table])
def test_examples(module):
    """The examples in the texts are true."""
    done = doctest.testmod(module)
    assert done.attempted
    assert not done.failed


def test_ratio_within_rounds():
    """A machine that halves its speed between two rounds leaves the ratio as it is."""
    base, other = [run(1000), run(500), run(250)], [run(130), run(65), run(40)]
    assert figures.ratio(other, base) == pytest.approx(0.13)
    assert figures.by_cpu(other, base) == pytest.approx(0.13)


def test_nothing_measured():
    """What was not measured is no number, and no goal is met or missed by it."""
    assert figures.ratio([], [run()]) is None
    assert table.number(figures.middle([], "rate")) == "–"
    assert {goal.verdict for goal in goals.stubbed({})} == {"not measured"}


@pytest.mark.parametrize(
    ("changes", "noisy"),
    [({}, False), ({"calibration": (10.0, 8.0)}, True), ({"calibration": (10.0, 9.0)}, False), ({"others": 0.2}, True)],
)
def test_noise(changes, noisy):
    """A core that changes its speed, and somebody else at work, are told."""
    assert run(**changes).noisy is noisy


def test_goals():
    """A goal is met at its bound, from whichever side it is one."""
    fast = {"whole": [run(130, p99=20.0)], "bare": [run(1000)], "verify": [run(449)]}
    verdicts = {goal.what: goal.verdict for goal in goals.stubbed(fast)}
    assert verdicts["whole path ÷ bare Starlette"] == "met"
    assert verdicts["whole path, p99 at 32 connections"] == "met"
    assert verdicts["verification and decoding ÷ bare Starlette"] == "MISSED"
    assert verdicts["whole path ÷ the ancestor's way"] == "not measured"


def test_goals_of_single_steps():
    """Matching among many is held to its goal in every shape; what was not measured says so."""
    found = goals.steps({"match": 900.0, "match among 1,000, a type each": 2.0, "match among 1,000, x": 201.0})
    assert [goal.verdict for goal in found] == ["met", "MISSED", "not measured", "not measured"]


def test_growth():
    """Memory that fills up at first is flat; one that goes on growing is not."""
    assert goals.flat([50.0, *[60.0] * 59]).met
    assert not goals.flat([50.0 + second / 4 for second in range(60)]).met


@pytest.mark.slow
def test_programs():
    """The load generator and the API server that answers at once pass their own tests."""
    if shutil.which("go") is None:
        pytest.skip("no Go toolchain; install one from https://go.dev/dl")
    done = subprocess.run(["go", "test", "./..."], cwd=BENCH, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
