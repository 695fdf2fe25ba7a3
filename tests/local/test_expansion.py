"""`$(NAME)` is expanded as the kubelet does it."""

import subprocess
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.clusters.local.expansion import expand
from webhook.manifests import plan
from webhook.templates import compile_template

VARIABLES = {"VAR_A": "A", "VAR_B": "B", "VAR_C": "C", "VAR_REF": "$(VAR_A)", "VAR_EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(VAR_A)", "A"),
        ("$(VAR_A)-$(VAR_A)", "A-A"),
        ("$(VAR_A)-1", "A-1"),
        ("___$(VAR_B)___", "___B___"),
        ("___$(VAR_C)", "___C"),
        ("$(VAR_A)_$(VAR_B)_$(VAR_C)", "A_B_C"),
        ("$$(VAR_B)_$(VAR_A)", "$(VAR_B)_A"),
        ("$$(VAR_A)_$$(VAR_B)", "$(VAR_A)_$(VAR_B)"),
        ("f000-$$VAR_A", "f000-$VAR_A"),
        ("foo\\$(VAR_C)bar", "foo\\Cbar"),
        ("foo\\\\$(VAR_C)bar", "foo\\\\Cbar"),
        ("$(VAR_A$(VAR_B))", "$(VAR_A$(VAR_B))"),
        ("$(VAR_A$(VAR_B)", "$(VAR_A$(VAR_B)"),
        ("$(VAR_REF)", "$(VAR_A)"),
        ("%%$(VAR_REF)--$(VAR_REF)%%", "%%$(VAR_A)--$(VAR_A)%%"),
        ("foo$(VAR_EMPTY)bar", "foobar"),
        ("foo$(VAR_Awhoops!", "foo$(VAR_Awhoops!"),
        ("f00__(VAR_A)__", "f00__(VAR_A)__"),
        ("$?_boo_$!", "$?_boo_$!"),
        ("$VAR_A", "$VAR_A"),
        ("$(VAR_DNE)", "$(VAR_DNE)"),
        ("$$$$$$(BIG_MONEY)", "$$$(BIG_MONEY)"),
        ("$$$$$$(VAR_A)", "$$$(VAR_A)"),
        ("$$$$$$$(GOOD_ODDS)", "$$$$(GOOD_ODDS)"),
        ("$$$$$$$(VAR_A)", "$$$A"),
        ("$VAR_A)", "$VAR_A)"),
        ("${VAR_A}", "${VAR_A}"),
        ("$(VAR_B)_______$(A", "B_______$(A"),
        ("$(VAR_C)_______$(", "C_______$("),
        ("$(VAR_A)foobarzab$", "Afoobarzab$"),
        ("foo-\\$(VAR_A", "foo-\\$(VAR_A"),
        ("--$($($($($--", "--$($($($($--"),
        ("$($($($($--foo$(", "$($($($($--foo$("),
        ("foo0--$($($($(", "foo0--$($($($("),
        ("$(foo$$var)", "$(foo$$var)"),
        ("\n", "\n"),
        ("$", "$"),
        ("$(A\nB)$$$(", "$(A\nB)$$("),
        ("$()", "$()"),
    ],
)
def test_the_kubelets_cases(text, expected):
    """The cases that Kubernetes tests its own expansion with, and a few more."""
    assert expand(text, VARIABLES) == expected


def _reference(text, variables):
    """The kubelet's algorithm, character by character."""
    out, at = [], 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            out.append(text[at])
            at += 1
        elif text[at + 1] == "$":
            out.append("$")
            at += 2
        elif text[at + 1] == "(" and (close := text.find(")", at + 2)) >= 0:
            name = text[at + 2 : close]
            out.append(variables.get(name, f"$({name})"))
            at = close + 1
        else:
            out.append(text[at : at + 2])
            at += 2
    return "".join(out)


@settings(deadline=None)
@given(st.text(alphabet="$()Aab \n", max_size=30))
def test_any_text_is_expanded_as_by_the_kubelet(text):
    """The expression agrees with the algorithm written out."""
    variables = {"A": "$(a)", "a": "", "ab": "$$"}
    assert expand(text, variables) == _reference(text, variables)


@settings(deadline=None)
@given(st.text(), st.dictionaries(st.text(max_size=3), st.text()))
def test_an_escaped_text_comes_out_as_it_went_in(text, variables):
    """Doubling every `$` protects any text from expansion."""
    assert expand(text.replace("$", "$$"), variables) == text


def test_a_hostile_text_costs_little():
    """Many openings without a close do not cost the square of their number."""
    began = time.perf_counter()
    text = "$(" * 200_000
    assert expand(text, {}) == text
    assert time.perf_counter() - began < 5


JOB = """\
apiVersion: batch/v1
kind: Job
spec:
  template:
    spec:
      containers:
        - name: main
          env: [{name: A, value: "{{ v }}"}, {name: B, value: "$(A)"}]
          command: [sh, -c, 'printf "%s\\0" "$@"', $$(A)]
          args: [$(B), "{{ v }}", "-$(A)-$$(A)-{{ v }}"]
"""


@settings(deadline=None, max_examples=50)
@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
    | st.text(st.sampled_from("$()AB'\"`; \n"), max_size=12)
)
def test_a_value_that_a_variable_brings_runs_as_it_is(value):
    """A real shell gets a stranger's text through `$(NAME)` as arguments, whole, and nothing of it is code."""
    text, values = compile_template(JOB).render({"v": value})
    container = plan(text).fill(values)["spec"]["template"]["spec"]["containers"][0]
    variables = {}
    for variable in container["env"]:
        variables[variable["name"]] = expand(variable["value"], variables)
    line = [expand(word, variables) for word in (*container["command"], *container["args"])]
    ended = subprocess.run(line, capture_output=True, check=True, timeout=30)
    assert ended.stdout.decode().split("\0")[:-1] == [value, value, f"-{value}-$(A)-{value}"]
    assert not ended.stderr
