import doctest
import pathlib
import shutil
import subprocess

import pytest

from bench import completions, figures, goals, restart, sweeping, table
from bench import run as program

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


def test_part_of_an_events_cpu():
    """The receiver's part counts all of the control plane, and there is none where a part of that was not measured."""
    one = run(cpu=500.0, api_cpu=1400.0, etcd_cpu=200.0, controllers_cpu=400.0)
    assert one.part == pytest.approx(0.2)
    assert one.part_of_way == pytest.approx(500 / 2100)
    assert run(api_cpu=1400.0, etcd_cpu=200.0).part is None
    assert run().part_of_way is None
    goal = {goal.unit: goal for goal in goals.real({("ours", 32): [one]})}["%"]
    assert (goal.value, goal.verdict) == (pytest.approx(20), "met")
    dearer = run(cpu=501.0, api_cpu=1400.0, etcd_cpu=200.0, controllers_cpu=400.0)
    assert [goal.verdict for goal in goals.real({("ours", 32): [dearer]})] == ["not measured", "not measured", "MISSED"]


def test_direct_posts_have_no_receiver():
    """The table of CPU leaves them out, and tells the receiver's part with the controllers and without."""
    told = {"api_cpu": 1500.0, "etcd_cpu": 500.0}
    said = table.real({("direct", 32): [run(cpu=0.0)], ("ours", 32): [run(cpu=500.0, controllers_cpu=500.0, **told)]})
    speed, cpu = said.split("\n\n")
    assert len(speed.splitlines()) == 3
    assert cpu.splitlines()[1].split()[-6:] == ["0.500", "1.50", "0.500", "0.500", "17%", "20%"]


@pytest.mark.parametrize(("late", "verdict"), [(2, "met"), (3, "MISSED")])
def test_completions(late, verdict):
    """Of 200 completions two may be late: p99 is that of the 198th."""
    found = completions.Prompt(ended=[5.0] * 200, told=[300.0] * late + [100.0] * (200 - late))
    (goal,) = goals.completions(found)
    assert goal.verdict == verdict
    assert found.whole[0] == 305.0
    assert table.completions(found).splitlines()[2].split()[-3:] == ["100", "300" if late > 2 else "100", "300"]


def start(syncing=0.1, rss=70.0):
    return restart.Start(seconds=0.6 + syncing, syncing=syncing, cpu=0.5, rss=rss)


def test_restart():
    """The index is compared with the bare list of its own round, and memory with the start beside no Jobs."""
    rounds = [restart.Round(bare, start(), start(syncing, rss)) for bare, syncing, rss in ROUNDS]
    times, memory = goals.restart(rounds)
    assert (times.value, times.verdict) == (pytest.approx(1.5), "met")
    assert (memory.value, memory.verdict) == (pytest.approx(41), "MISSED")
    assert table.restart(rounds).endswith("A bare list of them: 0.600 s; index whole ÷ that: 1.00 to 2.00.")


ROUNDS = [(0.5, 0.5, 85.0), (0.6, 0.9, 111.0), (2.0, 4.0, 112.0)]


def test_sweep():
    """A sweep is compared with what was deleted bare before it and after it, by rate and by everybody's CPU."""
    bare = [sweeping.Deleting(rate, own=0.5, control=1.5) for rate in (400.0, 200.0)]
    found = sweeping.Swept(bare, sweeping.Deleting(240.0, own=1.0, control=1.5), 2, [80.0, *[85.0] * 12, 86.0])
    rate, memory = goals.sweep(found)
    assert (rate.value, rate.verdict) == (pytest.approx(0.8), "met")
    assert memory.verdict == "met"
    assert found.by_cpu == pytest.approx(0.8)
    row = table.sweep(found).splitlines()[2]
    assert row.split() == ["POST", "/cleanup,", "2", "calls", "240", "0.800", "1.00", "1.50", "0.800"]
    assert table.sweep(found).endswith("MiB every five seconds: 80.0 85.0 85.0 86.0")


def test_what_could_not_be_run_is_in_the_table():
    """Each part that needs a cluster names its goals also where there is none."""
    named = [goal for part in program.UNMEASURED.values() for goal in part()]
    assert len(named) == 8
    assert {goal.verdict for goal in named} == {"not measured"}


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
