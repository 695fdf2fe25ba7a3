"""One body under two names on a real store: across restarts, cleanups and replicas it stays the first one's."""

import json

import pytest
import signing
from driving import Place, config, until

CREATED, UPDATED = "pullrequest:created", "pullrequest:updated"


def _definition(place, name, event):
    """A definition that asks for one of Bitbucket Cloud's names."""
    echo = place.echo().replace("name: echo\n", f"name: {name}\n", 1)
    return echo.replace(
        "type: {prefix: com.github.}\n    via: github", f"type: com.bitbucket.{event}\n    via: bitbucket", 1
    )


@pytest.fixture
def start(receivers, sink):
    """Start a receiver with a definition for each of the two names, which cleans up at once."""

    def make(folder, place, *, more=()):
        folder.mkdir(exist_ok=True)
        (folder / "bitbucket-secret").write_bytes(signing.SECRET)
        asked = {"on-created": "pullrequest.created", "on-updated": "pullrequest.updated", **dict(more)}
        settings = config(
            sink,
            sources={"bitbucket": {"scheme": "bitbucket", "secrets": ["bitbucket-secret"]}},
            retention={"succeeded": "0s", "failed": "0s"},
            settle="0s",
        )
        files = {f"{name}.yaml": _definition(place, name, event) for name, event in asked.items()}
        return receivers(folder, definitions=files, config=settings, environ=place.environ).start()

    return make


@pytest.fixture
def on_kubernetes(throwaway):
    """A namespace of a real cluster."""
    environ = {
        "JOBHOOK_CLUSTER": "kubernetes",
        "KUBECONFIG": str(throwaway.kubeconfig),
        "JOB_NAMESPACE": throwaway.namespace(),
    }
    return Place(environ, throwaway.image)


def _body(mark):
    repository = {"links": {"html": {"href": "https://bitbucket.org/acme/shop"}}}
    return json.dumps({"pullrequest": {"id": 12, "state": "OPEN"}, "repository": repository, "mark": mark}).encode()


def _post(receiver, body, event, *, delivery_id="1"):
    headers = signing.delivery("bitbucket", body, event=event, delivery_id=delivery_id)
    return receiver.ask("POST", "/hooks/bitbucket", body, headers)


def _launched(answer):
    """By definition: the Job's name, and whether it was created now."""
    assert answer.status == 202, answer.body
    return {job["definition"]: (job["name"], job["created"]) for job in answer.json["jobs"]}


def _is_refused(receiver, body, event=UPDATED):
    """Under that name nothing is launched, whatever the id."""
    for delivery_id in ("1", "fresh"):
        answer = _post(receiver, body, event, delivery_id=delivery_id)
        assert answer.status == 422, answer.body
        assert all("refused" in job for job in answer.json["jobs"])


def _clean_up(receiver, sink, name):
    sink.wait(name)
    until(lambda: receiver.job(name)["completion"] == "delivered", what="the mark")

    def gone():
        receiver.as_caller("POST", "/cleanup")
        return receiver.as_caller("GET", f"/jobs/{name}").status == 404

    until(gone, what="the end of the Job")


def test_a_captured_body_keeps_its_name(start, sink, tmp_path, place):
    """While its Job is there, after a restart, after it was cleaned up, and after a restart then."""
    receiver = start(tmp_path / "one", place)
    body = _body("keeps")
    [(name, _)] = _launched(_post(receiver, body, CREATED)).values()
    _is_refused(receiver, body)
    receiver.kill()
    receiver.start()
    _is_refused(receiver, body)
    _clean_up(receiver, sink, name)
    _is_refused(receiver, body)
    receiver.kill()
    receiver.start()
    _is_refused(receiver, body)
    assert _launched(_post(receiver, body, CREATED)) == {"on-created": (name, False)}
    assert len(sink.of(name)) == 1


def test_another_replica_knows_it_too(start, sink, tmp_path, on_kubernetes):
    """By its watch while the Job is there, by its copy of the ledger afterwards; of an honest repeat as well."""
    one, two = (start(tmp_path / name, on_kubernetes) for name in ("one", "two"))
    body = _body("replicas")
    [(name, _)] = _launched(_post(one, body, CREATED)).values()

    def heard():
        view = two.as_caller("GET", "/definitions/on-created").json
        return name in {job["name"] for job in view["last"]} or sum(view["jobs"].values())

    until(heard, what="the second replica's watch")
    _is_refused(two, body)
    assert _launched(_post(two, body, CREATED)) == {"on-created": (name, False)}
    _clean_up(one, sink, name)
    until(lambda: b"jobhook_ledger_keys 3.0" in two.ask("GET", "/metrics").body, what="the second replica's copy")
    until(lambda: not sum(two.as_caller("GET", "/definitions/on-created").json["jobs"].values()), what="its index")
    _is_refused(two, body)
    _is_refused(one, body)
    assert _launched(_post(two, body, CREATED)) == {"on-created": (name, False)}


@pytest.mark.parametrize("gone", [False, True], ids=["its other Job is there", "its other Job is gone"])
def test_a_partly_postponed_event_is_completed_under_its_own_name(
    start, sink, tmp_path, on_kubernetes, *, throwaway, gone
):
    """A quota lets one of two Jobs in: 503. Sent again when there is room the other is made; relabelled none is."""
    namespace = on_kubernetes.environ["JOB_NAMESPACE"]
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": namespace},
        "spec": {"hard": {"count/jobs.batch": "1"}},
    }
    throwaway.apply(quota)

    def counted():
        held = json.loads(throwaway.kubectl("get", "resourcequota", "few", "-n", namespace, "-o", "json"))
        return held.get("status", {}).get("used")

    until(counted, what="the quota's first count")
    receiver = start(tmp_path / "one", on_kubernetes, more={"too-created": "pullrequest.created"}.items())
    body = _body(f"quota {gone}")
    answer = _post(receiver, body, CREATED)
    assert answer.status == 503, answer.body
    [made] = [job for job in answer.json["jobs"] if "name" in job]
    [waits] = [job["definition"] for job in answer.json["jobs"] if "postponed" in job]
    _is_refused(receiver, body)
    if gone:
        _clean_up(receiver, sink, made["name"])
        until(lambda: counted()["count/jobs.batch"] == "0", what="room")
        receiver.kill()
        receiver.start()
    else:
        throwaway.apply(quota | {"spec": {"hard": {"count/jobs.batch": "9"}}})
    _is_refused(receiver, body)
    again = until(lambda: (a := _post(receiver, body, CREATED)).status == 202 and a, what="a launch with room")
    told = _launched(again)
    assert told[made["definition"]] == (made["name"], False)
    assert told[waits][1]
    _is_refused(receiver, body)
