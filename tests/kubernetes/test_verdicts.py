"""The table of verdicts, a row at a time, without a server."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook import errors
from webhook.clusters.kubernetes.verdicts import LONGEST_MESSAGE, verdict

CASES = [
    ("create", 409, "AlreadyExists", 'jobs.batch "a" already exists', errors.JobExists),
    ("create", 409, "Conflict", 'cannot be fulfilled on resourcequotas "q"', errors.ClusterUnavailable),
    ("create", 400, "BadRequest", 'unknown field "spec.bogus"', errors.ManifestRefused),
    ("create", 422, "Invalid", "spec.backoffLimit: Invalid value", errors.ManifestRefused),
    ("create", 413, "RequestEntityTooLarge", "limit is 3145728", errors.ManifestRefused),
    ("create", 404, "NotFound", 'namespaces "x" not found', errors.ClusterUnavailable),
    ("create", 403, "Forbidden", "exceeded quota: q, requested: count/jobs.batch=1", errors.ClusterUnavailable),
    ("create", 403, "Forbidden", "because it is being terminated", errors.ClusterUnavailable),
    ("create", 403, "Forbidden", 'User "u" cannot create resource "jobs" in API group', errors.NotPermitted),
    ("create", 403, "Forbidden", 'admission webhook "w" denied the request: no', errors.ManifestRefused),
    (
        "create",
        403,
        "Forbidden",
        "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
        errors.ManifestRefused,
    ),
    (
        "create",
        401,
        "Unauthorized",
        "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
        errors.ManifestRefused,
    ),
    ("create", 401, "Unauthorized", "Unauthorized", errors.NotPermitted),
    ("create", 500, "InternalError", "etcdserver: request is too large", errors.ManifestRefused),
    ("create", 500, "InternalError", "etcdserver: leader changed", errors.ClusterUnavailable),
    ("create", 500, "InternalError", 'failed calling webhook "w"', errors.ClusterUnavailable),
    ("create", 503, "ServiceUnavailable", "apiserver is shutting down", errors.ClusterUnavailable),
    ("create", 504, "Timeout", "request did not complete within the allotted timeout", errors.ClusterUnavailable),
    ("create", 429, "TooManyRequests", "too many requests", errors.ClusterUnavailable),
    ("get", 404, "NotFound", 'jobs.batch "a" not found', errors.NotFound),
    ("get", 403, "Forbidden", "not yours", errors.NotPermitted),
    ("list", 410, "Expired", "The provided continue parameter is too old", errors.Expired),
    ("list", 400, "BadRequest", "invalid continue token", errors.Expired),
    ("list", 400, "BadRequest", "unable to parse requirement", errors.ManifestRefused),
    ("watch", 410, "Gone", "too old resource version", errors.Expired),
    ("watch", 504, "Timeout", "Too large resource version", errors.Expired),
    ("watch", 403, "Forbidden", "not yours", errors.NotPermitted),
    ("log", 400, "BadRequest", 'container "main" in pod "p" is waiting to start', errors.NotFound),
    ("patch", 409, "Conflict", "the object has been modified", errors.Conflict),
    ("patch", 422, "Invalid", "field is immutable", errors.ManifestRefused),
    ("update", 422, "Invalid", "field is immutable when `immutable` is set", errors.Conflict),
    ("update", 422, "Invalid", "a valid config key must consist of", errors.ManifestRefused),
    ("delete", 409, "Conflict", "the UID in the precondition does not match", errors.Conflict),
    ("delete", 404, "NotFound", "not found", errors.NotFound),
]


@pytest.mark.parametrize(("verb", "code", "reason", "message", "expected"), CASES)
def test_each_row(verb, code, reason, message, expected):
    """Every answer has exactly one meaning, and the message keeps the server's words."""
    body = json.dumps({"kind": "Status", "reason": reason, "message": message, "code": code}).encode()
    error = verdict(verb, code, body, about="asked")
    assert type(error) is expected
    assert str(error) == f"asked: {message}"


@pytest.mark.parametrize("code", [300, 400, 403, 404, 409, 410, 418, 422, 500, 502, 503, 504])
@pytest.mark.parametrize(
    "body", [b"", b"<html>nginx</html>", b"404 page not found\n", b'{"error": "no such route"}', b"[]"]
)
def test_what_is_no_status_was_said_by_a_proxy_and_may_pass(code, body):
    """A 404 of a load balancer must never look like a Job that is gone."""
    assert type(verdict("get", code, body, about="asked")) is errors.ClusterUnavailable


@pytest.mark.parametrize(("code", "sent"), [(429, False), (403, False), (500, True), (503, True), (504, True)])
def test_only_a_refusal_is_certain_not_to_have_acted(code, sent):
    """After a 5xx nobody knows whether the Job exists."""
    error = verdict("create", code, b"", about="asked")
    assert isinstance(error, errors.ClusterUnavailable)
    assert error.sent is sent


@pytest.mark.parametrize(
    ("header", "details", "expected"),
    [
        ("7", None, timedelta(seconds=7)),
        (None, {"retryAfterSeconds": 3}, timedelta(seconds=3)),
        ("7", {"retryAfterSeconds": 3}, timedelta(seconds=7)),
        ("999999", None, timedelta(hours=1)),
        (None, {"retryAfterSeconds": 10**12}, timedelta(hours=1)),
        (None, {"retryAfterSeconds": -1}, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None, None),
        ("-5", None, None),
        (None, None, None),
    ],
)
def test_how_long_the_server_wants_to_be_left_alone(header, details, expected):
    """The header counts before the Status' own seconds, and neither for more than an hour."""
    body = json.dumps({"kind": "Status", "message": "m", "details": details}).encode()
    error = verdict("create", 503, body, about="asked", retry_after=header)
    assert isinstance(error, errors.ClusterUnavailable)
    assert error.retry_after == expected


def test_a_message_that_quotes_a_manifest_is_cut():
    """A 422 about the pod template quotes all of it; the log needs its beginning."""
    body = json.dumps({"kind": "Status", "reason": "Invalid", "message": "x" * 100_000}).encode()
    assert len(str(verdict("create", 422, body, about="asked"))) <= LONGEST_MESSAGE + 10


@given(
    st.sampled_from(["create", "get", "list", "watch", "patch", "update", "delete", "log"]),
    st.integers(300, 599),
    st.binary(),
)
def test_every_answer_has_a_verdict(verb, code, body):
    """No body and no status makes anything else than one of our errors."""
    assert isinstance(verdict(verb, code, body, about="asked"), errors.ClusterError)
