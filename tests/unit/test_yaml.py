"""YAML, strictly: what is refused, what a plain scalar is, and where things stand."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook import yaml
from webhook.yaml import NotYaml


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2", "occurs twice"),
        ("a: &x 1", "anchors"),
        ("a: *x", "alias"),
        ("a: !!python/object:os.system x", "tags"),
        ("a: !custom x", "tags"),
        ("<<: {a: 1}", "merge"),
        ("? [a]\n: 1", "must be a text"),
        ("a: [", "flow"),
        ("%YAML 1.1\n---\na: 1", "directives"),
        ("[" * 80 + "]" * 80, "deep"),
        ("[" * 50_000, "deep"),
        ("a: .inf", "JSON"),
        ("a: 'x\x00'", "not allowed"),
        ("", "nothing"),
        ("a: 1\n---\nb: 2", "second document"),
    ],
)
def test_the_strict_kind_has_no_more_than_json_could_say(text, problem):
    """Whatever could hide or repeat something is refused with its place."""
    with pytest.raises(NotYaml, match=problem):
        yaml.value(yaml.document(text))


def test_an_error_names_its_place():
    """Line and column count from one."""
    with pytest.raises(NotYaml) as caught:
        yaml.document("a: 1\nb:\n  c: 1\n  c: 2\n")
    assert (caught.value.line, caught.value.column) == (4, 3)


def test_plain_scalars_have_types_and_quoted_ones_are_text():
    """YAML 1.2's core schema, with Kubernetes' octal: `on` and `no` are words."""
    text = "[on, no, yes, true, ~, 1, '1', 0644, 0x10, 1.5, 1e3, 08, 2026-01-01, +1, .5, 1_000, \"~\"]"
    expected = ["on", "no", "yes", True, None, 1, "1", 420, 16, 1.5, 1000.0, "08", "2026-01-01", 1, 0.5, "1_000", "~"]
    assert yaml.value(yaml.document(text)) == expected


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(JSON)
def test_json_is_read_as_json(value):
    """A file in JSON means what it means as JSON."""
    assert yaml.value(yaml.document(json.dumps(value, ensure_ascii=False))) == value


@given(JSON)
def test_what_is_dumped_is_read_again(value):
    """dump writes what the strict reader takes, unless YAML 1.1 and 1.2 differ on an unquoted word."""
    assert yaml.value(yaml.document(yaml.dump(value))) == value


@given(st.text(max_size=80))
def test_any_text_is_yaml_or_refused(text):
    """Nothing but NotYaml leaves the module."""
    try:
        for node in yaml.documents(text):
            yaml.value(node)
    except NotYaml:
        pass


def test_places_are_found_by_path():
    """An error about a key points at that key, one about something missing at what should hold it."""
    node = yaml.document("on:\n  - type: x\n    when: y\nname: z\n")
    assert yaml.locate(node, ("on", 0, "when")) == (3, 5)
    assert yaml.locate(node, ("on", 0, "missing")) == (2, 5)
    assert yaml.locate(node, ("name",)) == (4, 1)
