"""Doctests of the package: each begins as a program of its own would, with logging as nobody has set it up."""

import pytest
import structlog


@pytest.fixture(autouse=True)
def _fresh_logging(request):
    """Take back what an earlier test in the same process has configured."""
    if isinstance(request.node, pytest.DoctestItem):
        structlog.reset_defaults()
