"""A stranger's values in every place of every sample event, against the definitions that the project ships."""

import copy
import shlex

import pytest
from changed import replace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nasty import HOSTILE, VALUES, as_text, expand, leaves, shape

from webhook.checking import check
from webhook.errors import MalformedEvent, ValueRefused
from webhook.events import check as check_event
from webhook.events import envelope
from webhook.json import dump
from webhook.json import load as load_json
from webhook.rendering import render

# Whatever a filter or a slice may change is in it, so that a leaf which holds it whole takes every value as it is.
MARK = "Hostile_Value/ü. here 'quoted' " + "x" * 60
ATTRIBUTES = ("id", "subject", "time")
VARIABLES = {"HOME": "/home/user", "SECRET": "secret", "": "empty"}


@pytest.fixture(scope="module")
def cases(project):
    """Every definition with each of its samples that call it, and the places of values in that."""
    found = []
    for folder in ("definitions", "docs/cookbook"):
        for _, definition, trial in check(project / folder).trials:
            if trial.arrival is not None:
                data = trial.arrival.event.data
                places = [*((name,) for name in ATTRIBUTES), *(("data", *at) for at, _ in leaves(data))]
                found += [(definition, trial.arrival, place) for place in places]
    assert len({definition.name for definition, _, _ in found}) >= 14
    return found


def with_value(arrival, place, value):
    """The sample with a value in a place."""
    if place[0] != "data":
        return replace(arrival, event=replace(arrival.event, **{place[0]: value}))
    data = at = copy.deepcopy(arrival.event.data)
    for step in place[1:-1]:
        at = at[step]
    at[place[-1]] = value
    return replace(arrival, event=replace(arrival.event, data=data))


def outcome(definition, arrival):
    """The manifest, or None where the values are refused."""
    try:
        rendered = render(definition, arrival)
    except ValueRefused:
        return None
    if rendered.payload is not None:  # a large event is in a record, as it is
        assert rendered.payload == dump(envelope(arrival.event))
        return None
    return rendered.manifest


def keeps_the_law(case, value):
    """The structure of the sample's own manifest and every value intact, or a refusal."""
    definition, arrival, place = case
    hostile = with_value(arrival, place, value)
    if place[0] != "data":
        try:
            check_event(hostile.event)
        except MalformedEvent:
            return False  # it would not have come in
    found = outcome(definition, hostile)
    if found is None:
        return False
    assert shape(found) == shape(outcome(definition, arrival)), (definition.name, place)
    _each_intact(definition, with_value(arrival, place, MARK), hostile, dict(leaves(found)), value)
    return True


def replaced(node, text):
    """A text, or a mapping of texts, with the mark replaced."""
    if isinstance(node, dict):
        return {key: replaced(item, text) for key, item in node.items()}
    return node.replace(MARK, text)


def _each_intact(definition, harmless, hostile, found, value):
    for place, text in leaves(outcome(definition, harmless) or {}):
        if value is None:
            continue  # a default stands in for it
        if "labels" in place or not isinstance(text, str):
            continue
        after = found[place]
        if after.startswith('{"specversion"'):  # the whole event
            after = expand(after, VARIABLES) if place[-1] == "value" else after
            assert load_json(after) == load_json(dump(envelope(hostile.event)))
        elif MARK in text:
            expanded = place[-1] == "value" or "args" in place
            before, after = (expand(each, VARIABLES) if expanded else each for each in (text, after))
            if before.startswith('{"'):  # made by tojson
                before, after = replaced(load_json(before), as_text(value)), load_json(after)
            assert after == replaced(before, as_text(value)), (definition.name, place)
        elif shlex.quote(MARK) in text:
            assert after == text.replace(shlex.quote(MARK), shlex.quote(as_text(value)).replace("$", "$$"))


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_value_anywhere_in_a_sample(cases, attack):
    """Every place of every sample: its structure, with the value as it is, or a refusal."""
    for case in cases:
        keeps_the_law(case, HOSTILE[attack])


def test_some_are_taken_and_some_refused(cases):
    """The law is put to both: a pattern refuses, a free text takes."""
    taken = {(case[0].name, case[2]): keeps_the_law(case, "; rm -rf / # $(HOME)") for case in cases}
    assert taken["build", ("data", "head_commit", "message")]
    assert taken["preview", ("data", "pull_request", "title")]
    assert taken["nightly-report", ("id",)]
    assert not taken["build", ("data", "after")]
    assert not taken["scan-on-release", ("data", "release", "tag_name")]


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 10_000), value=VALUES.filter(lambda value: not isinstance(value, float)))
def test_any_value_anywhere_in_a_sample(cases, number, value):
    """The law for whatever hypothesis finds."""
    keeps_the_law(cases[number % len(cases)], value)


@pytest.mark.slow
@settings(max_examples=50_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 10_000), value=VALUES.filter(lambda value: not isinstance(value, float)))
@pytest.mark.timeout(3600)
def test_any_value_anywhere_in_a_sample_at_length(cases, number, value):
    """The same law, 50,000 times."""
    keeps_the_law(cases[number % len(cases)], value)
