"""What single steps of the path cost, in a process of its own: JSON of microseconds."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import timeit
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from webhook import json as ours
from webhook.clusters.objects import JobObject
from webhook.clusters.reading import read_job
from webhook.definitions import load
from webhook.events import Arrival, decode
from webhook.json import as_type
from webhook.providers import PROVIDERS, Greeting, receive
from webhook.rendering import render
from webhook.routing import match
from webhook.signatures import SCHEMES, verify

from . import shapes

HERE = Path(__file__).resolve().parent
SECRET = b"It's a Secret to Everybody, and this one long enough"
NOW = datetime.now(UTC)
BINARY = [
    (b"content-type", b"application/json"),
    (b"ce-specversion", b"1.0"),
    (b"ce-id", b"1"),
    (b"ce-source", b"https://github.com/acme/website"),
    (b"ce-type", b"com.acme.push"),
]


def main() -> None:
    body = (HERE / "payloads" / "push.json").read_bytes().strip().replace(b"@" * 40, b"a" * 40)
    signature = hmac.digest(SECRET, body, "sha256").hex().encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"x-github-event", b"push"),
        (b"x-github-delivery", b"1"),
        (b"x-hub-signature-256", b"sha256=" + signature),
    ]
    delivery = receive(PROVIDERS["github"], headers, body)
    if isinstance(delivery, Greeting):
        raise TypeError(delivery)
    arrival = Arrival(event=delivery.event, via="github", identity=delivery.identity, received=NOW)
    began = time.perf_counter()
    definitions = load(HERE / "definitions")
    loaded = time.perf_counter()
    definition = match(definitions, arrival).definitions[0]
    manifest = render(definition, arrival).manifest
    first = time.perf_counter()
    answer = _answered(manifest)
    structured = json.dumps(
        {"specversion": "1.0", "id": "1", "source": "urn:x", "type": "t", "data": json.loads(body)}
    ).encode()
    steps: dict[str, Callable[[], object]] = {
        "SHA-256 of the body": lambda: hashlib.sha256(body).hexdigest(),
        "verify GitHub's signature": lambda: verify(
            SCHEMES["github"], headers, body, [SECRET], now=NOW, tolerance=timedelta(seconds=300)
        ),
        "decode the JSON": lambda: ours.load(body),
        "GitHub's delivery to an event, JSON included": lambda: receive(PROVIDERS["github"], headers, body),
        "a CloudEvent, binary mode": lambda: decode(BINARY, body),
        "a CloudEvent, structured mode": lambda: decode(
            [(b"content-type", b"application/cloudevents+json")], structured
        ),
        "match": lambda: match(definitions, arrival),
        "render, warm": lambda: render(definition, arrival),
        "encode the manifest": lambda: ours.dump(manifest),
        "read the API server's answer": lambda: read_job(as_type(answer, JobObject)),
        **shapes.matching(),
    }
    costs = {"load the definitions": (loaded - began) * 1e6, "match and render, the first time": (first - loaded) * 1e6}
    costs |= {name: _cost(step) for name, step in steps.items()}
    print(json.dumps(costs | shapes.examples(HERE.parent)))


def _answered(manifest: dict[str, object]) -> bytes:
    """What the API server sends back, near enough."""
    metadata = {"name": "push-1", "namespace": "default", "uid": "u", "resourceVersion": "1"}
    metadata["creationTimestamp"] = "2026-01-01T00:00:00Z"
    return ours.dump(manifest | {"metadata": metadata})


def _cost(step: Callable[[], object]) -> float:
    timer = timeit.Timer(step)
    number = max(1, int(0.02 / max(1e-7, timer.timeit(20) / 20)))
    # The best, not the median: whoever else is at work only adds.
    return min(timer.repeat(15, number)) / number * 1e6


if __name__ == "__main__":
    main()
