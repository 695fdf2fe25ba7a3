"""CloudEvents from HTTP: every rule of the specification a row, real cases, and no exception but ours for any bytes."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webhook.errors import MalformedEvent, RequestError, TooLarge, UnsupportedMedia
from webhook.events import MAX_EVENTS, Mode, decode

STATUSES = {MalformedEvent: 400, UnsupportedMedia: 415, TooLarge: 413}
STRUCTURED = [(b"content-type", b"application/cloudevents+json")]
BATCH = [(b"content-type", b"application/cloudevents-batch+json")]
BINARY = [(b"ce-specversion", b"1.0"), (b"ce-id", b"1"), (b"ce-source", b"/s"), (b"ce-type", b"t")]
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
RULES = json.loads((Path(__file__).parent.parent / "data" / "cloudevents" / "rules.json").read_text())


def _status(headers, body):
    try:
        decode(headers, body)
    except RequestError as error:
        return STATUSES[type(error)]
    return 202


@pytest.mark.parametrize("case", RULES, ids=lambda case: f"{case['rule'][:20]}: {case['name']}")
def test_each_rule_of_the_specification_holds(case):
    """What the specification allows is read as it says, and what it forbids is refused with the right error."""
    headers = [(name.encode(), value.encode()) for name, value in case["headers"]]
    body = case["body"].encode()
    if "refused" in case:
        assert _status(headers, body) == case["refused"]
        return
    events = decode(headers, body).events
    assert len(events) == case.get("count", 1)
    for name, value in case.get("event", {}).items():
        assert events[0].attributes()[name] == value
    if "data" in case:
        assert events[0].data == case["data"]
        assert type(events[0].data) is type(case["data"])
    if "data_text" in case:
        assert events[0].data == case["data_text"].encode()


def test_the_outside_cases_answer_as_they_expect(outside_data):
    """Cases of the conformance suite and of five SDKs; those that need version 0.3 are refused."""
    count = 0
    for file in sorted((outside_data / "cloudevents").glob("*.json")):
        for case in json.loads(file.read_text()):
            if case["method"] != "POST":
                continue  # the method is the web edge's
            count += 1
            _hold(case)
    assert count > 200


def _hold(case):
    headers = [(name.lower().encode(), value.encode()) for name, value in case["headers"].items()]
    body = base64.b64decode(case["body_base64"]) if "body_base64" in case else case.get("body", "").encode()
    if case["expect"] == "reject" or "requires" in case:
        assert _status(headers, body) in case.get("expect_status", [400, 415]), case["name"]
        return
    decoded = decode(headers, body)
    assert decoded.mode == case.get("mode", decoded.mode), case["name"]
    assert len(decoded.events) == case.get("count", 1), case["name"]
    for event in decoded.events[:1]:
        found = {"specversion": "1.0", **event.attributes()}
        assert case.get("attributes", {}).items() <= found.items(), case["name"]
        assert event.data == case.get("data_json", event.data), case["name"]
        if "data_bytes_base64" in case:
            assert event.data == base64.b64decode(case["data_bytes_base64"]), case["name"]


def test_the_mode_is_told():
    """A batch of one is a batch, as its answer differs."""
    assert decode(BINARY, b"").mode is Mode.BINARY
    assert decode(STRUCTURED, json.dumps(EVENT).encode()).mode is Mode.STRUCTURED
    batch = decode(BATCH, json.dumps([EVENT]).encode())
    assert batch.mode is Mode.BATCH
    assert batch.batch


def test_a_batch_is_bounded():
    """As many events as are allowed pass, one more is too large."""
    assert len(decode(BATCH, json.dumps([EVENT] * MAX_EVENTS).encode()).events) == MAX_EVENTS
    assert _status(BATCH, json.dumps([EVENT] * (MAX_EVENTS + 1)).encode()) == 413


@pytest.mark.parametrize(("size", "status"), [(65000, 202), (66000, 400)])
@pytest.mark.parametrize("letter", ["a", "€"])
def test_attributes_are_bounded_in_bytes(size, status, letter):
    """64 KiB of attributes altogether, in either mode; the data does not count."""
    text = letter * (size // len(letter.encode()))
    assert _status([*BINARY, (b"ce-x", text.encode())], b"d" * 100_000) == status
    assert _status(STRUCTURED, json.dumps({**EVENT, "x": text, "data": "d" * 100_000}).encode()) == status


@pytest.mark.parametrize("depth", [100, 1000, 100_000])
def test_deep_json_is_refused_at_any_depth(depth):
    """Neither mode reads it, and no recursion limit is met."""
    deep = b"[" * depth + b"]" * depth
    assert _status([*BINARY, (b"content-type", b"application/json")], deep) == 400
    assert _status(STRUCTURED, json.dumps(EVENT).encode()[:-1] + b',"data":' + deep + b"}") == 400


def test_hostile_quotes_cost_linear_time():
    """A header full of escaped quotes that never end is read at once."""
    value = b'"\\' * 500_000
    assert _status([*BINARY, (b"ce-x", value)], b"") == 400


def test_raw_latin_1_in_a_header_is_refused():
    """Bytes that are no UTF-8 are not guessed at."""
    assert _status([*BINARY, (b"ce-subject", b"gr\xfcn")], b"") == 400


def test_a_reason_shows_little_of_what_was_sent():
    """A message names the attribute, repeats at most a line of it, and escapes what a log could stumble over."""
    with pytest.raises(MalformedEvent) as caught:
        decode(STRUCTURED, json.dumps({**EVENT, "source": "\u202e<" + "x" * 5000}).encode())
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


NAMES = st.sampled_from(
    [b"content-type", b"content-encoding", b"ce-id", b"ce-source", b"ce-type", b"ce-specversion", b"ce-time", b"ce-x"]
)
VALUES = st.sampled_from(
    [b"1.0", b"application/json", b"application/cloudevents+json", b"application/cloudevents-batch+json", b"/s", b'"%']
)
HEADERS = st.lists(st.tuples(NAMES | st.binary(max_size=8), VALUES | st.binary(max_size=20)), max_size=10)
ENVELOPES = st.dictionaries(
    st.sampled_from([*EVENT, "data", "data_base64", "datacontenttype", "time", "x"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("1.0"),
)


@given(HEADERS, st.binary(max_size=50))
@example(BINARY, b"\xff")
def test_any_request_is_read_or_refused(headers, body):
    """Nothing but the two errors leaves the decoder, whatever the bytes."""
    assert _status(headers, body) in {202, 400, 415}


@given(st.lists(ENVELOPES, max_size=3), st.sampled_from([STRUCTURED, BATCH]))
def test_any_envelope_is_read_or_refused(envelopes, headers):
    """The same for bodies that nearly are events."""
    value = envelopes if headers is BATCH else (envelopes or [{}])[0]
    complete = [{**EVENT, **each} for each in envelopes] if headers is BATCH else {**EVENT, **(envelopes or [{}])[0]}
    for each in (value, complete):
        assert _status(headers, json.dumps(each).encode()) in {202, 400}
