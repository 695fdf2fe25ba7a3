"""Every completion that a test's sink takes is read as a stranger would: by the stock SDK, against the published schema."""

import functools
import json
import pathlib

import jsonschema
from cloudevents.core.bindings import http

SCHEMA = pathlib.Path(__file__).resolve().parent.parent / "docs" / "completion.schema.json"
TYPES = {f"dev.jobhook.job.{outcome}.v1": outcome for outcome in ("succeeded", "failed", "cancelled")}


@functools.cache
def _validator():
    return jsonschema.Draft202012Validator(
        json.loads(SCHEMA.read_text()), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def read(headers, body):
    """Decode a request by the SDK, and hold the event against what is published; answer the SDK's event.

    Raises:
        AssertionError, jsonschema.ValidationError: it is not as published.
    """
    event = http.from_http_event(http.HTTPMessage(headers=dict(headers), body=body))
    data = event.get_data()
    _validator().validate(data)
    assert event.get_type() in TYPES, event.get_type()
    assert data["outcome"] == TYPES[event.get_type()]
    assert event.get_subject() == data["job"]["name"]
    assert event.get_id().startswith(data["job"]["uid"])
    assert event.get_source().startswith("//")
    assert event.get_specversion() == "1.0"
    return event
