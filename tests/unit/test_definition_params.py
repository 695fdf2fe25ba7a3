"""What a parameter takes, and that no pattern can stall the process."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.definitions import Param, Pattern
from webhook.definitions.model import ParameterType
from webhook.manifests import Unfit
from webhook.templates import JsonList, JsonMapping


def read(value, **how):
    if "type" in how:
        how["type"] = ParameterType(how["type"])
    if "pattern" in how:
        how["pattern"] = Pattern(how["pattern"])
    return Param(name="p", **how).read(value)


@pytest.mark.parametrize(
    ("value", "how", "taken"),
    [
        ("no", {}, "no"),
        ("1e3", {}, "1e3"),
        (5, {}, 5),
        (True, {}, True),
        (1.5, {}, 1.5),
        (5, {"type": "string"}, "5"),
        (True, {"type": "string"}, "true"),
        ("5", {"type": "integer"}, 5),
        ("-12", {"type": "integer"}, -12),
        ("1.5", {"type": "number"}, 1.5),
        ("5", {"type": "number"}, 5),
        ("true", {"type": "boolean"}, True),
        (False, {"type": "boolean"}, False),
        ("x", {"type": "json"}, "x"),
        (5, {"pattern": "[0-9]+"}, 5),
        ("ab", {"pattern": "a|ab"}, "ab"),
        ("b", {"enum": ("a", "b")}, "b"),
        ("x" * 10, {"max_length": 10}, "x" * 10),
    ],
)
def test_a_parameter_takes(value, how, taken):
    """Values of its type, converted where that loses nothing."""
    found = read(value, **how)
    assert found == taken
    assert type(found) is type(taken)


@pytest.mark.parametrize(
    ("value", "how", "says"),
    [
        ({}, {}, "a mapping where a text belongs"),
        ([], {"type": "string"}, "a list where a text belongs"),
        ("x", {"type": "integer"}, "'x' is no integer"),
        ("007", {"type": "integer"}, "no integer"),
        (1.0, {"type": "integer"}, "no integer"),
        (True, {"type": "integer"}, "no integer"),
        ("٣", {"type": "integer"}, "no integer"),
        ("9" * 5000, {"type": "integer"}, "no integer"),
        ("nan", {"type": "number"}, "no number"),
        ("1e999", {"type": "number"}, "no number"),
        ("yes", {"type": "boolean"}, "neither true nor false"),
        (1, {"type": "boolean"}, "neither true nor false"),
        ("x1", {"pattern": "[a-z]+"}, r"'x1' does not match \[a-z\]\+"),
        ("a\n", {"pattern": "a"}, "does not match"),
        ("\ud800", {"pattern": ".*"}, "surrogate"),
        (True, {"enum": (1,)}, "True is none of 1"),
        ("x" * 11, {"max_length": 10}, "11 characters, and at most 10 are taken"),
        ("x" * 65_537, {}, "at most 65536"),
        ([1] * 40_000, {"type": "json"}, "characters of JSON"),
    ],
)
def test_a_parameter_refuses(value, how, says):
    """Everything else, with a reason that shows little of the value."""
    with pytest.raises(Unfit, match=says) as refused:
        read(value, **how)
    assert len(str(refused.value)) < 300


def test_json_opts_in():
    """A mapping or a list comes through `type: json`, marked with all that is in it."""
    found = read({"a": [1]}, type="json")
    assert type(found) is JsonMapping
    assert type(found["a"]) is JsonList


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("(a+)+", "a" * 60_000 + "!"),
        ("(a|a)*", "a" * 60_000 + "!"),
        ("(.*)*x", "a" * 60_000),
        ("([a-z]+)*[0-9]", "a" * 60_000),
    ],
)
def test_no_pattern_can_stall_the_process(pattern, value):
    """Patterns that take a backtracking engine for ever take this one no time."""
    began = time.monotonic()
    assert not Pattern(pattern).matches(value)
    assert time.monotonic() - began < 2


def test_a_pattern_that_grows_too_large_is_refused():
    """Repetitions of repetitions are bounded when the file is read."""
    with pytest.raises(ValueError, match="is too large"):
        Pattern(r"(\w{1,1000}){1,1000}")


@given(st.text(max_size=20))
def test_a_pattern_matches_the_whole(text):
    """Neither a prefix, nor a line, nor all but a trailing newline will do."""
    pattern = Pattern("ab?|c")
    assert pattern.matches(text) == (text in {"a", "ab", "c"})
    for whole in ("a", "ab", "c"):
        assert pattern.matches(whole + text) == (whole + text in {"a", "ab", "c"})
