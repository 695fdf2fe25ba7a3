"""What of a manifest's text came from values."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webhook import yaml
from webhook.checking.shown import show
from webhook.definitions import load
from webhook.errors import ValueRefused
from webhook.events import Arrival, Event
from webhook.rendering import mount, render

TEXT = """\
name: a
on: [{type: t}]
event: EVENT
params: {list: {default: [p, q], type: json}}
spec: |
  apiVersion: batch/v1
  kind: Job
  metadata: {labels: {branch: "{{ event.data.v }}", fixed: same}}
  spec:
    completions: {{ event.data.n }}
    template:
      spec:
        restartPolicy: Never
        initContainers:
          - {name: first, image: busybox, args: {{ list }}}
        containers:
          - name: main
            image: busybox
            args: ["--title={{ event.data.v }};{{ event.data.v }}!", plain]
            env:
              - {name: V, value: "{{ event.data.v }}"}
              - {name: W, value: fixed}
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Render with a value, and show it."""
    folder = tmp_path_factory.mktemp("shown")
    made = {}
    for mode in ("none", "env", "file"):
        (folder / f"{mode}.yaml").write_text(TEXT.replace("EVENT", mode))
        made[mode] = load(folder / f"{mode}.yaml").get("a")

    def run(value, mode="none", size=0):
        data = {"v": value, "n": 3, "x": "x" * size}
        event = Event(id="the-id", source="/s", type="t", datacontenttype="application/json", data=data)
        arrival = Arrival(event=event, via="events", identity="1", received=datetime(2026, 1, 31, tzinfo=UTC))
        rendered = render(made[mode], arrival)
        if rendered.payload is not None:
            mount(rendered.manifest, "a-1-event")
        return rendered.manifest, show(made[mode], rendered, event)

    return run


def marked(view):
    return [text for text, ours in view.pieces() if ours]


def test_what_came_from_values_is_marked(shown):
    """Whole leaves, parts of texts, numbers and each item of a list; nothing that the template says itself."""
    _, view = shown("hello")
    assert marked(view) == ["hello", "3", "p", "q", "hello", "hello", "hello"]
    assert "--title=hello;hello!" in view.text


def test_the_whole_event_is_marked(shown):
    """Our own variables before a container's, and the annotation with the event."""
    _, view = shown("hello", "file")
    assert {"the-id", "/s", "t"} <= set(marked(view))
    assert "/var/run/jobhook/event.json" not in marked(view)
    assert any(text.startswith("'{") and "specversion" in text for text in marked(view))
    assert "fixed" not in marked(view)
    _, view = shown("hello", "env")
    assert any("specversion" in text for text in marked(view))


def test_a_large_event_is_not_in_the_text(shown):
    """It is in a record, whose name is ours."""
    _, view = shown("hello", "file", size=40_000)
    assert len(view.text) < 5000
    assert "a-1-event" not in marked(view)


def test_a_submit_is_shown_too(tmp_path):
    """Where there is no event, the parameters are the values."""
    from webhook.rendering import render_submit

    (tmp_path / "a.yaml").write_text(
        TEXT.replace("EVENT", "none")
        .replace("event.data.v", "v")
        .replace("event.data.n", "3")
        .replace("params: {", "params: {v: {required: true, default: x}, ")
    )
    definition = load(tmp_path).get("a")
    view = show(definition, render_submit(definition, {"v": "given"}), None)
    assert marked(view).count("given") == 4


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.text(max_size=20)
    | st.sampled_from(["|", "> x", "- a\n- b", "a: b", "'", '"', "#", "\x85", "\u2028x", "no", "1e3", "$", "$$(X)"])
)
@pytest.mark.parametrize("mode", ["none", "env", "file"])
def test_any_value_is_shown_as_it_is(shown, mode, value):
    """The text is the manifest, whatever the value is, and the pieces are the text."""
    try:
        manifest, view = shown(value, mode)
    except ValueRefused:
        return
    assert yaml.value(yaml.document(view.text)) == manifest
    assert "".join(text for text, _ in view.pieces()) == view.text
    assert all(begin < end for begin, end in view.spans)
