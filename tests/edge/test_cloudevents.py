"""CloudEvents at the real process: every case's status over HTTP, and what goes out, read by the stock SDK."""

import base64
import datetime as dt
import json
import pathlib
import urllib.parse

import jsonschema
import pytest
from cloudevents.core.bindings import http as stock
from driving import TOKEN, Receiver, Sink, config

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "cloudevents"
RULES = json.loads((DATA / "rules.json").read_text())
SCHEMA = json.loads((DATA / "event.schema.json").read_text())
JOB = """
name: NAME
on: [{type: com.example.NAME}]
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        containers:
          - {name: one, image: busybox, command: [sh, -c, 'printf "%s" "{\\"ü\\": 1}" > "$JOBHOOK_TERMINATION_LOG"; exit CODE']}
"""

formats = jsonschema.FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def _is_moment(text):
    return "T" in text and dt.datetime.fromisoformat(text).tzinfo is not None


@formats.checks("uri-reference", raises=ValueError)
def _is_reference(text):
    return text.isascii() and " " not in text and urllib.parse.urlsplit(text) is not None


@formats.checks("uri", raises=ValueError)
def _is_uri(text):
    return _is_reference(text) and bool(urllib.parse.urlsplit(text).scheme)


@pytest.fixture(scope="module")
def sinks():
    """One for each mode, and one for dead letters."""
    made = {name: Sink() for name in ("binary", "structured", "refusing", "dead")}
    yield made
    for sink in made.values():
        sink.close()


@pytest.fixture(scope="module")
def receiver(sinks, tmp_path_factory):
    """A receiver with two Jobs to tell of, one of which fails."""
    settings = config(sinks["binary"])
    del settings["sources"]  # with GitHub's hook declared, its types would not be believed here
    settings["sinks"] = [
        {"name": mode, "url": sinks[mode].url, "mode": mode, "retry": {"for": "1h", "first": "50ms"}}
        for mode in ("binary", "structured")
    ]
    settings["sinks"].append(
        {"name": "refusing", "url": sinks["refusing"].url, "dead_letter": sinks["dead"].url, "retry": {"for": "1h"}}
    )
    for _ in range(100):
        sinks["refusing"].statuses.put(400)
    definitions = {
        f"{name}.yaml": JOB.replace("NAME", name).replace("CODE", code) for name, code in (("good", "0"), ("bad", "3"))
    }
    made = Receiver(tmp_path_factory.mktemp("cloudevents"), definitions=definitions, config=settings).start()
    yield made
    assert made.stop() == 0


def _ask(receiver, method, headers, body):
    head = [(name, value.encode()) for name, value in headers]
    return receiver.ask(method, "/events", body, dict([*head, ("authorization", f"Bearer {TOKEN}")])).status


def test_each_outside_case_is_answered_as_it_expects(receiver, outside_data):
    """The conformance suite's, the specification's examples, and five SDKs'; what needs version 0.3 is refused."""
    count, wrong = 0, []
    for file in sorted((outside_data / "cloudevents").glob("*.json")):
        for case in json.loads(file.read_text()):
            count += 1
            body = base64.b64decode(case["body_base64"]) if "body_base64" in case else case.get("body", "").encode()
            status = _ask(receiver, case["method"], case["headers"].items(), body)
            refused = case["expect"] == "reject" or "requires" in case
            expected = case.get("expect_status", [400, 415]) if refused else [202]
            if status not in expected:
                wrong.append((case["name"], status, expected))
    assert not wrong
    assert count > 200


def test_each_rule_of_the_specification_is_answered_so(receiver):
    """The project's own cases, over HTTP."""
    wrong = []
    for case in RULES:
        names = [name for name, _ in case["headers"]]
        if len(set(names)) < len(names):
            continue  # the client of this test cannot send a header twice; the decoder's test does
        status = _ask(receiver, "POST", case["headers"], case["body"].encode())
        if status != case.get("refused", 202):
            wrong.append((case["name"], status))
    assert not wrong
    assert len(RULES) > 200


@pytest.mark.parametrize(("name", "outcome"), [("good", "succeeded"), ("bad", "failed")])
def test_what_goes_out_is_read_by_the_stock_sdk_and_holds_to_the_schema(receiver, sinks, project, name, outcome):
    """In both modes and as a dead letter: the same event, valid by the specification's schema and by its data's own."""
    attributes = {"type": f"com.example.{name}", "id": f"ü {name}", "subject": "a b%"}
    job = receiver.send(mode="structured", **attributes).json["jobs"][0]["name"]
    data_schema = json.loads((project / "docs" / "completion.schema.json").read_text())
    seen = {}
    for sink in ("binary", "structured", "dead"):
        headers, body = _about(sinks[sink], job)
        event = stock.from_http_event(stock.HTTPMessage(headers, body))
        assert event.get_type() == f"dev.jobhook.job.{outcome}.v1"
        assert event.get_subject() == job
        assert event.get_specversion() == "1.0"
        envelope = _envelope(headers, body)
        jsonschema.validate(envelope, SCHEMA, format_checker=formats)
        jsonschema.validate(envelope["data"], data_schema)
        assert envelope["data"]["result"] == {"ü": 1}
        seen[sink] = {name: str(value) for name, value in envelope.items() if not name.startswith("knativeerror")}
    assert seen["binary"] == seen["structured"] == seen["dead"]
    assert stock.from_http_event(stock.HTTPMessage(*_about(sinks["dead"], job))).get_extension("knativeerrorcode")


def _about(sink, job):
    """The first request about a Job, and only of the right media type for its mode."""
    from driving import until

    def found():
        for headers, body in list(sink.requests):
            if headers.get("ce-subject") == job or (
                headers["content-type"] == "application/cloudevents+json" and json.loads(body)["subject"] == job
            ):
                return headers, body
        return None

    return until(found, what=f"a completion of {job}")


def _envelope(headers, body):
    """The event in the JSON format, whichever mode it came in."""
    if headers["content-type"] == "application/cloudevents+json":
        return json.loads(body)
    assert headers["content-type"] == "application/json"
    attributes = {
        name[3:]: urllib.parse.unquote(value, errors="strict")
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    return {**attributes, "datacontenttype": headers["content-type"], "data": json.loads(body)}


def test_the_schema_can_refuse():
    """What is no event is not valid by it."""
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
    jsonschema.validate(event, SCHEMA, format_checker=formats)
    for wrong in ({"id": ""}, {"time": "now"}, {"source": "a b"}, {"my-ext": "x"}, {"x": 1.5}, {"specversion": "0.3"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(event | wrong, SCHEMA, format_checker=formats)
