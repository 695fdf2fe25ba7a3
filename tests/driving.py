"""The real process by its command line, a real HTTP sink, and how to speak to them."""

import contextlib
import dataclasses
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import queue
import signal
import ssl
import subprocess
import sys
import threading
import time
import uuid

import completions
import pytest

SECRET = "it is a secret of the test, and long enough"
TOKEN = "a-token-of-the-test-0123456789"
PATIENCE = 60


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a receiver's Jobs run.

    Attributes:
        environ: what tells a receiver.
        image: of the Jobs' containers.
    """

    environ: dict
    image: str = "busybox:1.36"

    def echo(self):
        """The definition that echoes, for this place."""
        return ECHO.replace("IMAGE", self.image)


def until(condition, *, seconds=PATIENCE, what="the condition"):
    """Wait until a condition is truthy, and answer it."""
    end = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > end:
            pytest.fail(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)


class Sink:
    """An HTTP server that records what is posted to it, and answers as it is told.

    Whatever it takes is read by the stock SDK and held against the published schema; `close` tells what was not so.
    """

    def __init__(self, *, certificate=None):
        self.faults: list[str] = []
        self.events: list[dict] = []
        self.requests: list[tuple[dict, bytes]] = []
        self.came: dict[str, float] = {}
        self.statuses: queue.SimpleQueue[int] = queue.SimpleQueue()
        sink = self

        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status = 202 if sink.statuses.empty() else sink.statuses.get()
                headers = {name.lower(): value for name, value in self.headers.items()}
                sink.came.setdefault(headers.get("ce-subject"), time.monotonic())
                sink.requests.append((headers, body))
                if status < 300:
                    sink.events.append(sink._read(headers, body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.url = f"https://localhost:{self.port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def _read(self, headers, body):
        """An event's attributes as texts, its data, and its content type."""
        try:
            completions.read(headers, body)
        except Exception as error:
            self.faults.append(f"{type(error).__name__}: {error}")
        if headers["content-type"].startswith("application/cloudevents+json"):
            return json.loads(body) | {"content-type": headers["content-type"]}
        attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
        return attributes | {"data": json.loads(body), "content-type": headers["content-type"]}

    def of(self, job):
        """The events about a Job."""
        return [event for event in self.events if event.get("subject") == job]

    def wait(self, job, *, seconds=PATIENCE):
        """Wait for the first event about a Job."""
        return until(lambda: self.of(job), seconds=seconds, what=f"a completion of {job}")[0]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert not self.faults, self.faults


class Receiver:
    """One `jobhook serve`, and its folder, which outlives it."""

    def __init__(self, folder: pathlib.Path, *, definitions, config, environ=None):
        self.folder = folder
        self.definitions = folder / "definitions"
        self.definitions.mkdir(parents=True, exist_ok=True)
        for name, text in definitions.items():
            (self.definitions / name).write_text(text, encoding="utf-8")
        (folder / "secret").write_text(SECRET)
        (folder / "token").write_text(TOKEN)
        (folder / "jobhook.yaml").write_text(json.dumps(config))
        self.environ = environ or {}
        self.process: subprocess.Popen | None = None
        self.port = 0
        self.log = folder / "log"

    def start(self, *, ready=True):
        """Start it on a free port, and wait until it is ready."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "JOBHOOK_CLUSTER": "local",
            "PORT": "0",
            **self.environ,
        }
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "webhook", "serve"], cwd=self.folder, env=environ, stdout=log, stderr=log
            )
        if ready:
            until(lambda: self._listening(offset), what="the receiver listening")
            until(lambda: self.ask("GET", "/readyz").status == 200, what="readiness")
        return self

    def _listening(self, offset):
        if self.process.poll() is not None:
            pytest.fail(f"the receiver ended with {self.process.returncode}:\n{self.log.read_text()[offset:]}")
        for line in self.log.read_bytes()[offset:].splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if entry.get("event") == "serving":
                    self.port = entry["port"]
                    return True
        return False

    def lines(self, event=None):
        """The log as values."""
        entries = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [entry for entry in entries if event in {None, entry["event"]}]

    def ask(self, method, path, body=None, headers=None, *, timeout=20):
        """Send a request, and answer its response with `json` or `body` read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            response.body = response.read()
            response.json = None
            with contextlib.suppress(ValueError):
                response.json = json.loads(response.body)
            return response
        except (OSError, http.client.HTTPException) as error:  # none, or half of one
            return _NoAnswer(error)
        finally:
            connection.close()

    def as_caller(self, method, path, body=None, headers=None):
        """The same as a caller with a token."""
        return self.ask(method, path, body, {"authorization": f"Bearer {TOKEN}", **(headers or {})})

    def push(self, body, *, event="push", delivery=None, source="github", secret=SECRET):
        """Post a delivery as GitHub does."""
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/json",
            "x-github-event": event,
            "x-github-delivery": delivery or str(uuid.uuid4()),
            "x-hub-signature-256": f"sha256={signature}",
        }
        return self.ask("POST", f"/hooks/{source}", body, headers)

    def send(self, data=None, *, mode="binary", path="/events", headers=None, **attributes):
        """Post a CloudEvent."""
        attributes = {
            "specversion": "1.0",
            "source": "/test",
            "type": "com.example.test",
            "id": str(uuid.uuid4()),
        } | attributes
        accept = {"accept": "application/json"} | (headers or {})
        if mode == "binary":
            head = {f"ce-{name}": value for name, value in attributes.items()} | {"content-type": "application/json"}
            return self.as_caller("POST", path, json.dumps(data or {}).encode(), head | accept)
        whole = json.dumps(attributes | {"data": data or {}}).encode()
        return self.as_caller("POST", path, whole, {"content-type": "application/cloudevents+json"} | accept)

    def job(self, name):
        """A Job as the Job API tells of it."""
        return self.as_caller("GET", f"/jobs/{name}").json

    def wait_ended(self, name):
        """Wait until a Job has ended, and answer it."""
        return until(lambda: (job := self.job(name)) and job["finished"] and job, what=f"the end of {name}")

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait(timeout=10)

    def stop(self):
        """SIGTERM, and the exit code."""
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)


class _NoAnswer:
    """What stands for the answer of a receiver that gave none."""

    status = 0
    json = None
    body = b""

    def __init__(self, error):
        self.error = error


def config(sink, **more):
    """A jobhook.yaml with GitHub, a caller who may do all, and one sink that is tried often."""
    return {
        "sources": {"github": {"scheme": "github", "secrets": ["secret"]}},
        "callers": [{"name": "test", "tokens": ["token"], "may": ["events", "read", "write", "cleanup"]}],
        "sinks": [{"name": "sink", "url": sink.url, "retry": {"for": "1h", "first": "50ms", "longest": "200ms"}}],
        **more,
    }


ECHO = """
name: echo
on:
  - type: {prefix: com.github.}
    via: github
  - type: com.example.test
    source: {prefix: /test}
params:
  type: {from: event.type}
  source: {from: event.source}
  subject: {from: event.subject, required: false}
  number: {from: "event.data.number | default(0)", type: integer}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: echo
            image: IMAGE
            imagePullPolicy: IfNotPresent
            command: [sh, -c, 'echo "$TYPE from $SOURCE"; printf "%s" "$RESULT" > "${JOBHOOK_TERMINATION_LOG:-/dev/termination-log}"']
            env:
              - {name: TYPE, value: {{ type }}}
              - {name: SOURCE, value: {{ source }}}
              - {name: RESULT, value: "{{ type }} {{ source }} {{ subject | default('-', true) }} {{ number }}"}
"""
"""A definition whose Job tells what it was given, in its log and as its result."""
