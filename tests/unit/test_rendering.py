"""From a definition and an event to a manifest; and from submitted parameters."""

from datetime import UTC, datetime, timedelta

import pytest

from webhook.definitions import load
from webhook.errors import ValueRefused
from webhook.events import Arrival, Event
from webhook.json import load as load_json
from webhook.rendering import render, render_submit

SPEC = """\
spec: |
  apiVersion: batch/v1
  kind: Job
  metadata: {metadata}
  spec:
    {spec}
    template:
      spec:
        initContainers: [{name: first, image: x}]
        containers:
          - name: main
            image: x
            args: [{args}]
"""


@pytest.fixture
def define(tmp_path):
    """Write one definition and load it."""

    def define(head="", args="go", metadata="{}", spec="backoffLimit: 0", name="d"):
        text = SPEC.replace("{args}", args).replace("{metadata}", metadata).replace("{spec}", spec)
        (tmp_path / "a.yaml").write_text(f"name: {name}\n{head}\n{text}")
        return load(tmp_path).get(name)

    return define


def arrival(data=None, **attributes):
    event = Event(
        **{"id": "1", "source": "/s", "type": "t", "datacontenttype": "application/json", "data": data, **attributes}
    )
    return Arrival(event=event, via="events", identity="1", received=datetime(2026, 1, 31, tzinfo=UTC))


def args(rendered):
    return container(rendered)["args"]


def container(rendered):
    return rendered.manifest["spec"]["template"]["spec"]["containers"][0]


def test_a_template_sees_parameters_and_the_event(define):
    """Parameters by name, attributes, extensions and data under `event`."""
    definition = define(
        "params: {a: {from: event.data.x}}", args="{{ a }}, {{ event.type }}, {{ event.tenant }}, {{ event.data.x }}"
    )
    rendered = render(definition, arrival({"x": "1e3"}, extensions={"tenant": "acme"}))
    assert args(rendered) == ["1e3", "t", "acme", "1e3"]
    assert rendered.params == {"a": "1e3"}


@pytest.mark.parametrize(
    ("param", "data", "arrives"),
    [
        ("{from: event.data.x}", {"x": "no"}, "no"),
        ("{from: event.data.x}", {"x": 5}, "5"),
        ("{from: event.data.x, default: y}", {}, "y"),
        ("{from: event.data.x, default: y}", {"x": None}, "y"),
        ("{from: event.data.x.y.z, default: y}", {"x": 1}, "y"),
        ("{from: event.data.x, required: false}", {}, ""),
        ("{from: event.data.x, type: json}", {"x": {"a": [1]}}, '{"a":[1]}'),
        ("{default: y}", {"x": 1}, "y"),
    ],
)
def test_a_parameter_has_a_value(define, param, data, arrives):
    """From the event, else its default, else null where it is not required."""
    assert args(render(define(f"params: {{a: {param}}}", args="{{ a }}"), arrival(data))) == [arrives]


@pytest.mark.parametrize(
    ("param", "data", "says"),
    [
        ("{from: event.data.x}", {}, "d: a: event.data.x is not there"),
        ("{from: event.data.x}", {"x": None}, "d: a: event.data.x is null"),
        ("{from: event.data.x}", {"x": {}}, "d: a: a mapping where a text belongs"),
        ("{from: event.data.x < 1}", {"x": "a"}, "d: a: '<' not supported"),
        ("{from: event.data.x, pattern: a}", {"x": "b" * 500}, "does not match a"),
        ("{from: event.data.x}", {"x": "a\0"}, "d: a: a text with a NUL"),
    ],
)
def test_a_value_that_is_refused_says_which_and_why(define, param, data, says):
    """The definition, the parameter or the place, and the reason; little of the value."""
    with pytest.raises(ValueRefused, match=says) as refused:
        render(define(f"params: {{a: {param}}}", args="{{ a }}"), arrival(data))
    assert len(str(refused.value)) < 300


def test_what_only_an_event_shows_is_refused_as_its_value(define):
    """A manifest that some branch breaks is a 422 of that event."""
    definition = define(args="{% if event.data.x %}[{% endif %}{{ event.data.y }}")
    assert args(render(definition, arrival({"x": 0, "y": "z"}))) == ["z"]
    with pytest.raises(ValueRefused, match="d: "):
        render(definition, arrival({"x": 1, "y": "z"}))
    with pytest.raises(ValueRefused, match="'y' is not there"):
        render(definition, arrival({"x": 0}))


def test_labels_and_annotations(define):
    """The template's own are kept, the definition's are put on top, empty ones are left out."""
    definition = define("labels: {a: mine}\nannotations: {n: '1'}", metadata="{labels: {a: b, c: '{{ event.type }}'}}")
    metadata = render(definition, arrival()).manifest["metadata"]
    assert metadata == {"labels": {"a": "mine", "c": "t"}, "annotations": {"n": "1"}}
    assert render(define(metadata="{labels: , annotations: {}}"), arrival()).manifest["metadata"] == {}


def test_the_namespace_is_absent_or_ours(define):
    """A manifest for another namespace is refused where ours is known."""
    definition = define(metadata="{namespace: theirs}")
    assert "namespace" not in render(definition, arrival(), namespace="theirs").manifest["metadata"]
    with pytest.raises(ValueRefused, match="metadata.namespace is theirs, and Jobs go to ours"):
        render(definition, arrival(), namespace="ours")
    render(define(), arrival(), namespace="ours")


def test_a_ttl_becomes_the_retention(define):
    """Only the sweep deletes: the field goes, and stands for the outcomes of which the definition says nothing."""
    hour, week = timedelta(hours=1), timedelta(days=7)
    rendered = render(define("retention: {failed: 7d}", spec="ttlSecondsAfterFinished: 3600"), arrival())
    assert "ttlSecondsAfterFinished" not in rendered.manifest["spec"]
    assert rendered.retention == {"succeeded": hour, "failed": week, "cancelled": hour}
    rendered = render(define(spec="ttlSecondsAfterFinished: {{ event.data.t }}"), arrival({"t": 0}))
    assert set(rendered.retention.values()) == {timedelta(0)}
    assert render(define(), arrival()).retention == {}


def test_the_event_in_a_variable(define):
    """`event: env`: the whole event and its attributes, escaped for the kubelet, in every container, before its own."""
    definition = define(
        "event: env", args='x]\n            env: [{name: CE_TYPE, value: own}, {name: MINE, value: "$(CE_ID)"}'
    )
    rendered = render(definition, arrival({"a": "$(MINE)"}, subject="$x", extensions={"tenant": "acme"}))
    variables = {variable["name"]: variable["value"] for variable in container(rendered)["env"]}
    assert list(variables) == ["CE_ID", "CE_SOURCE", "CE_SUBJECT", "CE_TIME", "JOBHOOK_EVENT", "CE_TYPE", "MINE"]
    assert (variables["CE_TYPE"], variables["CE_SUBJECT"], variables["CE_TIME"]) == ("own", "$$x", "")
    whole = load_json(variables["JOBHOOK_EVENT"].replace("$$", "$").encode())
    assert whole["data"] == {"a": "$(MINE)"}
    assert (whole["specversion"], whole["tenant"]) == ("1.0", "acme")
    first = rendered.manifest["spec"]["template"]["spec"]["initContainers"][0]
    assert {"name": "CE_ID", "value": "1"} in first["env"]


def test_the_event_in_a_file(define):
    """`event: file`: an annotation of the pod, which the downward API makes a file of."""
    rendered = render(define("event: file"), arrival({"a": "$(X)"}))
    template = rendered.manifest["spec"]["template"]
    text = template["metadata"]["annotations"]["jobhook.dev/event-data"]
    assert load_json(text.encode())["data"] == {"a": "$(X)"}
    (volume,) = template["spec"]["volumes"]
    assert volume["downwardAPI"]["items"] == [
        {"path": "event.json", "fieldRef": {"fieldPath": "metadata.annotations['jobhook.dev/event-data']"}}
    ]
    for one in template["spec"]["containers"] + template["spec"]["initContainers"]:
        assert one["volumeMounts"] == [{"name": volume["name"], "mountPath": "/var/run/jobhook", "readOnly": True}]
        assert {"name": "JOBHOOK_EVENT_FILE", "value": "/var/run/jobhook/event.json"} in one["env"]
    assert "annotations" not in rendered.manifest["metadata"]


@pytest.mark.parametrize(("mode", "limit"), [("file", 900 * 1024), ("env", 100 * 1024)])
def test_an_event_that_is_too_large_says_the_limit(define, mode, limit):
    """Up to the limit it is handed over; above it is refused with the number."""
    definition = define(f"event: {mode}")
    render(definition, arrival("x" * (limit - 200)))
    with pytest.raises(ValueRefused, match=f"`event: {mode}` takes {limit}"):
        render(definition, arrival("x" * limit))


def test_binary_data_is_handed_over_as_base64(define):
    """Data that is not JSON is `data_base64`, or a text where its type says so."""
    rendered = render(define("event: file"), arrival(b"\xff\0", datacontenttype="application/octet-stream"))
    text = rendered.manifest["spec"]["template"]["metadata"]["annotations"]["jobhook.dev/event-data"]
    assert load_json(text.encode())["data_base64"] == "/wA="


def test_with_none_nothing_is_added(define):
    """`event: none` is the default, and leaves the containers as the template has them."""
    assert container(render(define(), arrival())) == {"name": "main", "image": "x", "args": ["go"]}


def test_a_submit_takes_parameters_only(define):
    """`from` is not evaluated; unknown, missing and bad parameters are refused."""
    definition = define(
        "params: {a: {from: event.data.x, pattern: '[a-z]+'}, b: {default: 1, type: integer}}", args="{{ a }}, {{ b }}"
    )
    assert args(render_submit(definition, {"a": "x", "b": "2"})) == ["x", "2"]
    assert args(render_submit(definition, {"a": "x", "b": None})) == ["x", "1"]
    for given, says in (
        ({}, "d: a: it is not given"),
        ({"a": None}, "d: a: it is not given"),
        ({"a": "X"}, "d: a: 'X' does not match"),
        ({"a": "x", "aa": 1}, "there is no parameter aa; did you mean a?"),
        ({"a": "x", "zzz": 1}, "there is no parameter zzz; there are a, b"),
    ):
        with pytest.raises(ValueRefused, match=says):
            render_submit(definition, given)


def test_a_submit_has_no_event(define):
    """A template that asks for the event fails there, and `event: file` says it at once."""
    with pytest.raises(ValueRefused, match="'event' is undefined"):
        render_submit(define(args="{{ event.type }}"), {})
    with pytest.raises(ValueRefused, match="its containers read the event"):
        render_submit(define("event: file"), {})


def test_the_older_form(tmp_path):
    """Its templates run unchanged: unquoted values, a name of its own, digits for an integer, a default."""
    (tmp_path / "old").write_text(
        """\
- name: pi
  spec: |
    apiVersion: batch/v1
    kind: Job
    metadata:
      name: {{ name }}
    spec:
      parallelism: {{ n }}
      template:
        spec:
          containers:
          - name: {{ name }}
            image: {{ image | default("perl") }}
            command: ["echo", "{{ name }}"]
          restartPolicy: Never
"""
    )
    definition = load(tmp_path / "old").get("pi")
    job = render_submit(definition, {"name": "pi", "n": "3"}).manifest
    assert job["metadata"] == {}
    assert job["spec"]["parallelism"] == 3
    assert job["spec"]["template"]["spec"]["containers"] == [{"name": "pi", "image": "perl", "command": ["echo", "pi"]}]
    assert container(render_submit(definition, {"name": "pi", "n": 1, "image": "x"}))["image"] == "x"
    for given in ({"name": "pi"}, {"name": "pi", "n": "many"}, {"name": "pi\nhostNetwork: true", "n": 1}):
        with pytest.raises(ValueRefused):
            render_submit(definition, given)


def test_the_memory_of_texts_is_bounded(define):
    """A loop renders another text for every length; the memory keeps the last few."""
    definition = define(args="{% for x in event.data %}{{ x }}, {% endfor %}")
    for length in range(100):
        assert args(render(definition, arrival(["v"] * length))) == ["v"] * length
    assert len(definition.plans) == 32
    long = render(definition, arrival(["v"] * 3000))
    assert len(args(long)) == 3000
    assert len(definition.plans) == 32


def test_all_values_together_are_bounded(define):
    """No more than the store of an API server takes."""
    definition = define(args="{% for x in event.data %}{{ x }}, {% endfor %}")
    with pytest.raises(ValueRefused, match="more than 1048576 characters"):
        render(definition, arrival(["x" * 100_000] * 11))
