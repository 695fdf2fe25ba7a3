"""Who may post to /events, how often, and the handshake that grants it: receivers that differ in `events` alone."""

import select
import socket

import pytest
from driving import TOKEN, Receiver, Sink, config

ANY = """
name: any
on: [{type: com.example.test}]
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
EVENT = {"ce-specversion": "1.0", "ce-source": "/s", "ce-type": "com.example.test", "accept": "application/json"}


def _running(folder, *, environ=None, **more):
    sink = Sink()
    try:
        made = Receiver(folder, definitions={"any.yaml": ANY}, config=config(sink, **more), environ=environ).start()
        yield made
        assert made.stop() == 0
    finally:
        sink.close()


@pytest.fixture(scope="module")
def anyone(tmp_path_factory):
    """Everyone may post, three times an hour; no handshake."""
    yield from _running(tmp_path_factory.mktemp("anyone"), events={"auth": "none", "rate": "3/h"})


@pytest.fixture(scope="module")
def granting(tmp_path_factory):
    """Every origin is granted; a token is needed all the same."""
    yield from _running(tmp_path_factory.mktemp("granting"), events={"origins": ["*"], "rate": "600/m"})


@pytest.fixture(scope="module")
def account(throwaway):
    """A service account of a namespace of its own: (namespace, maker of its tokens by audience)."""
    namespace = throwaway.namespace()
    throwaway.kubectl("create", "serviceaccount", "sender", "-n", namespace)
    throwaway.kubectl("create", "serviceaccount", "stranger", "-n", namespace)

    def token(audience, name="sender"):
        return throwaway.kubectl("create", "token", name, "-n", namespace, f"--audience={audience}").strip()

    return namespace, token


@pytest.fixture(scope="module")
def known(throwaway, account, tmp_path_factory):
    """One service account may post; every origin is granted, at any rate."""
    namespace, _ = account
    caller = {"name": "sender", "service_account": f"{namespace}/sender", "audience": "jobhook", "may": ["events"]}
    environ = {
        "JOBHOOK_CLUSTER": "kubernetes",
        "KUBECONFIG": str(throwaway.kubeconfig),
        "JOB_NAMESPACE": namespace,
    }
    folder = tmp_path_factory.mktemp("known")
    yield from _running(folder, environ=environ, callers=[caller], events={"auth": "bearer", "origins": ["*"]})


def _post(receiver, id_, token=None, path="/events"):
    authorization = {"authorization": f"Bearer {token}"} if token else {}
    return receiver.ask("POST", path, b"", EVENT | {"ce-id": id_} | authorization)


def _ask(receiver, path="/events", **headers):
    return receiver.ask("OPTIONS", path, None, {f"webhook-request-{name}": value for name, value in headers.items()})


def test_with_auth_none_anybody_may_post_up_to_the_rate(anyone):
    """No token, or one that means nothing: 202 with the Job, at both paths; beyond the rate 429 with Retry-After and no Job."""
    for id_, token, path in [("1", None, "/events"), ("2", None, "/"), ("3", "a-strangers-token", "/events")]:
        answer = _post(anyone, id_, token, path)
        assert (answer.status, answer.json["jobs"][0]["created"]) == (202, True)
    for path in ("/events", "/"):
        over = _post(anyone, "4", path=path)
        assert over.status == 429
        assert over.getheader("content-type") == "application/problem+json"
        assert int(over.getheader("retry-after")) >= 1
    assert anyone.as_caller("GET", "/jobs?event_id=4").json["jobs"] == []


def test_auth_none_opens_no_other_door(anyone):
    """The Job API asks for a token as ever."""
    for method, path in [("GET", "/jobs"), ("POST", "/jobs"), ("POST", "/cleanup")]:
        assert anyone.ask(method, path).status == 401


def test_without_origins_there_is_no_handshake(anyone):
    """405, with the method that there is and nothing granted."""
    for path in ("/events", "/"):
        answer = _ask(anyone, path, origin="events.example.com", rate="10")
        assert answer.status == 405
        assert "POST" in answer.getheader("allow")
        assert "OPTIONS" not in answer.getheader("allow")
        assert answer.getheader("webhook-allowed-origin") is None
        assert answer.getheader("webhook-allowed-rate") is None


@pytest.mark.parametrize("rate", [None, "10", "1000000", "often", "-1", "", "*"])
def test_the_handshake_grants_our_rate_whatever_is_asked(granting, rate):
    """To any origin under `*`; a rate that is none is no reason to refuse."""
    for path in ("/events", "/"):
        answer = _ask(granting, path, origin="Anything.example.net", **({} if rate is None else {"rate": rate}))
        assert answer.status == 200
        assert answer.getheader("webhook-allowed-origin") == "Anything.example.net"
        assert answer.getheader("webhook-allowed-rate") == "600"
        assert "POST" in answer.getheader("allow")


def test_the_handshake_grants_nothing_to_nobody(granting):
    """Without an origin it is an OPTIONS as any other: what the methods are, and no grant."""
    answer = _ask(granting, rate="10")
    assert answer.status == 204
    assert "POST" in answer.getheader("allow")
    assert answer.getheader("webhook-allowed-origin") is None
    assert answer.getheader("webhook-allowed-rate") is None


def test_the_handshakes_grant_is_no_token(granting):
    """An origin that was granted still has to say who it is."""
    assert _ask(granting, origin="events.example.com").status == 200
    assert granting.ask("POST", "/events", b"", EVENT | {"ce-id": "1", "origin": "events.example.com"}).status == 401
    assert _post(granting, "1", TOKEN).status == 202


def test_the_handshakes_callback_is_never_called(granting):
    """When later requests, a launch and a sweep are through, nothing has connected to it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        callback = f"http://127.0.0.1:{listening.getsockname()[1]}/called"
        for _ in range(3):
            assert _ask(granting, origin="events.example.com", rate="10", callback=callback).status == 200
        job = _post(granting, "after", TOKEN)
        assert job.status == 202
        assert granting.as_caller("GET", job.getheader("location")).status == 200
        assert granting.as_caller("POST", "/cleanup").status == 200
        assert select.select([listening], [], [], 0) == ([], [], [])


def test_without_a_rate_any_is_granted(known):
    """As the specification writes it."""
    assert _ask(known, origin="events.example.com", rate="10").getheader("webhook-allowed-rate") == "*"


def test_a_service_account_that_may_events_posts_with_its_own_token(known, account):
    """Its real token for our audience is 202; none, another audience's and another account's are 401."""
    _, token = account
    answer = _post(known, "1", token("jobhook"))
    assert (answer.status, answer.json["jobs"][0]["created"]) == (202, True)
    for refused in (None, token("somebody-else"), token("jobhook", "stranger"), token("jobhook")[:-8] + "AAAAAAAA"):
        answer = _post(known, "2", refused)
        assert answer.status == 401
        assert "detail" not in answer.json
    assert known.ask("GET", "/jobs", None, {"authorization": f"Bearer {token('jobhook')}"}).status == 403
