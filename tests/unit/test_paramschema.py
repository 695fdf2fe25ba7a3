"""The JSON Schema of a definition's parameters."""

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.definitions import load
from webhook.definitions.paramschema import params_schema
from webhook.errors import ValueRefused
from webhook.rendering.params import from_submit

PARAMS = """
  any: {required: false}
  text: {type: string, pattern: "[a-z]{1,3}", required: false}
  short: {max_length: 2, required: false}
  integer: {type: integer, default: 7}
  number: {type: number, required: false}
  boolean: {type: boolean, required: false}
  anything: {type: json, required: false}
  one_of: {enum: [a, 1], required: false}
  level: {type: integer, enum: [1, 2], required: false}
  letter: {type: string, enum: ["1", x], required: false}
  strange: {pattern: "(?i)a+", required: false, description: In any case.}
  needed: {pattern: "[0-9a-f]+"}
"""
NAMES = [line.split(":")[0].strip() for line in PARAMS.strip().splitlines()]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["a", "abc", "abcd", "A", "1", "true", "1.5", "", "x", "0f"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=2),
)


@pytest.fixture(scope="module")
def definition(tmp_path_factory):
    """One with a parameter of every kind."""
    folder = tmp_path_factory.mktemp("definitions")
    job = "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {restartPolicy: Never, containers: []}}}}"
    (folder / "all.yaml").write_text(f'name: all\nparams:{PARAMS}spec: "{job}"\n')
    return load(folder).get("all")


@pytest.mark.parametrize("name", [*NAMES, "unknown"])
@settings(max_examples=200)
@given(value=VALUES)
def test_what_the_schema_refuses_a_submit_refuses(definition, name, value):
    """A client may check before it sends, and is never held back from what would be taken."""
    given_ = {"needed": "0f", name: value}
    schema = params_schema(definition)
    if not jsonschema.Draft202012Validator(schema).is_valid(given_):
        with pytest.raises(ValueRefused):
            from_submit(definition, given_)


def test_the_schema_says_what_it_can(definition):
    """Types, patterns, enums, defaults and what is needed; a pattern of another dialect in words."""
    schema = params_schema(definition)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["needed"]
    properties = schema["properties"]
    assert properties["needed"]["pattern"] == "^(?:[0-9a-f]+)$"
    assert properties["integer"]["default"] == 7
    assert properties["one_of"] == {"enum": ["a", 1, None]}
    assert "pattern" not in properties["strange"]
    assert properties["strange"]["description"] == "In any case. The whole text matches (?i)a+ (Rust's regex)."
