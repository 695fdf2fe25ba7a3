"""The OpenAPI document, held against the real process: every route, valid and broken requests of all kinds."""

import jsonschema
import pytest
import requests
import schemathesis
from driving import TOKEN, Receiver, Sink, config
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth

from webhook.web.api import TABLE
from webhook.web.contract import OPERATIONS

QUEUED = """
name: queued
params:
  word: {required: false, pattern: "[a-z]+"}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    suspend: true
    template:
      spec:
        restartPolicy: Never
        containers: [{name: main, image: busybox, command: ["true"]}]
"""
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """One receiver for all requests, whatever they do to its Jobs."""
    sink = Sink()
    made = Receiver(tmp_path_factory.mktemp("api"), definitions={"queued.yaml": QUEUED}, config=config(sink)).start()
    yield made
    assert made.stop() == 0
    sink.close()


@pytest.fixture(scope="module")
def api(receiver):
    """The document as the process serves it."""
    document = receiver.ask("GET", "/openapi.json").json
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=f"http://127.0.0.1:{receiver.port}")
    return schema


def _kinds():
    """Every route with valid requests, and with broken ones where something of a request can be broken."""
    for (method, path), operation in OPERATIONS.items():
        yield method, path, GenerationMode.POSITIVE
        if operation.query or operation.keyed or operation.bodies or "{name}" in path:
            yield method, path, GenerationMode.NEGATIVE


@pytest.mark.parametrize(("method", "path", "mode"), list(_kinds()), ids=lambda part: str(getattr(part, "value", part)))
def test_every_answer_is_as_the_document_says(api, method, path, mode):
    """No 5xx, no status, content type or shape that is not in it; what breaks the schema is refused."""
    operation = api[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def ask(case):
        if mode is GenerationMode.POSITIVE:
            case.query.pop("continue", None)  # which tokens are good, no schema can say
        # Without the token of the test it would be sent with it all the same; that 401 has rows of its own.
        case.call_and_validate(headers=AUTHORIZED, timeout=20, excluded_checks=[ignored_auth], session=session)

    with requests.Session() as session:  # without one, each request leaves its socket to the garbage collector
        ask()


def test_every_route_of_the_table_is_in_the_document(receiver):
    """Nothing is served that the document does not tell of."""
    assert {(method, path) for path, _, method in TABLE} == {*OPERATIONS, ("GET", "/openapi.json")}
    paths = receiver.ask("GET", "/openapi.json").json["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == set(OPERATIONS)


def test_the_document_is_openapi_3_1(receiver):
    """Open to everyone, with one bearer scheme; its schemas are valid ones."""
    answer = receiver.ask("GET", "/openapi.json")
    assert (answer.status, answer.getheader("content-type")) == (200, "application/json")
    assert answer.json["openapi"] == "3.1.0"
    for one in answer.json["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(one)
