"""Completions on their way out of the real process: signed, refused, dead-lettered, sent again, over TLS."""

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from driving import ECHO, SECRET, Sink, config, until

from webhook.errors import NotAuthenticated
from webhook.signatures import SCHEMES, verify

FAILING = ECHO.replace("com.example.test", "com.example.fails").replace("name: echo", "name: fails", 1)
FAILING = FAILING.replace("sh, -c, 'echo", "sh, -c, 'exit 3; echo")


@pytest.fixture
def letters():
    """The sink of dead letters."""
    server = Sink()
    yield server
    server.close()


def sink_of(sink, **more):
    """The one sink of a configuration, tried often."""
    retry = {"for": "1h", "first": "50ms", "longest": "200ms"}
    return {"name": "sink", "url": f"{sink.url}in?key=hunter2", "retry": retry, **more}


def command(receiver, *arguments):
    """Run `jobhook redeliver` against a receiver; answer its exit code and what it printed."""
    environ = {
        "PATH": "",
        "JOBHOOK_URL": f"http://127.0.0.1:{receiver.port}",
        "JOBHOOK_TOKEN_FILE": str(receiver.folder / "token"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "webhook", "redeliver", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout and json.loads(done.stdout), done.stderr


def wait_completion(receiver, name, state):
    """Wait for a completion's label, and answer the Job."""
    return until(lambda: (job := receiver.job(name))["completion"] == state and job, what=f"completion={state}")


def test_a_refused_event_goes_to_the_dead_letter_as_it_was(receivers, sink, letters, tmp_path, place):
    """The original event, plus where it was sent, what was answered, and the answer in base64; the Job says dead."""
    settings = config(sink, sinks=[sink_of(sink, dead_letter=letters.url)])
    receiver = receivers(
        tmp_path, definitions={"echo.yaml": place.echo()}, config=settings, environ=place.environ
    ).start()
    sink.statuses.put(422)
    letters.statuses.put(503)
    name = receiver.send().json["jobs"][0]["name"]
    letter = letters.wait(name)
    (refused_headers, refused_body), (headers, body) = sink.requests[0], letters.requests[-1]
    assert body == refused_body
    ours = {key: value for key, value in headers.items() if key.startswith("ce-knativeerror")}
    assert {key: value for key, value in headers.items() if key.startswith("ce-")} == {
        key: value for key, value in refused_headers.items() if key.startswith("ce-")
    } | ours
    assert letter["knativeerrordest"] == f"{sink.url}in"
    assert letter["knativeerrorcode"] == "422"
    assert base64.b64decode(letter["knativeerrordata"], validate=True) == b"answered 422"
    job = wait_completion(receiver, name, "dead")
    told = job["delivery"]["sink"]
    assert (told["state"], told["attempts"], told["dead_letter"]["attempts"]) == ("dead", 1, 2)
    assert "hunter2" not in receiver.log.read_text()
    assert (len(letters.requests), len({sent for _, sent in letters.requests})) == (2, 1)


def test_a_removed_sink_still_has_its_dead_letter(receivers, sink, letters, tmp_path, place):
    """Taken out of the file with its dead letter while it was down, its completion goes where it said at the time."""
    for _ in range(1000):
        sink.statuses.put(503)
    settings = config(sink, sinks=[sink_of(sink, dead_letter=letters.url)])
    receiver = receivers(
        tmp_path, definitions={"echo.yaml": place.echo()}, config=settings, environ=place.environ
    ).start()
    name = receiver.send().json["jobs"][0]["name"]
    told = until(
        lambda: (one := receiver.job(name)["delivery"].get("sink")) and one["attempts"] and one, what="a first try"
    )
    assert (told["state"], told["code"], told["answer"]) == ("pending", 503, "answered 503")
    assert told["next"] is not None
    assert receiver.stop() == 0
    (tmp_path / "jobhook.yaml").write_text(json.dumps(settings | {"sinks": []}))
    receiver.start()
    letter = letters.wait(name)
    assert (letter["knativeerrordest"], letter["knativeerrorcode"]) == (f"{sink.url}in", "503")
    wait_completion(receiver, name, "dead")


def test_a_failed_completion_is_delivered_again_by_order(receivers, sink, tmp_path, place):
    """No dead letter: it is kept as failed; the command sends it again with the same id, and the Job remembers both."""
    receiver = receivers(
        tmp_path,
        definitions={"echo.yaml": place.echo()},
        config=config(sink, sinks=[sink_of(sink)]),
        environ=place.environ,
    ).start()
    sink.statuses.put(400)
    name = receiver.send().json["jobs"][0]["name"]
    wait_completion(receiver, name, "failed")
    assert sink.events == []
    code, answer, _ = command(receiver, "--all-failed", "--sink", "other", "--json")
    assert (code, answer) == (0, {"redelivered": [], "refused": {}})
    code, answer, _ = command(receiver, "--all-failed", "--sink", "sink", "--json")
    assert (code, answer) == (0, {"redelivered": [name], "refused": {}})
    sink.wait(name)
    told = wait_completion(receiver, name, "delivered")["delivery"]["sink"]
    assert (told["state"], told["attempts"], told["answer"]) == ("delivered", 1, "taken")
    assert [(one["state"], one["attempts"], one["answer"]) for one in told["earlier"]] == [
        ("failed", 1, "answered 400")
    ]
    assert len({headers["ce-id"] for headers, _ in sink.requests}) == 1
    code, answer, _ = command(receiver, name)
    assert (code, answer["redelivered"]) == (0, [name])
    until(lambda: len(sink.of(name)) == 2, what="a delivery of what was delivered")


def test_what_cannot_be_delivered_again_is_told(receivers, sink, tmp_path):
    """409 for a Job that runs, 404 for none, 422 for a sink that nobody knows, 403 without the right."""
    slow = ECHO.replace("sh, -c, 'echo", "sh, -c, 'sleep 60; echo")
    settings = config(sink)
    settings["callers"].append({"name": "reader", "tokens": ["reader"], "may": ["read"]})
    (tmp_path / "reader").write_text("a-reader-of-the-test-0123456789")
    receiver = receivers(tmp_path, definitions={"slow.yaml": slow, "fails.yaml": FAILING}, config=settings).start()
    running = receiver.send().json["jobs"][0]["name"]
    ended = receiver.send(type="com.example.fails").json["jobs"][0]["name"]
    told = sink.wait(ended)
    assert (told["data"]["outcome"], told["data"]["exit_code"], told["data"]["reason"]) == (
        "failed",
        3,
        "BackoffLimitExceeded",
    )
    assert receiver.as_caller("POST", f"/jobs/{running}/redeliver").status == 409
    assert receiver.as_caller("POST", "/jobs/nobody/redeliver").status == 404
    assert receiver.as_caller("POST", f"/jobs/{ended}/redeliver?sink=nobody").status == 422
    reader = {"authorization": "Bearer a-reader-of-the-test-0123456789"}
    assert receiver.ask("POST", f"/jobs/{ended}/redeliver", headers=reader).status == 403
    assert receiver.ask("POST", f"/jobs/{ended}/redeliver").status == 401
    answer = receiver.as_caller("POST", f"/jobs/{ended}/redeliver?sink=sink")
    assert (answer.status, answer.json["delivery"]["sink"]["state"]) == (202, "pending")
    code, answer, errors = command(receiver, running, "--json")
    assert (code, list(answer["refused"])) == (1, [running])
    assert "has not finished" in errors
    assert command(receiver)[0] == 2


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_what_is_signed_can_be_verified(receivers, sink, tmp_path, mode):
    """Our own verifier takes it, under each secret of a rotation, and not a byte of it may change."""
    key = base64.b64encode(b"another key, and as long as is wanted")
    (tmp_path / "new").write_bytes(b"whsec_" + key)
    settings = config(sink, sinks=[sink_of(sink, mode=mode, secrets=["secret", "new"])])
    receiver = receivers(tmp_path, definitions={"echo.yaml": ECHO}, config=settings).start()
    name = receiver.send().json["jobs"][0]["name"]
    event = sink.wait(name)
    headers, body = sink.requests[-1]
    raw = [(key.encode(), value.encode()) for key, value in headers.items()]
    plain = b"whsec_" + base64.b64encode(SECRET.encode())
    scheme, now = SCHEMES["standard-webhooks"], datetime.now(UTC)
    for secret in (plain, b"whsec_" + key):
        assert verify(scheme, raw, body, [secret], now=now).id == event["id"]
    with pytest.raises(NotAuthenticated):
        verify(scheme, raw, body + b" ", [plain], now=now)
    assert headers["webhook-signature"].count("v1,") == 2


def test_without_its_secret_nothing_goes_out(receivers, sink, tmp_path):
    """A secret that is gone while it runs: no unsigned event; once it is back, and another one, that signs."""
    settings = config(sink, sinks=[sink_of(sink, secrets=["mine"])])
    (tmp_path / "mine").write_text("the first secret of this sink")
    receiver = receivers(tmp_path, definitions={"echo.yaml": ECHO}, config=settings).start()
    (tmp_path / "mine").unlink()
    name = receiver.send().json["jobs"][0]["name"]
    until(lambda: receiver.job(name)["delivery"].get("sink", {}).get("attempts", 0) >= 2, what="two tries")
    assert sink.requests == []
    (tmp_path / "mine").write_text("the second secret of this sink")
    sink.wait(name)
    headers, body = sink.requests[-1]
    raw = [(key.encode(), value.encode()) for key, value in headers.items()]
    secret = b"whsec_" + base64.b64encode(b"the second secret of this sink")
    verify(SCHEMES["standard-webhooks"], raw, body, [secret], now=datetime.now(UTC))


def test_a_secret_that_can_never_sign_ends_the_start(receivers, sink, tmp_path):
    """`whsec_` and no base64 is told at once, with the sink and the file, never the secret."""
    (tmp_path / "bad").write_text("whsec_hunter2 is no base64!")
    settings = config(sink, sinks=[sink_of(sink, secrets=["bad"])])
    receiver = receivers(tmp_path, definitions={"echo.yaml": ECHO}, config=settings).start(ready=False)
    assert receiver.process.wait(timeout=30) == 2
    text = receiver.log.read_text()
    assert "sink sink: " in text
    assert "whsec_ and base64" in text
    assert "hunter2" not in text


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A certificate authority of one's own, and a certificate with its key for localhost."""
    folder = tmp_path_factory.mktemp("authority")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    usage = ("-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", *usage)
    openssl("req", *new, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost")
    (folder / "extensions").write_text("subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\n")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions")
    openssl("x509", "-req", "-in", "request.pem", "-out", "cert.pem", *signing)
    (folder / "both.pem").write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return folder


def test_a_sink_that_knative_binds_is_trusted_and_told_its_overrides(receivers, authority, tmp_path):
    """K_SINK over TLS by the authority in K_CA_CERTS; K_CE_OVERRIDES' extensions are on the event."""
    sink = Sink(certificate=authority / "both.pem")
    environ = {
        "K_SINK": sink.url,
        "K_CE_OVERRIDES": '{"extensions": {"team": "acme", "jobhookhops": "7"}}',
        "K_CA_CERTS": (authority / "ca.pem").read_text(),
    }
    try:
        settings = config(sink, sinks=[])
        receiver = receivers(tmp_path, definitions={"echo.yaml": ECHO}, config=settings, environ=environ).start()
        name = receiver.send().json["jobs"][0]["name"]
        event = sink.wait(name)
        assert (event["team"], event["jobhookhops"]) == ("acme", "7")
        assert wait_completion(receiver, name, "delivered")["delivery"]["k-sink"]["state"] == "delivered"
    finally:
        sink.close()


def test_a_sink_of_an_unknown_authority_gets_nothing(receivers, authority, tmp_path):
    """Without K_CA_CERTS the same sink is not trusted, and it is tried again."""
    sink = Sink(certificate=authority / "both.pem")
    try:
        receiver = receivers(
            tmp_path, definitions={"echo.yaml": ECHO}, config=config(sink, sinks=[]), environ={"K_SINK": sink.url}
        ).start()
        name = receiver.send().json["jobs"][0]["name"]
        told = until(
            lambda: (one := receiver.job(name)["delivery"].get("k-sink")) and one["attempts"] and one, what="a try"
        )
        assert "Certificate" in told["answer"]
        assert sink.requests == []
    finally:
        sink.close()
