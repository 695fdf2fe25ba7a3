"""A scripted API server, and clusters of ours on it and on a real one."""

import asyncio
import contextlib
import dataclasses
import json
import time
import urllib.parse

import pytest

from webhook import marks
from webhook.clusters.kubernetes import KubernetesCluster
from webhook.clusters.kubernetes.configuration import Place
from webhook.clusters.kubernetes.pace import Timing
from webhook.metrics import Metrics

SIGNATURE = "jobhook-test"
REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 410: "Gone"}


@dataclasses.dataclass
class Asked:
    """One request that the scripted server got, and how it answers."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes
    at: float
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    left: bool = False

    @property
    def watches(self):
        return self.query.get("watch") == "1"

    async def raw(self, data):
        """Write bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, status, body=b"", **headers):
        """Answer whole; a dict is sent as JSON, with `kind: Status` where it names a reason."""
        if isinstance(body, dict):
            if "reason" in body:
                body = {"kind": "Status", "code": status, **body}
            body = json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'So')}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw("\r\n".join([*lines, "", ""]).encode() + body)

    async def page(self, *items, version="1", after=""):
        """Answer a page of a list."""
        await self.reply(200, {"metadata": {"resourceVersion": version, "continue": after}, "items": list(items)})

    async def stream(self, *lines):
        """Begin an answer without an end, and send these lines."""
        await self.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await self.send(*lines)

    async def send(self, *lines):
        """Send more lines of a stream: dicts as JSON, bytes as they are."""
        for line in lines:
            data = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
            await self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def end(self):
        """End a stream as HTTP ends one."""
        await self.raw(b"0\r\n\r\n")

    async def cut(self):
        """Break the connection."""
        self.writer.transport.abort()

    async def hang(self):
        """Say nothing more until the other side goes."""
        with contextlib.suppress(ConnectionError):
            await self.reader.read()
        self.left = True


@dataclasses.dataclass
class Scripted:
    """A plain HTTP server that answers as a test says."""

    answer: object
    asked: list = dataclasses.field(default_factory=list)
    url: str = ""
    talks: list = dataclasses.field(default_factory=list)

    async def serve(self, reader, writer):
        talk = asyncio.ensure_future(self.converse(reader, writer))
        self.talks.append((talk, writer))
        await asyncio.wait([talk])
        writer.close()

    async def close(self):
        """Break every connection, and raise what a script raised."""
        for talk, writer in self.talks:
            writer.transport.abort()
            talk.cancel()
        for talk, writer in self.talks:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await talk
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def converse(self, reader, writer):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            path, _, query = target.partition("?")
            query = dict(urllib.parse.parse_qsl(query))
            asked = Asked(method, path, query, headers, body, time.monotonic(), reader, writer)
            self.asked.append(asked)
            await self.answer(asked)


@pytest.fixture
def scripted():
    """Run a scripted server; a script is a coroutine function that answers one `Asked`."""

    @contextlib.asynccontextmanager
    async def run(answer):
        server = Scripted(answer)
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        try:
            yield server
        finally:
            listening.close()
            await server.close()

    return run


@pytest.fixture
def kubeconfig(tmp_path):
    """Write a kubeconfig for a server's URL and a user."""

    def write(url, user=None, **cluster):
        context = {"cluster": "c", "user": "u", "namespace": "from-context"}
        whole = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "contexts": [{"name": "x", "context": context}],
            "clusters": [{"name": "c", "cluster": {"server": url, **cluster}}],
            "users": [{"name": "u", "user": user or {}}],
        }
        file = tmp_path / "kubeconfig"
        file.write_text(json.dumps(whole))
        return file

    return write


def cluster_of(kubeconfig, namespace, *, timing=None, **more):
    """A cluster of ours on an API server."""
    settings = {"signature": SIGNATURE, "records_namespace": namespace, "metrics": Metrics()} | more
    place = Place(environment={}, kubeconfig=str(kubeconfig))
    return KubernetesCluster(namespace=namespace, place=place, timing=timing, **settings)


@pytest.fixture
def fake(scripted, kubeconfig):
    """Enter a cluster of ours on a scripted server, and hand out both."""

    @contextlib.asynccontextmanager
    async def run(answer, *, timing=None, user=None, **more):
        async with scripted(answer) as server:
            timing = timing or Timing()
            async with cluster_of(kubeconfig(server.url, user), "default", timing=timing, **more) as cluster:
                yield cluster, server

    return run


@pytest.fixture
def namespace(throwaway):
    """A namespace of the real cluster for this test alone."""
    return throwaway.namespace()


@pytest.fixture
def real(throwaway, namespace):
    """Make a cluster of ours on the real one, to be entered."""

    def make(**more):
        kubeconfig = more.pop("kubeconfig", throwaway.kubeconfig)
        return cluster_of(kubeconfig, more.pop("namespace", namespace), **more)

    return make


@pytest.fixture
def job(throwaway_image):
    """Make a manifest by name and fields of its spec; suspended, unless the test says otherwise."""

    def make(name, *, labels=None, command=("true",), **spec):
        container = {
            "name": "main",
            "image": throwaway_image,
            "imagePullPolicy": "IfNotPresent",
            "command": list(command),
        }
        template = {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}}
        metadata = {"name": name, "labels": {marks.MANAGED_BY: SIGNATURE, **(labels or {})}}
        spec = {"suspend": True, "backoffLimit": 0, "template": template} | spec
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}

    return make


@pytest.fixture
def throwaway_image(request):
    """The image of Jobs that are to run; any name does for those that are not."""
    return request.getfixturevalue("throwaway").image if "throwaway" in request.fixturenames else "busybox"


@pytest.fixture
def eventually():
    """Wait for a condition, with a deadline."""

    async def wait(condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, "waited in vain"
            await asyncio.sleep(0.02)
        return found

    return wait
