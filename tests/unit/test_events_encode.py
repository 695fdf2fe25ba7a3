"""CloudEvents to HTTP: what is written is read again as the same event, by us and by the stock SDK."""

import string
import subprocess
import sys

import pytest
from changed import replace
from cloudevents.core.bindings import http
from hypothesis import given
from hypothesis import strategies as st

from webhook.errors import MalformedEvent
from webhook.events import Event, check, decode, envelope, to_batch, to_binary, to_structured
from webhook.json import NotJson, load

# Characters that a text of the specification may hold, odd ones among them.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"]).filter(
    lambda c: ord(c) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(c) <= 0xFDEF
)
TEXT = st.text(CHARACTERS | st.sampled_from(' "%\\;,=\u202e'), min_size=1, max_size=20)
SOURCES = st.sampled_from(["/s", "urn:x:y", "https://example.com/a%20b?c#d", "//host/ü", "x"])
TIMES = st.sampled_from(["2026-01-02T03:04:05Z", "2026-01-02t03:04:05.123456789+00:00", "2016-12-31T18:29:60-05:30"])
NAMES = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12).filter(
    lambda name: (
        name not in {"id", "source", "type", "subject", "time", "data", "specversion", "datacontenttype", "dataschema"}
    )
)
JSON = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(st.none() | inner, max_size=3) | st.dictionaries(st.text(), st.none() | inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "\\ud" not in ascii(value))


def _opaque(data):
    try:
        load(data)
    except NotJson:
        return True
    return False


def _shapes():
    """Content types with data as decoding gives it: decoded JSON, or bytes that are not JSON; none where empty."""
    json_types = st.sampled_from(["application/json", "application/vnd.x_y+json", "Text/JSON; charset=utf-8"])
    others = st.sampled_from(["text/plain", "application/xml", "image/png", "text/plain; charset=latin-1"])
    filled = st.binary(min_size=1, max_size=20)
    return (
        st.tuples(json_types, st.none() | JSON | filled.filter(_opaque))
        | st.tuples(others, st.none() | filled | st.text(CHARACTERS, min_size=1).map(str.encode))
        | st.tuples(st.none(), st.none() | filled)
    )


@st.composite
def events(draw):
    """Any event that the specification allows."""
    content_type, data = draw(_shapes())
    return Event(
        id=draw(TEXT),
        source=draw(SOURCES),
        type=draw(TEXT),
        subject=draw(st.none() | TEXT),
        time=draw(st.none() | TIMES),
        datacontenttype=content_type,
        dataschema=draw(st.none() | st.just("https://example.com/schema")),
        extensions=draw(
            st.dictionaries(NAMES, st.just("") | TEXT | st.booleans() | st.integers(-(2**31), 2**31 - 1), max_size=3)
        ),
        data=data,
    )


def _read(message):
    headers, body = message
    return decode([(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()], body).events


def _told(event):
    """The event as the JSON format must tell it: without a type, it would say that the bytes are JSON (format §3.1)."""
    untyped = event.datacontenttype is None and event.data is not None
    return replace(event, datacontenttype="application/octet-stream") if untyped else event


def _as_text(value):
    return value if isinstance(value, str) else str(value).lower()


@given(events())
def test_structured_mode_keeps_everything(event):
    """Decoding what was encoded gives the event again, types of extensions included."""
    assert _read(to_structured(event)) == (_told(event),)


@given(events())
def test_binary_mode_keeps_everything_as_text(event):
    """The same in headers, where extensions have their canonical text (binding §3.1.3)."""
    texts = {name: _as_text(value) for name, value in event.extensions.items()}
    assert _read(to_binary(event)) == (replace(event, extensions=texts),)


@given(st.lists(events(), max_size=3))
def test_batched_mode_keeps_everything_in_order(batch):
    """A batch gives its events again, also an empty one."""
    assert _read(to_batch(batch)) == tuple(map(_told, batch))


@given(events())
def test_headers_are_printable_ascii(event):
    """No value can end a header, and sdk-go, which does not decode, sees no surprise beyond percent signs."""
    headers, _ = to_binary(event)
    for name, value in headers.items():
        assert value.isascii()
        assert value.isprintable()
        assert name == "content-type" or not set(' "') & set(value)


@given(events())
def test_the_stock_sdk_reads_what_we_write(event):
    """Another implementation sees the same id, source and type, in both modes."""
    event = replace(event, time=event.time and "2026-01-02T03:04:05Z")  # it knows no leap second
    for message in (to_binary(event), to_structured(event)):
        read = http.from_http_event(http.HTTPMessage(*message))
        assert (read.get_id(), read.get_source(), read.get_type()) == (event.id, event.source, event.type)


def test_binary_mode_says_that_data_is_json():
    """Lists, texts and booleans go out as JSON, not as Python shows them."""
    for data, body in (([1, "a"], b'[1,"a"]'), (True, b"true"), ("x", b'"x"'), ({"a": None}, b'{"a":null}')):
        headers, written = to_binary(
            Event(id="1", source="/s", type="t", datacontenttype="application/json", data=data)
        )
        assert written == body
        assert headers["content-type"] == "application/json"
        assert headers["ce-specversion"] == "1.0"


def test_textual_data_is_readable_in_an_envelope():
    """XML under its type stands as text, an image as base64 (JSON format §3.1.1)."""
    event = Event(id="1", source="/s", type="t", datacontenttype="application/xml", data=b"<a/>")
    assert envelope(event)["data"] == "<a/>"
    assert envelope(replace(event, datacontenttype="image/png"))["data_base64"] == "PGEvPg=="
    assert envelope(replace(event, data=b"\xff"))["data_base64"] == "/w=="


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "a\r\nx: y"},
        {"datacontenttype": "text/plain\r\nx: y"},
        {"source": "a b"},
        {"id": ""},
        {"time": "now"},
        {"extensions": {"My-Ext": "x"}},
        {"extensions": {"data": "x"}},
        {"extensions": {"x": 2**31}},
        {"extensions": {"specversion": "1.0"}},
        {"extensions": {"id": "other"}},
        {"subject": "\ud800"},
        {"data": {"a": 1}},
        {"data": {"a": 1j}, "datacontenttype": "application/json"},
    ],
    ids=str,
)
def test_what_is_no_event_is_not_written(change):
    """Our own error, in every mode, whatever is wrong; nothing of the SDK's comes through."""
    event = replace(Event(id="1", source="/s", type="t"), **change)
    for write in (to_binary, to_structured, lambda each: to_batch([each])):
        with pytest.raises(MalformedEvent):
            write(event)


def test_an_event_made_of_foreign_values_is_checked():
    """`check` gives back what may pass, and refuses the rest."""
    event = Event(id="1", source="/s", type="t")
    assert check(event) is event
    with pytest.raises(MalformedEvent, match="subject"):
        check(replace(event, subject="\x00"))


def test_the_sdk_is_loaded_with_the_first_emission_alone():
    """Start-up does not pay for it."""
    code = "import sys, webhook.events; raise SystemExit('cloudevents' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
