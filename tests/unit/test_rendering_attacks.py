"""A stranger's values against templates that are written as people write them."""

import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nasty import HOSTILE, INJECTED, INJECTED_TEMPLATE, NAMES, REFUSED, TEMPLATES, VALUES, as_text, judge, rendered

from webhook.definitions import load
from webhook.errors import DefinitionError, ValueRefused
from webhook.events import Event
from webhook.manifests import GIVEN
from webhook.rendering import payload
from webhook.templates import compile_template


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    path = tmp_path_factory.mktemp("attacks") / "templates.yaml"
    path.write_text(TEMPLATES)
    return load(path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_value_is_a_value(definitions, name, attack):
    """The structure is that of a harmless value, and the value arrives intact after the kubelet's expansion."""
    value = HOSTILE[attack]
    if name == "loops" and not value:
        value = "x" + as_text(value)  # an empty one takes another branch, as it should
    judge(definitions.get(name), value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attack", REFUSED)
def test_a_value_that_no_job_can_hold_is_refused(definitions, name, attack):
    """A 422 that names the definition and the place, and shows little of the value."""
    if name == "scripts" and attack.startswith("a list"):
        assert rendered(definitions.get(name), ["a", "b c"]) if attack == "a list" else True
        return  # shquote takes a list as words
    with pytest.raises(ValueRefused, match=f"^{name}: ") as refused:
        rendered(definitions.get(name), REFUSED[attack])
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("way", INJECTED)
def test_no_template_makes_code_of_a_value(tmp_path, way):
    """Where a value would be code, the definition is not loaded, whatever the value will be."""
    path = tmp_path / "injected.yaml"
    path.write_text(INJECTED_TEMPLATE + textwrap.indent(textwrap.dedent(INJECTED[way]), " " * 12))
    with pytest.raises(DefinitionError, match="containers|within a shell's script"):
        load(path)


def test_every_variable_with_an_events_value_is_known():
    """What `event: env` and `event: file` hand over is what no script may take by `$(NAME)`."""
    event = Event(id="1", source="/s", type="t", datacontenttype="application/json", data={})
    for mode in ("env", "file"):
        container = {"name": "main"}
        payload.hand_over({"spec": {"template": {"spec": {"containers": [container]}}}}, event, mode)
        assert {variable["name"] for variable in container["env"]} - set(GIVEN) <= {"JOBHOOK_EVENT_FILE"}


def test_a_value_cannot_name_a_token(definitions):
    """A value that holds a token's text, were it ever known, is not substituted again."""
    text, _ = compile_template("{{ v }}{{ v }}").render({"v": 1})
    for name in NAMES:
        judge(definitions.get(name), text)


def keeps_the_law(definitions, name, value):
    """Hold one value against one template: it is a value there, or it is refused for a reason."""
    if name == "loops" and not value:
        return  # another branch, as it should be
    try:
        rendered(definitions.get(name), value)
    except ValueRefused:
        assert not (isinstance(value, str) and "\0" not in value)
        return
    if not isinstance(value, float):  # JSON does not always write it as Python's str does
        judge(definitions.get(name), value)


@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(NAMES), value=VALUES)
def test_any_value_is_a_value_or_refused(definitions, name, value):
    """The law: the structure of a harmless value with each value intact, or a refusal; nothing else."""
    keeps_the_law(definitions, name, value)


@pytest.mark.slow
@settings(max_examples=100_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(NAMES), value=VALUES)
@pytest.mark.timeout(3600)
def test_any_value_is_a_value_or_refused_at_length(definitions, name, value):
    """The same law, 100,000 times."""
    keeps_the_law(definitions, name, value)
