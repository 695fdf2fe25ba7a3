"""JSON at the door: strict, bounded, and never an exception but ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.json import MAX_DEPTH, NotJson, OutOfRange, TooDeep, dump, load, load_strict

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_what_is_written_is_read_again(value):
    """dump and load are inverse, strictly too."""
    assert load(dump(value)) == value
    assert load_strict(dump(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_refused(text):
    """Nothing but NotJson leaves the module."""
    for read in (load, load_strict):
        try:
            read(text)
        except NotJson:
            pass


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b'"\xff"',
        b'"\\ud800"',
        b"\xef\xbb\xbf{}",
        b"{'a':1}",
        b"[1,]",
        b"{} {}",
    ],
)
def test_what_is_no_json_text_is_refused(text):
    """RFC 8259 and strict UTF-8, no more."""
    with pytest.raises(NotJson) as caught:
        load(text)
    assert type(caught.value) is NotJson


@pytest.mark.parametrize("text", [b"1e400", b"[-1e999]", b'{"a": 1.0e309}', b"1" * 5000])
def test_a_number_that_cannot_be_held_is_told_from_what_is_no_json(text):
    """By the grammar it is a number; Python's floats and integers end before it."""
    with pytest.raises(OutOfRange):
        load(text)


@pytest.mark.parametrize("text", [b"1.7e308", b"1e-400", b"0e400", b"1" * 4000])
def test_a_number_at_the_edge_is_read(text):
    """What is too small is zero."""
    assert load(text) is not None


@pytest.mark.parametrize(("open_", "close"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_bounded(open_, close):
    """64 levels are taken, the next is refused, and a hundred thousand do no harm."""

    def nested(depth):
        return open_ * depth + b"1" + close * depth

    assert load(nested(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(NotJson):
            load(nested(depth))


@given(st.integers(0, 2 * MAX_DEPTH), st.integers(0, 2 * MAX_DEPTH), st.booleans(), st.text("[]{}x", max_size=100))
def test_only_depth_counts(objects, arrays, beside, text):
    """However many brackets there are, side by side and in texts: what is refused nests too deep, and all of that."""
    inner = json.dumps([text, [{} for _ in range(80)]] if beside else text)
    depth = objects + arrays + 2 * beside + beside
    whole = '{"a":' * objects + "[" * arrays + inner + "]" * arrays + "}" * objects
    for form in (whole, whole.encode()):
        if depth > MAX_DEPTH:
            with pytest.raises(TooDeep):
                load(form)
        else:
            assert load(form) == json.loads(whole)


def test_an_envelope_may_not_repeat_a_key():
    """Two ids in one envelope: which one was checked? Inside the data the last wins."""
    for text in (b'{"id":"1","id":"2"}', b'[{"id":"1"},{"id":"1","id":"1"}]'):
        with pytest.raises(NotJson, match="twice"):
            load_strict(text)
    assert load_strict(b'[{"id":"1"},{"id":"2","data":{"a":1,"a":2}}]') == [{"id": "1"}, {"id": "2", "data": {"a": 2}}]


def test_what_json_has_no_text_for_is_refused():
    """An object or a lone surrogate is no JSON."""
    for value in (object(), "\ud800"):
        with pytest.raises(NotJson):
            dump(value)
