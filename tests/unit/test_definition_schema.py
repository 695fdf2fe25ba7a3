"""The published JSON Schema and the parser: one accepts and refuses what the other does."""

import copy
import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook import yaml
from webhook.definitions.compiling import validate
from webhook.definitions.files import Entry
from webhook.definitions.model import NOT_YET, Document
from webhook.definitions.schema import definition_schema
from webhook.errors import DefinitionError

SCHEMA = definition_schema()
VALID = jsonschema.Draft202012Validator(SCHEMA)

WHOLE = {
    "name": "build",
    "description": "Build.",
    "on": [
        {
            "type": "com.github.push",
            "via": {"any": ["github", {"prefix": "gh-"}]},
            "source": {"prefix": "https://github.com/acme/"},
            "subject": {"not": {"suffix": "-wip"}},
            "tenant": {"all": [{"exact": "a"}, "a"]},
            "when": 'event.data.ref == "refs/heads/main"',
        },
        {"type": {"exact": "x"}},
    ],
    "params": {
        "commit": {"from": "event.data.after", "pattern": "[0-9a-f]{40}", "max_length": 40},
        "image": {"default": "x", "description": "Which.", "type": "string", "enum": ["x", 1, True, 0.5]},
        "tag": {"required": False, "type": "json"},
    },
    "retention": {"succeeded": "1h", "failed": "7d", "cancelled": "1h30m"},
    "event": "file",
    "allow": ["image", "securityContext"],
    "labels": {"team": "a", "acme.example/x": ""},
    "annotations": {"note": "what $it is"},
    "spec": "apiVersion: batch/v1",
    "tests": [{"event": "a.json", "expect": "none"}, {"event": "b.json", "expect": {"metadata": {}}}],
}
LISTED = [
    {"name": "Old.One", "spec": "x"},
    {"name": "b", "spec_path": "x"},
    {"name": "c", "spec_config_map_name": "m", "spec_config_map_namespace": "n"},
]


def accepted(document):
    """Whether the parser takes the shape of a document; of a list, of each entry."""
    try:
        node = yaml.document(json.dumps(document))
    except yaml.NotYaml:
        return False
    ancestor = isinstance(node, yaml.Sequence)
    try:
        for entry in node.items if ancestor else [node]:
            if not isinstance(entry, yaml.Mapping):
                return False
            validate(Entry("x.yaml", None, entry, (), ancestor=ancestor))
    except DefinitionError:
        return False
    return True


def changed(path, value):
    """The whole example with something else at a place."""
    document = copy.deepcopy(WHOLE)
    at = document
    for step in path[:-1]:
        at = at[step]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return document


def places(node, path=()):
    """Every place of the example."""
    if path:
        yield path
    if isinstance(node, dict | list):
        for key, item in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places(item, (*path, key))


ODD = (..., None, "", "x", "a-b", "A B", "{{ x }}", "7d", "7", "-1h", 0, 1, -1, 1.5, True, False, [], ["x"], [1], [None],
       {}, {"x": "y"}, {"exact": "x"}, {"exact": "x", "prefix": "y"}, {"exact": None}, {"not": "x"}, {"any": []},
       {"from": "x"}, {"event": "x", "expect": "none"}, [{}], [{"type": "x"}], [{"type": None}], [{"event": "x"}],
       {"jobhook.dev/x": "y"}, {"a b": "c"}, {"loop": {}}, {"a-b": {}}, "none", "file", "image", "x" * 64, "x" * 63)  # fmt: skip


def test_the_published_file_is_current(project):
    """`jobhook schema > docs/definition.schema.json` makes it anew."""
    assert json.loads((project / "docs/definition.schema.json").read_text()) == SCHEMA


def test_it_is_a_schema():
    """By the meta-schema of its draft."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_field_is_described():
    """In all shapes, so that editors can say what each is for."""
    for name, shape in SCHEMA["$defs"].items():
        assert shape.get("description") or name == "Listed", name
        for key, field in shape.get("properties", {}).items():
            assert field.get("description"), (name, key)


def test_every_key_is_in_it():
    """What the model knows, and nothing that is not built yet."""
    keys = {field.alias or name for name, field in Document.model_fields.items()}
    assert set(SCHEMA["$defs"]["Definition"]["properties"]) == keys
    assert not keys & set(NOT_YET)


@pytest.mark.parametrize("document", [WHOLE, LISTED, [], *(LISTED[:1] * n for n in (1, 2))])
def test_what_is_right_is_right_for_both(document):
    """The corpus begins with definitions that use every key."""
    assert accepted(document)
    VALID.validate(document)


@pytest.mark.parametrize("path", list(places(WHOLE)), ids=lambda path: ".".join(map(str, path)))
def test_they_agree_on_every_slip(path):
    """Each place of a whole definition, changed in each of many ways."""
    for value in ODD:
        document = changed(path, value)
        assert VALID.is_valid(document) == accepted(document), (path, value)


@pytest.mark.parametrize("key", ["spec", "spec_path", "spec_config_map_name", "spec_config_map_namespace"])
@pytest.mark.parametrize("other", ["spec", "spec_path", "spec_config_map_name", "spec_config_map_namespace"])
@pytest.mark.parametrize("value", ["x", None])
def test_they_agree_on_the_template(key, other, value):
    """Exactly one place for it, in both forms."""
    for document in ({"name": "a", key: "x"} | {other: value}, [{"name": "a", key: "x"} | {other: value}]):
        assert VALID.is_valid(document) == accepted(document), document


@pytest.mark.parametrize("key", ["concurrency", "start_deadline", "specs", "On", "schedule"])
def test_they_agree_on_unknown_keys(key):
    """Also on those that are not built yet."""
    document = WHOLE | {key: "x"}
    assert not VALID.is_valid(document)
    assert not accepted(document)


TEXTS = st.text(alphabet="ab{}%./-_A1 ", max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | TEXTS | st.sampled_from(["image", "file", "1h", "loop"])
KEYS = st.sampled_from(["exact", "prefix", "any", "all", "not", "type", "when", "from", "default", "name", "x", "a b"])
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(sorted(places(WHOLE), key=str)), value=TREES)
def test_they_agree_on_anything(path, value):
    """The law: whatever stands anywhere, both take the definition, or neither does."""
    document = changed(path, value)
    assert VALID.is_valid(document) == accepted(document)


def test_the_examples_name_it_and_keep_it(project):
    """Each example names the schema by a path that leads there, and every document of it is valid."""
    files = sorted((project / "definitions").glob("*.yaml"))
    assert files
    for file in files:
        first = file.read_text().splitlines()[0]
        _, _, named = first.partition("# yaml-language-server: $schema=")
        assert (file.parent / named).resolve() == (project / "docs/definition.schema.json").resolve()
        for node in yaml.documents(file.read_text()):
            VALID.validate(yaml.value(node))
