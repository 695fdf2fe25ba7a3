"""Jobs as jobhook makes them, put into a real API server by the thousand, and ended without being run."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from webhook import marks
from webhook.definitions import load
from webhook.events import Arrival
from webhook.json import dump
from webhook.newjob import new_job
from webhook.providers import PROVIDERS, Greeting, receive
from webhook.rendering import render

from .machine import Trouble

HERE = Path(__file__).resolve().parent
JOBS = 10_000
"""Of the parts that need many."""
SIGNATURE = "jobhook"
LIST = {"labelSelector": f"{marks.MANAGED_BY}={SIGNATURE}", "limit": "500"}
"""The query by which jobhook lists its Jobs."""
PATIENCE = aiohttp.ClientTimeout(total=60)
LASTED = timedelta(seconds=9)
"""Of a Job that is ended, from its start."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Field:
    """A namespace of an API server, and what its administrator shows there."""

    server: str
    namespace: str
    ca: Path
    cert: Path
    key: Path

    @property
    def jobs(self) -> str:
        """The URL of the collection."""
        return f"{self.server}/apis/batch/v1/namespaces/{self.namespace}/jobs"

    @property
    def words(self) -> list[str]:
        """For the command line of a program that works there."""
        return [self.server, self.namespace, *(str(file) for file in (self.ca, self.cert, self.key))]


@asynccontextmanager
async def entered(field: Field) -> AsyncIterator[aiohttp.ClientSession]:
    """A session as light as aiohttp has it."""
    trust = ssl.create_default_context(cafile=str(field.ca))
    trust.load_cert_chain(field.cert, field.key)
    connector = aiohttp.TCPConnector(ssl=trust)
    # Pages that are compressed cost the API server more than they spare; jobhook asks for none either.
    headers, jar = {"Accept-Encoding": "identity"}, aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar, headers=headers, timeout=PATIENCE) as session:
        yield session


def manifests(namespace: str, count: int, *, labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """What `jobhook serve` posts for so many pushes: suspended Jobs, which nothing ever runs."""
    definition = next(iter(load(HERE / "definitions").definitions))
    push = (HERE / "payloads" / "push.json").read_bytes().strip()
    headers = [(b"content-type", b"application/json"), (b"x-github-event", b"push"), (b"x-github-delivery", b"1")]
    for number in range(count):
        delivery = receive(PROVIDERS["github"], headers, push.replace(b"@" * 40, f"{number:040x}".encode()))
        if isinstance(delivery, Greeting):
            raise TypeError(delivery)
        now = datetime.now(UTC)
        arrival = Arrival(event=delivery.event, via="github", identity=delivery.identity, received=now)
        made = new_job(
            definition,
            render(definition, arrival),
            arrival,
            receipt=f"{number:032x}",
            namespace=namespace,
            signature=SIGNATURE,
        )
        made.manifest["metadata"]["labels"] |= labels
        yield made.manifest


async def plant(
    session: aiohttp.ClientSession, field: Field, count: int, *, labels: Mapping[str, str] | None = None
) -> list[str]:
    """Create so many Jobs, and answer their names."""
    names = []

    async def create(manifest: dict[str, Any]) -> None:
        await told(session, "POST", field.jobs, manifest)
        names.append(manifest["metadata"]["name"])

    await at_once(create, manifests(field.namespace, count, labels=labels or {}), workers=16)
    return names


async def settle(session: aiohttp.ClientSession, field: Field, *, seconds: float) -> None:
    """Wait until the Job controller has seen the youngest Job, so that it changes none of them any more."""
    deadline = asyncio.get_running_loop().time() + seconds
    query = f"?labelSelector={marks.MANAGED_BY}%3D{SIGNATURE}"
    while True:
        found = await told(session, "GET", field.jobs + query)
        if all(job["status"].get("conditions") for job in found["items"]):
            return
        if asyncio.get_running_loop().time() > deadline:
            raise Trouble("the Job controller does not come to its end")
        await asyncio.sleep(1)


async def end(session: aiohttp.ClientSession, field: Field, name: str, *, at: datetime) -> None:
    """Write what the Job controller writes of a Job that has succeeded: the answer comes when it is stored."""
    stamp, began = _stamp(at), _stamp(at - LASTED)
    said = {"status": "True", "reason": "CompletionsReached", "message": "", "lastTransitionTime": stamp}
    conditions = [{"type": kind, **said} for kind in ("SuccessCriteriaMet", "Complete")]
    status = {"startTime": began, "completionTime": stamp, "conditions": conditions}
    await told(session, "PATCH", f"{field.jobs}/{name}/status", {"status": status})


async def at_once(work: Callable[[T], Awaitable[None]], things: Iterable[T], *, workers: int) -> None:
    """Do something with each of them, so many at a time; the first that fails ends it."""
    left = iter(things)

    async def worker() -> None:
        for thing in left:
            await work(thing)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(worker())


async def told(session: aiohttp.ClientSession, method: str, url: str, body: object = None) -> Any:
    """Ask the API server. Raises Trouble for any answer but a 2xx."""
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    data = None if body is None else dump(body)
    async with session.request(method, url, data=data, headers={"Content-Type": kind}) as response:
        if response.status >= 300:
            raise Trouble(f"{method} {url}: {response.status} {(await response.text())[:300]}")
        return await response.json()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
