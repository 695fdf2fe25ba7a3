"""The fuzz targets over generated inputs: what `make fuzz` does at length, in a few seconds."""

import random

import fuzz_decoder
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from run import seeds

NAMES = st.sampled_from(
    [b"content-type", b"ce-id", b"ce-source", b"ce-type", b"ce-specversion", b"ce-time", b"ce-x", b"x-github-event"]
)
VALUES = st.sampled_from(
    [
        b"1.0",
        b"application/json",
        b"application/cloudevents+json",
        b"application/cloudevents-batch+json",
        b"/s",
        b"push",
    ]
)
LINES = st.builds(
    lambda name, value: name + b": " + value, NAMES | st.binary(max_size=8), VALUES | st.binary(max_size=20)
)
REQUESTS = st.builds(lambda lines, body: b"\n".join(lines) + b"\n\n" + body, st.lists(LINES, max_size=8), st.binary())


@st.composite
def mutants(draw, target):
    """A seed with a few bytes changed, cut out or put in."""
    seed = bytearray(draw(st.sampled_from(seeds(target))))
    chance = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(chance.randrange(4)):
        place = chance.randrange(len(seed) + 1)
        seed[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    return bytes(seed)


@pytest.fixture(scope="module")
def app():
    """One application for all inputs."""
    import fuzz_app

    made = fuzz_app.App()
    yield made
    made.close()


@settings(max_examples=500, deadline=None)
@given(mutants("decoder") | REQUESTS)
def test_the_decoder_raises_nothing_but_its_own_errors(data):
    """For any bytes; and what it reads, written again, is read as the same event."""
    fuzz_decoder.decoder(data)


@settings(max_examples=300, deadline=None)
@given(mutants("providers") | REQUESTS)
def test_no_provider_raises_anything_but_its_own_errors(data):
    """For any verified delivery."""
    fuzz_decoder.providers(data)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=mutants("app") | st.binary())
def test_the_application_answers_any_bytes(app, data):
    """Bytes in, never a 500, never a traceback, no redirect, and every refusal a problem document."""
    app.feed(data)


def test_the_targets_reach_what_they_are_for(app):
    """The seeds are accepted, refused by values, by form and by right, looked up, and not found."""
    statuses = {status for seed in seeds("app") for status in app.feed(seed)}
    assert {200, 202, 400, 401, 404, 415, 422} <= statuses
    assert sum(fuzz_decoder.decoder(seed) for seed in seeds("decoder")) > 50
    assert any(fuzz_decoder.providers(seed) for seed in seeds("providers"))
