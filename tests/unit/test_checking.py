"""What a check finds, where, and what it says to do."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.checking import Doors, Severity, check
from webhook.checking.fragment import differences
from webhook.checking.satisfiable import satisfiable
from webhook.definitions.filters import compile_filter
from webhook.definitions.model import Filter
from webhook.errors import DefinitionError

JOB = """\
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      spec:
        restartPolicy: Never
        containers:
          - {name: main, image: busybox, args: ["{{ event.data.a }}"]}
"""
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"a": "x"}}


@pytest.fixture
def checked(tmp_path):
    """Check definitions of these texts, with these sample events."""

    def run(*texts, doors=None, **events):
        for number, text in enumerate(texts):
            (tmp_path / f"{number}.yaml").write_text(text)
        (tmp_path / "samples").mkdir(exist_ok=True)
        for name, event in events.items():
            text = event if isinstance(event, str) else json.dumps(EVENT | event)
            (tmp_path / "samples" / f"{name}.json").write_text(text)
        return check(tmp_path, doors=doors)

    return run


def only(found):
    """The one finding."""
    assert len(found.findings) == 1, [str(each) for each in found.findings]
    return found.findings[0]


def test_the_examples_are_well(project):
    """Every definition that the project ships, with its own tests."""
    found = check(project / "definitions")
    assert found.findings == ()
    assert (found.definitions, len(found.trials)) == (3, 4)


def test_a_missing_folder_is_said(tmp_path):
    """With a remedy, as the receiver does."""
    with pytest.raises(DefinitionError, match="no such folder"):
        check(tmp_path / "none")


def test_everything_that_is_wrong_is_found_at_once(checked):
    """Keys, templates, policy, scripts, duplicate names: each in its place, and the good ones are still tested."""
    script = JOB.replace('args: ["{{ event.data.a }}"]', 'command: [sh, -c, "echo {{ event.data.a }}"]')
    policy = JOB.replace("image: busybox", 'image: "{{ event.data.a }}"')
    found = checked(
        f"name: a\nonn: []\n{JOB}",
        f"name: b\n{script}",
        f"name: c\n{policy}",
        f"name: good\non: [{{type: t}}]\ntests: [{{event: samples/e.json, expect: {{kind: Pod}}}}]\n{JOB}",
        f"name: good\n{JOB}",
        f"name: d\nparams: {{x: {{default: a, pattern: '('}}}}\n{JOB.replace('event.data.a', 'y')}",
        f"name: e\n{JOB.replace('{{', '{{{')}",
        e={},
    )
    said = [str(each) for each in found.findings]
    assert any("onn is no key here; did you mean on?" in text and "0.yaml:2:1: " in text for text in said)
    assert any("1.yaml:10:" in text and 'in args, and write "$1" there' in text for text in said)
    assert any("2.yaml:10:" in text and "allow: [image]" in text for text in said)
    assert any("3.yaml:3:" in text and "kind is Job, not Pod" in text for text in said)
    assert any("4.yaml:1:1: the name good is taken by" in text for text in said)
    assert any("5.yaml:2:" in text and "pattern" in text for text in said)
    assert any("there is no parameter y" in text for text in said)
    assert any("6.yaml:" in text for text in said)
    assert found.errors == len(said)
    assert [each.file for each in found.findings] == sorted(each.file for each in found.findings)


NEVER = {
    "two exact texts": "{type: {all: [a, b]}}",
    "an exact text without its prefix": "{type: {all: [a, {prefix: b}]}}",
    "two prefixes": "{type: t, source: {all: [{prefix: /a}, {prefix: /b}]}}",
    "a text and its contrary": "{type: {all: [a, {not: a}]}}",
    "a prefix and its contrary": "{type: {all: [{prefix: ab}, {not: {prefix: a}}]}}",
    "an attribute that rules do not see": '{type: t, specversion: "1.0"}',
    "data as an attribute": "{type: t, data: x}",
    "a source that is no URI": '{type: t, source: "https://github.com/acme site"}',
    "a when without an event": '{type: t, when: "1 == 2"}',
    "a when that always fails": '{type: t, when: "1 / 0"}',
    "a completion that is never sent": "{type: dev.jobhook.job.finished.v1}",
    "a step that is none": "{type: com.github.push, via: jobs}",
    "a pull request without an action": "{type: com.github.pull_request}",
}


@pytest.mark.parametrize("rule", NEVER.values(), ids=NEVER)
def test_a_rule_that_can_never_match_is_an_error(checked, rule):
    """In its place, with what to do."""
    found = only(checked(f"name: a\non:\n  - {rule}\n{JOB}"))
    assert found.message.startswith("the rule can never match: ")
    assert found.severity is Severity.ERROR
    assert (found.line, bool(found.remedy)) == (3, True)


@pytest.mark.parametrize(
    "rule",
    [
        "{type: com.github.push, via: github}",
        "{type: {any: [com.github.pull_request.opened, {prefix: com.github.pull_request.}]}}",
        "{type: dev.jobhook.job.succeeded.v1, via: jobs}",
        "{type: t, source: {all: [{prefix: /a}, {prefix: /ab}, {suffix: c}, {not: {suffix: bc}}]}}",
        '{type: t, extensions: x, when: "event.data.x"}',
        "{type: t, time: '2026-01-31T00:00:00Z'}",
        "{type: com.github.delivery}",
    ],
)
def test_a_rule_that_can_match_is_left_alone(checked, rule):
    """No finding at all."""
    assert checked(f"name: a\non: [{rule}]\n{JOB}").findings == ()


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("[{type: t}, {type: t}]", "the same as rule 1"),
        ('[{type: t, when: "1 == 1"}]', "when holds for every event"),
        ("[{type: com.github.pushes}]", "did you mean com.github.push?"),
        ("[{type: {any: [com.github.pull_request, com.github.pull_request.opened]}}]", "end with an action"),
    ],
)
def test_what_is_hardly_meant_is_a_warning(checked, rules, says):
    """It is said, and is no error."""
    checked = checked(f"name: a\non: {rules}\n{JOB}")
    assert checked.errors == 0
    assert says in str(only(checked))
    assert ": warning: " in str(only(checked))


DOORS = Doors(config="jobhook.yaml", sources=frozenset({"github", "shop"}))


@pytest.mark.parametrize(
    ("via", "says"),
    [
        ("gitub", ["jobhook.yaml declares no source gitub; did you mean github?"]),
        ("event", ["jobhook.yaml declares no source event; did you mean events?"]),
        ("acme", ["no source acme; declare it under sources, or write one of github, shop, events, jobs"]),
        ("{any: [github, acme, zeta]}", ["no source acme; declare", "no source zeta; declare"]),
        ("{prefix: git-}", ["no door of jobhook.yaml satisfies prefix git-; there are github, shop, events, jobs"]),
        ("{all: [{prefix: s}, {not: shop}]}", ["no door of jobhook.yaml satisfies all of (prefix s, not (shop))"]),
    ],
)
def test_a_via_at_which_no_door_opens_is_a_warning(checked, via, says):
    """In its place, with the doors that there are; where no configuration is known, any name may be a source's."""
    text = f"name: a\non:\n  - type: t\n    via: {via}\n{JOB}"
    found = checked(text, doors=DOORS)
    assert [each.severity for each in found.findings] == [Severity.WARNING] * len(says)
    for each, words in zip(found.findings, says, strict=True):
        assert words in str(each)
        assert (each.line, each.column) == (4, 5)
    assert checked(text).findings == ()


@pytest.mark.parametrize(
    "via", ["github", "events", "{any: [github, events]}", "{prefix: git}", "{not: gitub}", "{suffix: op}"]
)
def test_a_via_at_which_a_door_opens_is_left_alone(checked, via):
    """Declared sources, and the two doors that every receiver has."""
    assert checked(f"name: a\non: [{{type: t, via: {via}}}]\n{JOB}", doors=DOORS).findings == ()
    completed = f"name: a\non: [{{type: dev.jobhook.job.failed.v1, via: jobs}}]\n{JOB}"
    assert checked(completed, doors=DOORS).findings == ()


def test_the_older_form_warns_of_what_only_it_lets_in(checked):
    """Image and command from values, said for each."""
    template = JOB.replace("image: busybox, args", 'image: "{{ image }}", command: [a, "{{ b }}"], args').replace(
        "event.data.a", "a"
    )
    listed = "- name: old\n  " + template.replace("\n", "\n  ")
    found = checked(listed)
    assert [each.severity for each in found.findings] == [Severity.WARNING]
    assert "image" in str(found.findings[0])


def test_a_template_in_a_config_map_is_not_looked_at_without_a_cluster(checked):
    """It is said, and is no error."""
    found = checked("name: a\nspec_config_map_name: m\nspec_config_map_namespace: n\n", f"name: b\n{JOB}")
    assert found.definitions == 1
    assert "ConfigMap n/m, which was not looked at; use --cluster" in str(only(found))
    assert found.errors == 0


def with_test(text):
    return f"name: a\non: [{{type: t}}]\ntests:\n  - {text}\n{JOB}"


@pytest.mark.parametrize(
    ("test", "event", "says"),
    [
        ("{event: samples/none.json, expect: none}", {}, "none.json: cannot be read: No such file"),
        ("{event: samples/e.json, expect: none}", "{", "is no JSON text"),
        ("{event: samples/e.json, expect: none}", '{"ref": "refs/heads/main"}', "'id' is missing"),
        ("{event: samples/e.json, expect: none}", {}, "takes the event, and the test expects none"),
        ("{event: samples/e.json, expect: {}}", {"type": "u"}, "does not take the event: rule 1: type: t (it is u)"),
        ("{event: samples/e.json, expect: {}}", {"data": {}}, "the event is refused: a: "),
        ("{event: samples/e.json, expect: {spec: {completions: 1}}}", {}, "spec.completions is missing"),
        ("{event: samples/e.json, expect: {kind: Pod}}", {}, "kind is Job, not Pod"),
    ],
)
def test_a_definitions_own_test_that_fails_is_an_error(checked, test, event, says):
    """At the test's own line, with what was found."""
    found = only(checked(with_test(test), e=event))
    assert says in found.message
    assert found.message.startswith("test 1: ")
    assert found.line == 4


def test_a_definitions_own_tests_that_hold_say_nothing(checked):
    """A fragment, and one that is not to be taken; by whichever door the rules name."""
    good = "{event: samples/e.json, expect: {spec: {template: {spec: {containers: [{args: [x]}]}}}}}"
    assert checked(with_test(good), e={}).findings == ()
    assert checked(with_test("{event: samples/e.json, expect: none}"), e={"type": "u"}).findings == ()
    via = with_test(good).replace("{type: t}", "{type: t, via: {any: [a, b]}}")
    assert checked(via, e={}).findings == ()


@pytest.mark.parametrize(
    ("whole", "fragment", "found"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, []),
        ({"a": {"b": [1, {"c": 2, "d": 3}]}}, {"a": {"b": [1, {"c": 2}]}}, []),
        ({"a": [1]}, {"a": [1, 2]}, ["a has 1 items, not 2"]),
        ({"a": 1}, {"b": 1}, ["b is missing"]),
        ({"a": 1}, {"a": True}, ["a is 1, not true"]),
        ({"a": "1"}, {"a": 1}, ["a is 1, not 1"]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 2, "c": 3}}, ["a.b is 1, not 2", "a.c is 2, not 3"]),
        ({"a": 1}, {"a": {"b": 1}}, ['a is 1, not {"b":1}']),
    ],
)
def test_a_fragment_is_looked_for_key_by_key(whole, fragment, found):
    """What is not in the fragment does not count."""
    assert list(differences(whole, fragment)) == found


TEXTS = st.text(alphabet="ab", min_size=1, max_size=3)
LEAVES = TEXTS | st.builds(
    lambda kind, text: Filter(**{kind: text}), st.sampled_from(["exact", "prefix", "suffix"]), TEXTS
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda items: Filter(any=items))
        | st.lists(inner, min_size=1, max_size=3).map(lambda items: Filter(all=items))
        | inner.map(lambda item: Filter(**{"not": item}))
    ),
    max_leaves=6,
)
EVERY = ["", *("".join(text) for size in range(1, 8) for text in itertools.product("abc", repeat=size))]


@given(FILTERS)
def test_a_filter_is_satisfiable_if_some_text_satisfies_it(condition):
    """Against every text of three letters up to seven long, which is more than these filters can tell apart."""
    holds = compile_filter(condition)
    assert satisfiable(condition) == any(holds(text) for text in EVERY)


def test_a_filter_of_too_many_cases_is_taken_for_satisfiable():
    """A check must end, whatever is written."""
    wide = Filter(any=[f"a{number}" for number in range(20)])
    assert satisfiable(Filter(all=[wide, wide, wide, "b"]))


def test_what_only_looks_like_a_definitions_file_is_a_warning(tmp_path):
    """A link to nothing, and a folder, are passed over; whoever waits for them is told."""
    (tmp_path / "a.yaml").symlink_to("nowhere")
    (tmp_path / "b.yaml").mkdir()
    (tmp_path / ".c.yaml").symlink_to("nowhere")
    (tmp_path / "samples").mkdir()
    found = check(tmp_path)
    assert found.errors == 0
    assert [str(each).removeprefix(f"{tmp_path}/") for each in found.findings] == [
        "a.yaml: warning: passed over: a link to nothing: nowhere; make what it names, or remove the link",
        "b.yaml: warning: passed over: a folder, which is not looked into; "
        "move its files one up, or take the suffix off its name",
    ]
