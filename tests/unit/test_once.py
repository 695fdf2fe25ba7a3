"""What is told once, and where that is used."""

import asyncio
from datetime import UTC, datetime

import structlog

from webhook.definitions import load
from webhook.events import Arrival, Event
from webhook.launch import Launcher
from webhook.metrics import Metrics
from webhook.once import Once

DEFINITIONS = """\
name: {name}
on: [{{type: t, when: event.data.{key} > 1}}]
spec: |
  apiVersion: batch/v1
  kind: Job
  spec: {{template: {{spec: {{restartPolicy: Never, containers: []}}}}}}
"""


def test_a_thing_is_new_once():
    """Each by itself."""
    once = Once()
    assert [once("a"), once("b"), once("a"), once(("a", "b"))] == [True, True, False, True]


def test_its_memory_is_bounded_and_keeps_what_goes_on():
    """Of too many things the one unseen for longest is forgotten."""
    once = Once(limit=3)
    assert all(once(number) for number in range(3))
    assert not once(0)
    assert once(3)
    assert not once(0)
    assert once(1)
    for number in range(1000):
        once(("flood", number))
    assert len(once._seen) == 3


def test_a_failing_when_is_logged_once_and_counted_each_time(tmp_path):
    """For each definition and reason."""
    for name, key in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / f"{name}.yaml").write_text(DEFINITIONS.format(name=name, key=key))
    definitions, metrics = load(tmp_path), Metrics()

    class NoJobs:
        namespace = "default"

    launcher = Launcher(NoJobs(), definitions=lambda: definitions, signature="jobhook", metrics=metrics)

    async def send(data):
        event = Event(id="1", source="/s", type="t", datacontenttype="application/json", data=data)
        arrival = Arrival(event=event, via="events", identity="1", received=datetime.now(UTC))
        assert await launcher.launch(arrival, deadline=0) == ()

    with structlog.testing.capture_logs() as logs:
        for data in ({}, {}, {"x": "text", "y": 0}, {}):
            asyncio.run(send(data))
    failed = [(log["definition"], log["reason"]) for log in logs if log["event"] == "definition.when_failed"]
    assert len(failed) == len(set(failed)) == 5
    counted = {name: metrics.condition_errors.labels(name)._value.get() for name in "abc"}
    assert counted == {"a": 4, "b": 4, "c": 3}
