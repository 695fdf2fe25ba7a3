"""What one evaluation may do: no event makes it take minutes, or memory, whatever the definition asks of its lists."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.templates import EvaluationFailed, compile_expression, compile_template
from webhook.templates.budget import Budget
from webhook.templates.limits import MAX_WORK

pytestmark = pytest.mark.timeout(120)  # a guard: without a bound each of these takes minutes, or all memory

MANY = 90_000
TEXTS = [f"x{number:05}" for number in range(MANY)]
OTHERS = [f"y{number:05}" for number in range(MANY)]
EVENT = {
    "a": TEXTS,
    "b": OTHERS,
    "same": list(TEXTS),
    "lists": [["m"] * 3 for _ in range(MANY)],
    "commits": [{"m": ["a", "b"]} for _ in range(MANY)],
    "shorts": ["a" * 10] * MANY,
    "long": "b" * 100_000,
    "longs": ["x" * 1000 + str(number) for number in range(1000)],
    "words": "ab " * 600_000,
    "format": "%999999999d",
    "attribute": ",".join(["m"] * 50_000),
    "far": -(10**9),
    "colliding": [(2**61 - 1) * (number + 100) for number in range(MANY)],
}
EXPRESSIONS = [
    'a | select("in", b) | list | length > 0',
    'a | reject("in", b) | list | length > 0',
    'commits | selectattr("m", "in", lists) | list | length > 0',
    'commits | map(attribute="m") | sum(start=[]) | length > 0',
    'shorts | map("replace", "a", long) | list | length > 0',
    'shorts | map("default", "x") | map("replace", "a", long) | first | length > 0',
    'lists | map("join", long) | list',
    'a | map("tojson") | map("truncate", 9, true, long) | list',
    "a | map('trim', long) | list",
    "lists | select('in', [[['n'], same], same, lists]) | list",
    "lists | select('in', lists[45000:]) | list and lists | select('in', [lists, lists]) | list",
    "commits | sort(attribute=attribute)",
    "a | map(attribute=attribute | replace(',', '.')) | list",
    "longs | select('in', long ~ long) | list and longs | map('split', 'x') | map('join', long) | list",
    "words | split | map('split', '') | list",
    "(words | list) + (words | list) + (words | list)",
    "format is even or format is odd",
    "format is divisibleby 2",
    "format is divisibleby('x')",
    "1 | round(far) or 1",
    "[[commits, commits], [commits, commits], [commits, commits], [commits, commits]] | tojson",
    "colliding | unique | list",
    "lists is lower",
    "(long * 40)[:3999999] * 2",
]
BODIES = [
    "{% set y = [a, b, lists] | tojson %}",
    "{% set y = a + b %}",
    "{% set y = long * 40 %}",
    "{% set y = [long] * 100000 %}",
    "{% if a == same %}{% endif %}",
    "{% if lists == lists[:] %}{% endif %}",
    "{% if a != same or a < same or a <= same %}{% endif %}",
    "{% if 1 < 2 < a | length and a == same == a %}{% endif %}",
    "{% if x in b %}{% endif %}",
    "{% if x not in b %}{% endif %}",
    "{% if x is in(b) %}{% endif %}",
    "{% if long in words %}{% endif %}",
    "{% if words is startingwith words %}{% endif %}",
    "{% set y = a[1:] %}",
    "{% set y = words ~ words %}",
    "{% set y = words | lower %}",
    "{% set y = words | dns_label %}",
    "{% set y = words | int %}",
    "{% set y = a | sort %}",
    "{% set y = a | unique | list %}",
    "{% set y = a | min ~ a | max %}",
    "{% set y = a | join %}",
    "{% set y = a | shquote %}",
    "{% set y = a | reverse | list %}",
    "{% set y = words[::2] %}",
    "{% if words | length > 5 and words | upper == words %}{% endif %}",
]


@pytest.mark.parametrize("source", EXPRESSIONS)
def test_an_expression_over_large_lists_ends_early(source):
    """Every filter, test, operator and argument counts, also one that is called for each element: a `when` fails."""
    with pytest.raises(EvaluationFailed):
        compile_expression(source).evaluate(EVENT)


@pytest.mark.parametrize("body", BODIES)
def test_a_loop_over_large_lists_ends_early(body):
    """What a turn goes through counts against the whole."""
    with pytest.raises(EvaluationFailed):
        compile_template("{% for x in a %}" + body + "{% endfor %}").render(EVENT)


def test_a_loops_own_condition_counts():
    """So does what chooses the turns."""
    for condition in ("x in b", "x is in(b)", "x not in b", "[x] == a or x in b"):
        with pytest.raises(EvaluationFailed, match="steps"):
            compile_template("{% for x in a if " + condition + " %}{% endfor %}").render(EVENT)


@pytest.mark.parametrize(
    "source",
    [
        'shorts | map("replace", "a", long) | list | length > 0',
        "words | split | list | length > 0",
        "a | map('replace', 'x', long) | join | length > 0",
        "[a, b, lists, words] | tojson | length > 0 and words ~ words ~ words ~ words is string",
    ],
)
def test_memory_stays_within_some_tens_of_mib(source):
    """Whether it answers or fails, an evaluation never holds much more than the event itself."""
    expression = compile_expression(source)
    tracemalloc.start()
    try:
        expression.evaluate(EVENT)
    except EvaluationFailed:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 80 * 1024 * 1024


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('a | select("in", b[:100]) | list | length', 0),
        ("a | map('upper') | join(',') | length", MANY * 7 - 1),
        ("commits | map(attribute='m') | map('join') | first", "ab"),
        ("shorts | unique | list", ["a" * 10]),
        ("a | sort | last == a | last", True),
        ("'x00001' in a and long in long and a == same and a is in([same])", True),
        ("words | lower | length", 1_800_000),
    ],
)
def test_what_a_definition_may_well_ask_of_a_large_event_is_answered(source, value):
    """The bound is far from what is meant."""
    assert compile_expression(source).evaluate(EVENT) == value


def test_the_same_event_always_costs_the_same():
    """Sizes are counted, never time."""
    expression = compile_expression('a | select("in", b[:50]) | map("upper") | sort | join | length')
    costs = set()
    for _ in range(2):
        budget = Budget()
        expression.evaluate(EVENT, budget)
        costs.add((budget.work, budget.made))
    assert len(costs) == 1
    assert MAX_WORK > budget.work > MANY


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


def _nodes(value):
    if isinstance(value, dict):
        return 1 + sum(1 + _nodes(item) for item in value.values())
    return 1 + sum(map(_nodes, value)) if isinstance(value, list) else 1


GROWING = [
    compile_expression(source)
    for source in ("x | tojson", "x == y", "x in [y, y]", "x | map('default', 1) | list | tojson", "x | list == y")
]


@given(value=JSON, more=JSON)
@settings(max_examples=200, deadline=None)
def test_more_to_go_through_never_costs_less(value, more):
    """What is charged for a value is at least its elements at every depth, and grows with whatever is added to it."""
    for expression in GROWING:
        small, large = Budget(), Budget()
        one, two = [value], [value, more]
        expression.evaluate({"x": one, "y": list(one)}, small)
        expression.evaluate({"x": two, "y": list(two)}, large)
        assert small.work < large.work
    assert Budget().walk([value, more]) >= _nodes([value, more]) - 1
