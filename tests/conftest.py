"""What all tests share: where outside material is, and that a run which must have all of it skips nothing."""

import os
import pathlib
import sys

import pytest
from hypothesis import HealthCheck, settings

PROJECT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "tests"))

from throwaway import private_cluster, throwaway  # noqa: E402, F401 - fixtures, once for all folders

# A machine that is busy with something else is no reason to fail: nothing here asserts how long a thing takes.
settings.register_profile("jobhook", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("jobhook")


@pytest.fixture(scope="session")
def project() -> pathlib.Path:
    """The project's folder."""
    return PROJECT


@pytest.fixture(scope="session")
def outside_data() -> pathlib.Path:
    """The folder of outside test data: real payloads, conformance cases, signature vectors."""
    named = os.environ.get("JOBHOOK_TEST_DATA")
    folder = pathlib.Path(named) if named else PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no outside test data here; set JOBHOOK_TEST_DATA to its folder to run this test")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fail what was skipped where JOBHOOK_TEST_SKIP_NOTHING is set: there everything must be at hand."""
    report = yield
    if report.skipped and os.environ.get("JOBHOOK_TEST_SKIP_NOTHING") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and this run may skip nothing: {report.longrepr}"
    return report


def pytest_collection_modifyitems(items):
    """Mark what needs a real API server by the fixture that brings it."""
    for item in items:
        if {"throwaway", "private_cluster"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("cluster")
