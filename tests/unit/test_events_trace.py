"""The trace of a request: one valid header, or none."""

import pytest

from webhook.events import is_traceparent, traceparent_of

GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (GOOD, True),
        (GOOD[:-2] + "00", True),
        ("cc" + GOOD[2:] + "-what-comes-later", True),
        (GOOD + "-x", False),
        ("ff" + GOOD[2:], False),
        (GOOD.upper(), False),
        (GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), False),
        (GOOD.replace("00f067aa0ba902b7", "0" * 16), False),
        (GOOD + "\n", False),
        (GOOD[:-1], False),
        ("", False),
    ],
)
def test_only_valid_traces_are_told(text, good):
    """W3C Trace Context §3.2, versions to come included."""
    assert is_traceparent(text) is good


def test_two_traces_are_none():
    """Which of two would be the right one is not guessed."""
    header = (b"traceparent", GOOD.encode())
    assert traceparent_of([(b"host", b"x"), header]) == GOOD
    assert traceparent_of([header, header]) is None
    assert traceparent_of([(b"traceparent", b"\xff")]) is None
    assert traceparent_of([]) is None
