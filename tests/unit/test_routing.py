"""Which definitions an event calls: filters as CloudEvents means them, an index that changes nothing."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.definitions import DefinitionSet, load, view
from webhook.definitions.filters import compile_filter, exact_texts, prefix_texts
from webhook.definitions.model import Filter
from webhook.events import Arrival, Event
from webhook.routing import explain, match
from webhook.templates import EvaluationFailed, compile_expression

SPEC = "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {}}}}"


@pytest.fixture
def definitions(tmp_path):
    """Definitions of rules, given as YAML by name."""

    def definitions(**rules):
        text = "---\n".join(f'name: {name}\non: [{rule}]\nspec: "{SPEC}"\n' for name, rule in rules.items())
        (tmp_path / "a.yaml").write_text(text)
        return load(tmp_path)

    return definitions


def arrival(via="events", **attributes):
    event = Event(**{"id": "1", "source": "/s", "type": "t", **attributes})
    return Arrival(event=event, via=via, identity="1", received=datetime(2026, 1, 31, tzinfo=UTC))


def called(definitions, **attributes):
    routed = match(definitions, arrival(**attributes))
    return [definition.name for definition in routed.definitions]


@pytest.mark.parametrize(
    ("rule", "attributes", "takes"),
    [
        ("{type: t}", {}, True),
        ("{type: T}", {}, False),
        ("{type: {exact: t}}", {}, True),
        ("{source: {prefix: /}}", {}, True),
        ("{source: {suffix: s}}", {}, True),
        ("{source: {suffix: x}}", {}, False),
        ("{type: {any: [a, t]}}", {}, True),
        ("{type: {any: [a, b]}}", {}, False),
        ("{type: {all: [{prefix: t}, {not: tt}]}}", {}, True),
        ("{type: {not: t}}", {}, False),
        ("{subject: x}", {}, False),
        ("{subject: {prefix: x}}", {}, False),
        ("{subject: {not: x}}", {}, True),
        ("{subject: {not: {prefix: x}}}", {"subject": "y"}, True),
        ("{tenant: acme}", {"extensions": {"tenant": "acme"}}, True),
        ("{tenant: acme}", {}, False),
        ("{flag: 'true', n: '5'}", {"extensions": {"flag": True, "n": 5}}, True),
        ("{id: '1'}", {}, True),
        ("{via: events}", {}, True),
        ("{via: github}", {}, False),
        ("{via: github}", {"via": "github"}, True),
        ("{type: t, source: /x}", {}, False),
        ("{type: t, when: event.data.a == 1}", {"data": {"a": 1}}, True),
        ("{type: t, when: event.data.a == 1}", {"data": {"a": 2}}, False),
        ("{type: t, when: event.tenant == 'a'}", {"extensions": {"tenant": "a"}}, True),
        ("{type: t, when: event.subject}", {}, False),
        ("{type: t, when: event.data == 'text'}", {"data": b"text", "datacontenttype": "text/plain"}, True),
        ("{type: t, when: event.data == '/w=='}", {"data": b"\xff", "datacontenttype": "x/y"}, True),
        ("{type: x}, {type: t}", {}, True),
    ],
)  # fmt: skip
def test_a_rule_takes_an_event(definitions, rule, attributes, takes):
    """Each filter alone, on attributes that are there and on some that are not."""
    assert called(definitions(a=rule), **attributes) == (["a"] if takes else [])


def test_a_when_that_fails_is_no_match_and_is_told(definitions):
    """The other rules and definitions are asked all the same."""
    found = definitions(
        a="{type: t, when: event.data.x > 1}, {type: t, source: /s}", b="{type: t, when: event.data.x}", c="{type: t}"
    )
    routed = match(found, arrival(data={}))
    assert [definition.name for definition in routed.definitions] == ["a", "c"]
    assert [(error.definition, error.rule) for error in routed.errors] == [("a", 0), ("b", 0)]
    assert all("not there" in error.reason for error in routed.errors)


def test_a_definition_is_called_once(definitions):
    """Two rules that take the same event make one Job."""
    assert called(definitions(a="{type: t}, {source: /s}")) == ["a"]


def test_an_explanation_asks_every_condition(definitions):
    """Also after one that does not hold, with what was found."""
    (definition,) = definitions(a="{type: x, subject: y, when: event.data.a}, {type: t}")
    told = [(asked.rule, asked.condition, asked.holds, asked.found) for asked in explain(definition, arrival(data={}))]
    assert told == [
        (0, "type: x", False, "t"),
        (0, "subject: y", False, None),
        (0, "when: event.data.a", False, "event.data.a is not there"),
        (1, "type: t", True, "t"),
    ]


def test_a_submit_only_definition_is_never_called(tmp_path):
    """Without `on`, no event calls it."""
    (tmp_path / "a.yaml").write_text(f'name: a\nspec: "{SPEC}"\n')
    assert called(load(tmp_path)) == []


TEXTS = st.sampled_from(["a", "b", "ab", "ba"])
FILTERS = st.recursive(
    TEXTS | st.builds(lambda kind, text: {kind: text}, st.sampled_from(["exact", "prefix", "suffix"]), TEXTS),
    lambda inner: (
        st.builds(
            lambda kind, parts: {kind: parts}, st.sampled_from(["any", "all"]), st.lists(inner, min_size=1, max_size=3)
        )
        | st.builds(lambda part: {"not": part}, inner)
    ),
    max_leaves=5,
)


def means(written, value):
    """The meaning of a filter, written out once more."""
    if isinstance(written, str):
        return value == written
    ((kind, operand),) = written.items()
    if kind in {"any", "all"}:
        return {"any": any, "all": all}[kind](means(part, value) for part in operand)
    if kind == "not":
        return not means(operand, value)
    return value is not None and {"exact": value.__eq__, "prefix": value.startswith, "suffix": value.endswith}[kind](
        operand
    )


@given(written=FILTERS, value=st.none() | TEXTS | st.just("c"))
def test_a_filter_means_what_it_says(written, value):
    """Compiled filters agree with their meaning, and the index lists no text too few."""
    condition = written if isinstance(written, str) else Filter.model_validate(written)
    assert compile_filter(condition)(value) == means(written, value)
    texts, beginnings = exact_texts(condition), prefix_texts(condition)
    assert texts is None or not means(written, value) or value in texts
    assert beginnings is None or not means(written, value) or value.startswith(tuple(beginnings))


@settings(max_examples=50, deadline=None)
@given(
    rules=st.lists(st.lists(st.tuples(FILTERS, st.none() | FILTERS), min_size=1, max_size=2), min_size=1, max_size=6),
    kind=TEXTS,
    source=TEXTS,
)
def test_the_index_changes_nothing(tmp_path_factory, rules, kind, source):
    """Asking the candidates finds the same definitions, in the same order, as asking all."""
    folder = tmp_path_factory.mktemp("rules")
    for number, filters in enumerate(rules):
        on = ", ".join(
            str({"type": asked} if of is None else {"type": asked, "source": of}).replace("'", '"')
            for asked, of in filters
        )
        (folder / f"{number}.yaml").write_text(f"name: d{number}\non: [{on}]\nspec: '{SPEC}'\n")
    expected = [
        f"d{number}"
        for number, filters in enumerate(rules)
        if any(means(asked, kind) and (of is None or means(of, source)) for asked, of in filters)
    ]
    assert called(load(folder), type=kind, source=source) == expected


WANTED = st.sampled_from(["'a'", "'b'", "''", "1", "none"])
PATHS = st.sampled_from(["event.data.x", "event.data.y", "event['data'].x.y", "event.type", "event.subject"])
COMPARED = st.one_of(
    st.builds("{} == {}".format, PATHS, WANTED),
    st.builds("{} != {}".format, PATHS, WANTED),
    st.builds("{} in [{}, {}]".format, PATHS, WANTED, WANTED),
    st.builds("{} in ({})".format, PATHS, WANTED),
    st.builds("{} not in [{}]".format, PATHS, WANTED),
    st.builds("{} in []".format, PATHS),
    st.builds("{} == {} == {}".format, PATHS, WANTED, WANTED),
    PATHS,
)
WHENS = st.recursive(
    COMPARED,
    lambda inner: (
        st.builds("({} and {})".format, inner, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("(not {})".format, inner)
    ),
    max_leaves=4,
)
VALUES = st.sampled_from(["a", "b", "", 1, None, ["a"], {"y": "a"}])


@settings(max_examples=150, deadline=None)
@given(
    whens=st.lists(WHENS, min_size=1, max_size=6),
    data=st.dictionaries(st.sampled_from("xy"), VALUES) | st.sampled_from(["a", None, ["a"]]),
)
def test_finding_rules_by_what_their_whens_want_changes_nothing(tmp_path_factory, whens, data):
    """Those that hold and those that fail are what evaluating every `when` finds, in order."""
    folder = tmp_path_factory.mktemp("whens")
    for number, when in enumerate(whens):
        (folder / f"{number}.yaml").write_text(f'name: d{number}\non: [{{type: t, when: "{when}"}}]\nspec: "{SPEC}"\n')
    event = arrival(data=data)
    held, failed = [], []
    for number, when in enumerate(whens):
        try:
            if compile_expression(when).holds({"event": view(event.event)}):
                held.append(f"d{number}")
        except EvaluationFailed as error:
            failed.append((f"d{number}", str(error)))
    routed = match(load(folder), event)
    assert [definition.name for definition in routed.definitions] == held
    assert [(error.definition, error.reason) for error in routed.errors] == failed


def test_one_condition_is_asked_once_for_an_event(definitions):
    """However many definitions share it, also where it fails: each of them is told."""
    found = definitions(**{f"d{number}": "{type: t, when: event.data.a == event.data.b}" for number in range(3)})
    assert called(found, data={"a": 1, "b": 1}) == ["d0", "d1", "d2"]
    routed = match(found, arrival(data={"a": 1}))
    assert [error.definition for error in routed.errors] == ["d0", "d1", "d2"]


def test_the_conditions_of_all_definitions_are_bounded_together(definitions):
    """Definitions that each ask something large of one event cannot stop the process; the first ones are answered."""
    when = "\"event.data | select('!=', {}) | list | length > 0\""
    found = definitions(**{f"d{number}": "{type: t, when: " + when.format(number) + "}" for number in range(20)})
    routed = match(found, arrival(data=["x"] * 250_000))
    assert 1 < len(routed.definitions) < 20
    assert len(routed.definitions) + len(routed.errors) == 20
    assert "all definitions" in routed.errors[-1].reason


def test_a_set_knows_its_names(definitions):
    """By name, in order, and with a digest of all."""
    found = definitions(b="{type: t}", a="{type: t}")
    assert found.names == ("b", "a")
    assert found.get("a").name == "a"
    assert found.get("c") is None
    assert DefinitionSet(found.definitions).digest == found.digest != DefinitionSet().digest
