"""The sandbox: what may be written, what it answers, and that nothing gets out of it or out of bounds."""

import pytest

from webhook.templates import (
    Absent,
    Broken,
    EvaluationFailed,
    JsonList,
    JsonMapping,
    NotTemplate,
    Quoted,
    compile_expression,
    compile_template,
    holds_token,
    opt_in,
    split,
)

EVENT = {
    "event": {
        "type": "t",
        "time": "2026-01-31T02:00:00Z",
        "subject": None,
        "data": {"ref": "refs/heads/main", "n": 5, "items": [1, 2], "text": "a b", "files": ["x", "y z"], "none": None},
    },
    "hostile": "'; rm -rf / #",
    "many": list(range(200_000)),
}


def evaluate(source):
    return compile_expression(source).evaluate(EVENT)


def render(source):
    return compile_template(source).render(EVENT)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("event.data.ref", "refs/heads/main"),
        ("event['data']['ref']", "refs/heads/main"),
        ("event.data.items", [1, 2]),
        ("event.data.items[0]", 1),
        ("event.data.items[-1]", 2),
        ("event.data.ref[11:]", "main"),
        ('event.data.ref == "refs/heads/main" and event.data.n > 4', True),
        ('event.data.ref is startingwith "refs/heads/"', True),
        ('event.data.ref is endingwith "/main" and event.data.n is not startingwith "x"', True),
        ('"main" in event.data.ref', True),
        ('event.data.a.b.c | default("x")', "x"),
        ('event.data.none | default("x")', "x"),
        ("event.data.a is defined or event.data.n is number", True),
        ('event.data.ref | split("/") | last', "main"),
        ('event.data.ref | removeprefix("refs/") | removesuffix("/main") | upper', "HEADS"),
        ('event.data.ref | replace("/", "-") | trim("r")', "efs-heads-main"),
        ("event.data.ref | dns_label", "refs-heads-main"),
        ('event.data.text ~ "!" ~ event.data.n', "a b!5"),
        ('"x" ~ (event.data.n == 5) ~ event.data.none ~ ("y" ~ 1.5)', "xtruey1.5"),
        ('event.time | date("%Y%m%d")', "20260131"),
        ("(event.subject or event.time)[:10]", "2026-01-31"),
        ("event.data.files | join(',')", "x,y z"),
        ("event.data.files | map('upper') | join", "XY Z"),
        ("event.data | items | length", 6),
        ("event.data.files | tojson", '["x","y z"]'),
        ("event.data.n * 2 + 2 ** 3 - 7 // 2 + 7 % 4", 18),
        ('"1" | int + 1.5 | round | int', 3),
        ("{'a': [event.data.n]}", {"a": [5]}),
        ("'yes' if event.data.n == 5 else 'no'", "yes"),
        ("event.data.text | truncate(5, true, '')", "a b"),
    ],
)
def test_expressions_answer(source, value):
    """Paths, operators, filters and tests answer values of their own types."""
    assert evaluate(source) == value


@pytest.mark.parametrize(
    "source",
    ["event.data.a", "event.data.a.b", "event.data.ref.x", "event.data.items[7]", "nobody", "event.data.a ~ 'x'",
     "event.data.items.append", "event.items", "''.__class__", "event.data.ref.__class__.__mro__", "event.data.n.real",
     "event.data.files | map(attribute='__class__') | join", "event.data['__class__']", "(1).__class__"],
)  # fmt: skip
def test_what_is_not_there_is_absent(source):
    """A missing item is an error that names itself; attributes of Python's objects are such items."""
    with pytest.raises(Absent):
        evaluate(source)


@pytest.mark.parametrize(
    "source",
    ["event.data.ref < 5", "event.data.items | join(event.data)", "event.data | upper", "1 / 0", "'x' ~ event.data", "event.data.items ~ ''", "'%s' % event.data.n",
     "'%9999999d' % 1", "'a' * 99999999", "99999999 * [1]", "2 ** 9999", "event.data.n ** event.data.ref", "(10 ** 60) ** 60",
     "'x' | replace('', 'y' * 4000000)", "many | join('x' * 4000)", "event.time | date('%9999999Y')", "'nope' | date", "'0000-01-01T00:00:00Z' | date",
     "event.data.files | map | list"],
)  # fmt: skip
def test_what_cannot_be_evaluated_fails_as_one_exception(source):
    """Whatever Python raises, and whatever would grow out of bounds, is an EvaluationFailed with a short reason."""
    with pytest.raises(EvaluationFailed) as failed:
        evaluate(source)
    assert len(str(failed.value)) < 200


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{% macro a() %}{% endmacro %}", "macro"),
        ("{% call x() %}{% endcall %}", "call"),
        ("{% set x %}a{% endset %}", "set with a block"),
        ("{% filter upper %}a{% endfilter %}", "filter blocks"),
        ("{% include 'x' %}", "include"),
        ("{% import 'x' as y %}", "import"),
        ("{% from 'x' import y %}", "import"),
        ("{% extends 'x' %}", "extends"),
        ("{% block x %}{% endblock %}", "block"),
        ("{% autoescape true %}{% endautoescape %}", "autoescape"),
        ("{% do x %}", "'do'; the tags are for, if, set, with, raw"),
        ("{% break %}", "'break'"),
        ("{% set a.b = 1 %}", "namespaces"),
        ("{% for x in y recursive %}{{ loop(x) }}{% endfor %}", "recursive"),
        ("{{ x() }}", "nothing can be called; use a filter or a test"),
        ("{{ ''.join(x) }}", "nothing can be called"),
        ("{{ event.data.items() }}", "mapping | items"),
        ("{{ range(3) }}", "nothing can be called"),
        ("{{ self }}", "self"),
        ("{{ x | attr('y') }}", "there is no filter attr"),
        ("{{ x | shquot }}", "did you mean shquote?"),
        ("{% if false %}{{ x | safe }}{% endif %}", "there is no filter safe"),
        ("{{ x | xmlattr }}{{ x | format }}", "there is no filter xmlattr"),
        ("{{ x is callable }}", "there is no test callable"),
        ("{{ x | map('safe') }}{{ a", "end of"),
        ("{{ x | map('safe') }}", "there is no filter safe"),
        ("{{ x | map('uper') | join }}", "there is no filter uper; did you mean upper?"),
        ("{{ x | map(' looped') }}", "there is no filter  looped"),
        ("{{ x | map(y) }}", "map wants the name of a filter; write the name of a filter in quotes"),
        ("{{ x | map(*y) }}", "map takes no * or **"),
        ("{{ x | select('startswith', 'a') }}", "there is no test startswith; did you mean startingwith?"),
        ("{{ x | reject('nope') }}", "there is no test nope"),
        ("{{ x | selectattr('a', 'equals', 1) }}", "there is no test equals"),
        ("{{ x | rejectattr('a', y, 1) }}", "rejectattr wants the name of a test"),
        ("{{ x y }}", "expected token"),
        ("{% if x %}", "end of template"),
        ("{{ " + "(" * 2000 + ")" * 2000 + " }}", "nested too deep"),
        ("{{ " + "-" * 5000 + "1 }}", "nested too deep"),
        ("{{ 1" + "+1" * 20_000 + " }}", "nested too deep"),
        ("{% if a %}" * 200 + "{% endif %}" * 200, "nested too deep"),
        ("x" * 300_000, "longer than"),
    ],
)
def test_what_may_not_be_written_is_refused_with_a_remedy(source, says):
    """The language is a list; what is not on it fails when it is compiled."""
    with pytest.raises(NotTemplate, match="line 1: ") as refused:
        compile_template(source)
    assert says in str(refused.value)


def test_a_refusal_names_its_line():
    """The line is that of the template's text."""
    with pytest.raises(NotTemplate) as refused:
        compile_template("a\nb: {{ x }}\n{% macro y() %}\n{% endmacro %}")
    assert refused.value.line == 3


@pytest.mark.parametrize(
    "source", ["", "a b", "event.data.x }} {{ y", "{{ event }}", "x | shquote(", "import os", "lambda: 1", "x = 1"]
)
def test_what_is_no_expression_is_refused(source):
    """An expression is one expression and nothing after it."""
    with pytest.raises(NotTemplate):
        compile_expression(source)


def test_values_are_put_aside_in_the_order_of_their_tokens():
    """The text holds a token for each value, also for constants, and nothing of any value."""
    text, values = render(
        '{{ hostile }}: {% for x in event.data.items %}[{{ x }}]{% endfor %}{{ "constant" }}{{ event.data }}'
    )
    assert values == [EVENT["hostile"], 1, 2, "constant", EVENT["event"]["data"]]
    assert split(text) == (0, ": [", 1, "][", 2, "]", 3, 4)


def test_the_text_depends_on_the_control_flow_only():
    """Two events that take the same branches render the same text: that is what makes it a key of a memory."""
    template = compile_template("{% if a %}{{ a }}{% else %}no{% endif %}{% for x in xs %}{{ x }},{% endfor %}")
    first, _ = template.render({"a": "x", "xs": [1, 2]})
    second, _ = template.render({"a": "{{ y }}\n- z: 1", "xs": ["%}", {}]})
    other, _ = template.render({"a": "", "xs": [1, 2]})
    assert first == second != other


def test_a_value_that_looks_like_a_token_stays_a_value():
    """Values never come into the text, not even a text that holds a token."""
    text, _ = render("{{ hostile }}")
    again, values = compile_template("{{ x }}").render({"x": text * 3})
    assert again == text
    assert values == [text * 3]


def test_a_token_cut_apart_is_noticed():
    """A part of a token in a text is an error, never a literal."""
    text, _ = render("{{ hostile }}")
    assert holds_token(text[:-1])
    with pytest.raises(Broken):
        split(text[:-1])


def test_a_missing_value_fails_the_render():
    """An undefined variable is an error that names it, also within a condition or a loop."""
    for source in ("{{ nobody }}", "{% if nobody %}x{% endif %}", "{% for x in nobody %}{% endfor %}"):
        with pytest.raises(Absent, match="nobody"):
            render(source)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{% for x in many %}{{ x }}{% endfor %}", "10000 values"),
        ("{% for x in many %}{% for y in many %}{% endfor %}{% endfor %}", "100000 turns"),
        ("{% for x in many %}----------------------------------------{% endfor %}", "262144 characters"),
        ("{% for x in many %}{% if x in many %}{% endif %}{% endfor %}", "2000000 steps"),
        ("{% for x in many %}{% set y = many | map('string') | list %}{% endfor %}", "2000000 steps"),
        ("{% for x in many %}{% set y = many[1:] %}{% endfor %}", "33554432 bytes"),
        ("{% for x in many if x < 0 %}{{ x }}{% endfor %}", "100000 turns"),
    ],
)
def test_a_hostile_list_in_a_loop_ends_early(source, says):
    """Loops, values, text and what filters go through are bounded."""
    with pytest.raises(EvaluationFailed, match=says):
        render(source)


def test_loops_know_their_loop():
    """`loop` has its counters, and nothing else."""
    text, values = render(
        "{% for x in event.data.files %}{{ loop.index }}/{{ loop.length }}{% if not loop.last %},{% endif %}{% endfor %}"
    )
    assert values == [1, 2, 2, 2]
    assert text.count(",") == 1
    with pytest.raises(Absent):
        render("{% for x in event.data.files %}{{ loop._iterable }}{% endfor %}")


@pytest.mark.parametrize(
    ("source", "quoted"),
    [
        ("hostile | shquote", True),
        ("event.data.files | shquote", True),
        ("event.data.files | map('shquote') | join(' ')", True),
        ("event.data.nope | default('x') | shquote", True),
        ("hostile | shquote | default('')", True),
        ("hostile | shquote | upper", False),
        ("hostile | shquote | replace('a', 'b')", False),
        ("hostile | shquote | trim", False),
        ("hostile | shquote | string", False),
        ("(hostile | shquote)[:5]", False),
        ("(hostile | shquote) ~ ''", False),
        ("(hostile | shquote) + ''", False),
        ("(hostile | shquote) * 1", False),
        ("hostile | shquote | truncate(5)", False),
        ("event.data.files | map('shquote') | join(';')", False),
        ("event.data.files | map('shquote') | join", False),
        ("event.data.files | join(' ')", False),
        ("hostile | shquote | list | join(' ')", False),
        ("hostile | shquote | first", False),
        ("hostile | tojson", False),
    ],
)
def test_the_mark_of_shquote_is_lost_by_every_change(source, quoted):
    """Only what `shquote` answered, unchanged, counts as quoted for a shell."""
    assert (type(evaluate(source)) is Quoted) is quoted


def test_opting_in_marks_all_of_a_value():
    """A parameter of `type: json` is marked with all that is in it, and a filter's new list is not."""
    marked = opt_in({"a": [{"b": 1}], "c": "x"})
    assert marked == {"a": [{"b": 1}], "c": "x"}
    assert type(marked) is JsonMapping
    assert type(marked["a"]) is JsonList
    assert type(marked["a"][0]) is JsonMapping
    assert type(compile_expression("x | list").evaluate({"x": opt_in([1])})) is list


def test_a_template_tells_its_variables():
    """Free variables, those under a default, and what it puts out without an event."""
    template = compile_template("{{ a }}{% for x in b %}{{ x }}{% endfor %}{{ c | default('') }}{% set d = 1 %}{{ d }}")
    assert template.variables == {"a", "b", "c"}
    assert template.guarded == {"c"}
    with_all, with_none = template.skeletons
    assert len(with_all.quoted) == 4
    assert len(with_none.quoted) == 3
    assert not with_all.exact


def test_a_skeleton_is_what_a_render_gives():
    """A template without conditions renders its skeleton, whatever the values."""
    template = compile_template(
        "a: {{ hostile }}\nb: [{{ event.data.n | string | shquote }}]\n{# c #}{% raw %}{{ d }}{% endraw %}"
    )
    (skeleton,) = template.skeletons
    assert skeleton.exact
    assert skeleton.quoted == (False, True)
    assert template.render(EVENT)[0] == skeleton.text
