"""What a source is told apart from the others, over HTTP: its rate, its body limit, its tolerance."""

import json
import time
import uuid

import pytest
import signing
from driving import Receiver, Sink, config

ANY = """
name: any
on: [{type: {prefix: com.}}]
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    suspend: true
    template:
      spec:
        restartPolicy: Never
        containers: [{name: any, image: busybox, command: ["true"]}]
"""
BODY_LIMIT = 4096
SOURCES = {
    "usual": {"scheme": "github"},
    "few": {"scheme": "github", "rate": "3/h"},
    "small": {"scheme": "github", "limit": "1KiB"},
    "large": {"scheme": "github", "limit": "8KiB"},
    "prompt": {"scheme": "stripe", "tolerance": "60s"},
    "patient": {"scheme": "stripe", "tolerance": "1h"},
}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """One receiver with all of these sources."""
    sink, folder = Sink(), tmp_path_factory.mktemp("sources")
    sources = {name: options | {"secrets": ["secret"]} for name, options in SOURCES.items()}
    settings = config(sink, sources=sources, limits={"body": f"{BODY_LIMIT}B"})
    made = Receiver(folder, definitions={"any.yaml": ANY}, config=settings).start()
    yield made
    assert made.stop() == 0
    sink.close()


def _push(size=0):
    """A push that no other test sends, of `size` bytes where it is to have so many."""
    body = {"ref": str(uuid.uuid4()), "before": "b", "after": "a", "commits": [], "repository": {"html_url": "/r"}}
    return json.dumps(body).encode().ljust(size)


def _launched(receiver, delivery):
    return receiver.as_caller("GET", f"/jobs?event_id={delivery}").json["jobs"]


def test_a_rate_lets_so_many_good_deliveries_in(receiver):
    """Bad signatures spend nothing of it; beyond is 429 with Retry-After and no Job; other sources go on."""
    for _ in range(5):
        assert receiver.push(_push(), source="few", secret="a secret that is not the source's").status == 401
    assert [receiver.push(_push(), source="few").status for _ in range(3)] == [202] * 3
    over = receiver.push(_push(), source="few", delivery="over-the-rate")
    assert over.status == 429
    assert over.getheader("content-type") == "application/problem+json"
    assert int(over.getheader("retry-after")) >= 1
    assert _launched(receiver, "over-the-rate") == []
    assert receiver.push(_push(), source="few", secret="a secret that is not the source's").status == 401
    assert receiver.push(_push(), source="usual").status == 202


@pytest.mark.parametrize(("source", "limit"), [("usual", BODY_LIMIT), ("small", 1024), ("large", 8192)])
def test_a_limit_is_the_sources_own(receiver, source, limit):
    """Smaller or larger than the receiver's: up to it 202, one byte more 413 with the limit and no Job."""
    assert receiver.push(_push(limit), source=source).status == 202
    over = receiver.push(_push(limit + 1), source=source, delivery=f"too-large-{source}")
    assert over.status == 413
    assert str(limit) in over.json["detail"]
    assert _launched(receiver, f"too-large-{source}") == []


@pytest.mark.parametrize(("source", "within", "beyond"), [("prompt", 20, 120), ("patient", 1800, 5400)])
@pytest.mark.parametrize("way", [-1, 1], ids=["past", "future"])
def test_a_tolerance_is_the_sources_own(receiver, source, within, beyond, way):
    """Shorter or longer than five minutes: a signed timestamp within it is 202, one beyond it 401."""

    def post(off):
        body = json.dumps({"id": f"evt_{uuid.uuid4().hex}", "type": "invoice.paid", "data": {}}).encode()
        headers = signing.delivery("stripe", body, at=time.time() + way * off)
        return receiver.ask("POST", f"/hooks/{source}", body, headers).status

    assert (post(within), post(beyond)) == (202, 401)
