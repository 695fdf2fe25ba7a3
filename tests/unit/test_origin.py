"""Which websites' requests are ours."""

import pytest
from starlette.requests import Request

from webhook.errors import NotAllowed
from webhook.web.origin import check_origin


def _request(host, *origins):
    headers = [(b"host", host.encode()), *((b"origin", origin.encode()) for origin in origins)]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers})


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("jobs.example", "https://jobs.example"),
        ("jobs.example", "http://JOBS.example"),
        ("jobs.example:443", "https://jobs.example"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_our_own_page_passes(host, origin):
    """Whatever its scheme: who ends TLS before us does not tell."""
    check_origin(_request(host, origin))


def test_a_program_passes():
    """It sends no Origin."""
    check_origin(_request("jobs.example"))


@pytest.mark.parametrize(
    "origins",
    [
        ["null"],
        [""],
        ["https://evil.example"],
        ["https://jobs.example.evil"],
        ["https://jobs.example:8443"],
        ["https://evil.example@jobs.example:1"],
        ["file://jobs.example"],
        ["https://[jobs.example"],
        ["https://jobs.example", "https://jobs.example"],
        ["https://jobs.example:x"],
    ],
)
def test_every_other_does_not(origins):
    """A name that only looks like ours, an opaque origin, another port, two at once."""
    with pytest.raises(NotAllowed):
        check_origin(_request("jobs.example", *origins))
