"""The fuzz target of the whole application: bytes off the wire into the real protocol, routes, launch and a store in memory."""

import asyncio
import hashlib
import hmac
import io
import itertools
import json
import logging
import pathlib
import re
import tempfile
from dataclasses import replace
from datetime import UTC, datetime

import structlog
import uvicorn
from fuzz_decoder import SCHEMES as NAMES
from fuzz_decoder import every_source, request_of
from uvicorn.server import ServerState

from webhook import logs, settings, sources
from webhook.callers import Callers
from webhook.definitions import load
from webhook.errors import Expired, JobExists, NotFound
from webhook.job import Container, Job, Pod
from webhook.launch import Launcher
from webhook.metrics import Metrics
from webhook.ports import Page
from webhook.settings import Right
from webhook.signatures import SCHEMES
from webhook.submit import Submitter
from webhook.sweep import Report
from webhook.web.app import build
from webhook.web.body import Budget
from webhook.web.failures import Failures
from webhook.web.protocol import BoundedProtocol
from webhook.web.receiver import Readiness, Receiver

SECRET = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DOORS = [f"/hooks/{scheme}".encode() for scheme in NAMES]
TOKEN = "a-token-of-the-fuzzer-0123456789"
CAP = 64 * 1024
NOW = datetime(2026, 1, 1, tzinfo=UTC)

DEFINITIONS = """
name: all
on:
  - when: event.type != "never"
params:
  id: {from: event.id}
  subject: {from: event.subject, required: false}
  number: {from: "event.data.number | default(0)", type: integer}
  list: {from: "event.data.list | default([])", type: json}
spec: |
  apiVersion: batch/v1
  kind: Job
  metadata:
    annotations: {subject: "{{ subject }}"}
  spec:
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: one
            image: busybox
            command: ["true"]
            args: [{{ id }}, "{{ number }}"{% for item in list %}, "{{ item }}"{% endfor %}]
---
name: deep
on: [{type: {prefix: com.github.}, via: github-signed}]
params:
  repository: {from: event.data.repository.full_name}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      spec:
        restartPolicy: Never
        containers: [{name: one, image: busybox, command: [echo], args: [{{ repository }}]}]
"""


class Broken(AssertionError):
    """What no bytes may cause."""


class Faults(logging.Handler):
    """Holds what was logged with a traceback, or as an error, by anybody."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.seen = []

    def emit(self, record):
        if record.exc_info or record.levelno >= logging.ERROR:
            self.seen.append(self.format(record))


class App:
    """One application, one loop; `feed` is a connection's life."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda _, context: self.faults.seen.append(str(context)))
        self.faults = Faults()
        self.lines = io.StringIO()
        logs.configure(stream=self.lines)
        structlog.configure(cache_logger_on_first_use=False)
        logging.getLogger().addHandler(self.faults)
        self._folder = tempfile.TemporaryDirectory()
        app = build(_receiver(pathlib.Path(self._folder.name)))
        self.state = ServerState()
        protocol = BoundedProtocol.bounded(header_bytes=16 * 1024, header_seconds=10)
        self.config = uvicorn.Config(
            app,
            http=protocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            server_header=False,
            proxy_headers=False,
        )
        self.config.load()
        self._protocol = protocol

    def feed(self, data):
        """Serve the bytes that stand for a connection, and answer the statuses. Raises Broken."""
        wire, cut = _shaped(data)
        transport = _Transport(self.loop)
        protocol = self._protocol(config=self.config, server_state=self.state, app_state={}, _loop=self.loop)
        self.loop.run_until_complete(self._life(protocol, transport, wire, cut))
        return self._judged(bytes(transport.written), data)

    async def _life(self, protocol, transport, wire, cut):
        protocol.connection_made(transport)
        for chunk in filter(None, (wire[:cut], wire[cut:])):
            if not transport.closed:
                protocol.data_received(chunk)
                await self._settle()
        protocol.connection_lost(None)
        for _ in range(1000):
            if not self.state.tasks:
                return
            await asyncio.sleep(0)
        raise Broken("a request outlives its connection")

    async def _settle(self):
        """Let tasks run until they are done, or wait for more bytes."""
        for _ in range(40):
            if not self.state.tasks:
                return
            await asyncio.sleep(0)

    def _judged(self, written, data):
        seen, self.faults.seen = self.faults.seen, []
        lines = self.lines.getvalue()
        self.lines.seek(0)
        self.lines.truncate()
        if seen or "Traceback" in lines or "request.fault" in lines:
            raise Broken(f"a fault was logged for {data[:200]!r}: {seen or lines}")
        statuses = []
        for status, headers, body in _responses(written):
            statuses.append(status)
            if status >= 500 and status != 503:
                raise Broken(f"{status} for {data[:200]!r}")
            if status >= 400 and (headers.get(b"content-type") != b"application/problem+json" or b"{" not in body[:1]):
                raise Broken(f"{status} is no problem+json for {data[:200]!r}: {headers} {body!r}")
            if 300 <= status < 400:
                raise Broken(f"{status} for {data[:200]!r}")
        return statuses

    def close(self):
        """End the loop, and leave logging as it was."""
        logging.getLogger().removeHandler(self.faults)
        structlog.reset_defaults()
        self.loop.close()
        self._folder.cleanup()


_NO_NAME = re.compile(rb"[^a-z0-9_-]")
_NO_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = {b"content-length", b"transfer-encoding", b"authorization", b"connection", b"upgrade", b"expect"}


def _shaped(data):
    """Make wire bytes: as they are, or a well-formed request with a token or a signature, so that fuzz goes deep."""
    if len(data) < 2:
        return data, len(data)
    kind, cut, rest = data[0] % 5, data[1], data[2:]
    if kind == 0:
        return rest, cut * len(rest) // 256
    headers, body = request_of(rest)
    named = [(_NO_NAME.sub(b"-", name) or b"-", _NO_VALUE.sub(b" ", value)) for name, value in headers]
    lines = [b"%s: %s" % header for header in named if header[0] not in _OURS]
    target = {1: b"/events", 2: DOORS[cut % len(DOORS)] + b"-signed", 3: b"/jobs"}.get(kind)
    if kind == 4:  # the body's first line is the target, its second the method
        target, _, body = body.partition(b"\n")
        method, _, body = body.partition(b"\n")
    else:
        method = b"GET" if kind == 3 else b"POST"
    if kind == 3:
        target += body[:1000]
        body = b""
    if kind == 2:
        lines.append(b"x-hub-signature-256: sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest().encode())
    else:
        lines.append(b"authorization: Bearer " + TOKEN.encode())
    lines += [b"content-length: %d" % len(body), b"accept: application/json"]
    wire = b"%s %s HTTP/1.1\r\n%s\r\n\r\n%s" % (method, target, b"\r\n".join(lines), body)
    return wire, cut * len(wire) // 256


def _responses(written):
    """Read what was answered, by each answer's own length."""
    while written:
        head, end, rest = written.partition(b"\r\n\r\n")
        status = int(head[9:12])
        if status == 100:
            written = rest
            continue
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if not head.startswith(b"HTTP/1.1 ") or not end:
            raise Broken(f"no answer: {written[:200]!r}")
        if headers.get(b"transfer-encoding") == b"chunked":
            body, written = rest, b""  # a log, which ends the check
        else:
            length = int(headers.get(b"content-length", 0))
            body, written = rest[:length], rest[length:]
            if length and (not rest or rest.startswith(b"HTTP/1.1 ")):  # to HEAD: nothing of what it tells of
                body, written = b"{", rest
        yield status, headers, body


class _Transport:
    """Enough of a socket for the protocol."""

    def __init__(self, loop):
        self.written, self.closed, self._loop = bytearray(), False, loop

    def write(self, data):
        if self.closed:
            raise Broken("written after the end")
        self.written += data

    def close(self):
        self.closed = True

    write_eof = abort = close

    def is_closing(self):
        return self.closed

    def pause_reading(self):
        pass

    resume_reading = pause_reading

    def get_extra_info(self, name):
        return {"peername": ("192.0.2.1", 1234), "sockname": ("127.0.0.1", 8080)}.get(name)


class MemoryJobs:
    """A store of Jobs that answers at once and keeps the last thousand."""

    namespace = "jobs"

    def __init__(self):
        self.held, self._numbers = {}, itertools.count()

    async def create(self, manifest):
        json.dumps(manifest, allow_nan=False).encode()
        metadata = manifest["metadata"]
        if metadata["name"] in self.held:
            raise JobExists(metadata["name"])
        if len(self.held) > 1000:
            self.held.clear()
        job = self.held[metadata["name"]] = Job(
            name=metadata["name"],
            namespace="jobs",
            uid=str(next(self._numbers)),
            resource_version="1",
            labels=metadata["labels"],
            annotations=metadata["annotations"],
            created=NOW,
        )
        return job

    async def read(self, name):
        if name not in self.held:
            raise NotFound(f"no Job {name!r}")
        return self.held[name]

    async def list(self, labels=None, *, limit=500, after=None):
        if after is not None:
            raise Expired("no token of ours")
        wanted = (labels or {}).items()
        found = [job for job in self.held.values() if wanted <= job.labels.items()]
        return Page(found[:limit], None)

    async def pods(self, name):
        await self.read(name)
        return [Pod(name=f"{name}-0", phase="Running", created=NOW, containers=(Container(name="one"),))]

    async def log(self, pod, container, **options):
        yield f"log of {pod} {container}\n".encode()


def _receiver(folder):
    (folder / "definitions.yaml").write_text(DEFINITIONS)
    (folder / "token").write_text(TOKEN)
    definitions = load(folder / "definitions.yaml")
    metrics, jobs = Metrics(), MemoryJobs()
    # Each provider behind one signature, which the fuzzer can make; without it every scheme is met as it is.
    declared = every_source(folder)
    declared |= {f"{name}-signed": replace(one, scheme=SCHEMES["github"]) for name, one in declared.items()}
    callers = Callers([settings.Caller(name="fuzz", tokens=(folder / "token",), may=frozenset(Right))])

    async def sweep(dry_run, budget):
        return Report(dry_run=dry_run)

    async def redeliver(name, sinks):
        return {}

    launcher = Launcher(jobs, definitions=lambda: definitions, signature="jobhook", metrics=metrics)
    return Receiver(
        jobs=jobs,
        launcher=launcher,
        submitter=Submitter(jobs, launcher, definitions=lambda: definitions, now=lambda: NOW),
        definitions=lambda: definitions,
        sources=declared,
        callers=callers,
        events_open=False,
        distrusted=sources.distrusted(declared.values()),
        trusted=frozenset(),
        origins=frozenset({"*"}),
        events_rate=None,
        gates={},
        body_limit=CAP,
        answer_seconds=8.0,
        budget=Budget(16 * CAP),
        sweep=sweep,
        redeliver=redeliver,
        readiness=Readiness,
        metrics=metrics,
        failures=Failures(allowed=10**9),
        now=lambda: NOW,
    )
