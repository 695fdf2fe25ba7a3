"""Conditions and templates over an event's large lists, against the real process."""

import threading

import pytest
from driving import ECHO, config

pytestmark = pytest.mark.timeout(120)  # a guard: without a bound the process would be busy for minutes

WATCHED = ECHO.replace("name: echo", "name: watched").replace(
    "source: {prefix: /test}",
    'source: /large\n    when: event.data.changed | select("in", event.data.watched) | list | length > 0',
)
LOOPED = ECHO.replace("name: echo", "name: looped").replace(
    "  - type: com.example.test\n    source: {prefix: /test}",
    "  - type: com.example.looped\n    when: '\"x00007\" in event.data.changed'",
)
LOOPED = LOOPED.replace(
    "            env:\n",
    "            {% for x in event.data.changed if x is in(event.data.watched) %}\n            {% endfor %}\n            env:\n",
)
LISTS = {
    "changed": [f"x{number:05}" for number in range(90_000)],
    "watched": [f"y{number:05}" for number in range(90_000)],
}


def test_a_condition_over_two_large_lists_is_no_match_and_the_process_answers(receivers, sink, tmp_path):
    """It fails as one that cannot be evaluated: 202 without Jobs, counted and logged, and /healthz is answered."""
    definitions = {"watched.yaml": WATCHED, "looped.yaml": LOOPED}
    receiver = receivers(tmp_path, definitions=definitions, config=config(sink)).start()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(receiver.send(LISTS, source="/large")))
    asking.start()
    while asking.is_alive():
        assert receiver.ask("GET", "/healthz").status == 200
    asking.join()
    assert answers[0].status == 202, answers[0].body
    assert answers[0].json["jobs"] == []
    assert receiver.ask("GET", "/healthz").status == 200
    assert b'jobhook_when_errors_total{definition="watched"} 1.0' in receiver.ask("GET", "/metrics").body
    [logged] = receiver.lines("definition.when_failed")
    assert "2000000 steps" in logged["reason"]
    within = receiver.send({"changed": LISTS["changed"], "watched": ["x00007"]}, source="/large")
    assert len(within.json["jobs"]) == 1
    refused = receiver.send(LISTS, type="com.example.looped")
    assert refused.status == 422, refused.body
