"""The Job API's door to output: plain text, or a line of JSON for each line."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from ..errors import ClusterError
from ..joblogs import Chunk, Line, Logs, Wanted
from ..json import dump
from .models import LogsQuery
from .query import moment_of, query_of
from .receiver import Receiver, receiver_of

log = structlog.get_logger(__name__)

NDJSON = "application/x-ndjson"
TEXT = "text/plain; charset=utf-8"


async def job_log(request: Request) -> Response:
    """`GET /jobs/{name}/logs`: what its containers wrote; as JSON lines where `Accept` names application/x-ndjson.

    Plain text has a header before each container's part where there are several.
    """
    receiver = receiver_of(request)
    await receiver.allow(request, "read")
    query = query_of(request, LogsQuery)
    wanted = Wanted(
        pod=query.pod,
        container=query.container,
        tail=query.tail,
        since=moment_of(query.since, now=receiver.now(), name="since"),
        previous=query.previous,
        follow=query.follow,
    )
    logs = await Logs.of(receiver.jobs, request.path_params["name"], wanted, streams=receiver.streams)
    if NDJSON in request.headers.get("accept", ""):
        return _Stream(_as_json(logs, receiver), media_type=NDJSON)
    if query.follow:
        return _Stream(_followed(logs, receiver, timestamps=query.timestamps), media_type=TEXT)
    return _Stream(_as_text(logs, timestamps=query.timestamps), media_type=TEXT)


class _Stream(StreamingResponse):
    """An answer that closes what it reads from, whoever ends it: the Job, or a client that goes away."""

    body_iterator: AsyncGenerator[bytes, None]

    def __init__(self, pieces: AsyncGenerator[bytes, None], *, media_type: str) -> None:
        headers = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
        super().__init__(pieces, media_type=media_type, headers=headers)

    async def stream_response(self, send: Send) -> None:
        """Send piece by piece; where the cluster breaks off, the answer stays open-ended, and is seen to be so."""
        try:
            await super().stream_response(send)
        except ClusterError as error:
            log.warning("log.broke_off", reason=str(error))
        finally:
            await self.body_iterator.aclose()


async def _as_text(logs: Logs, *, timestamps: bool) -> AsyncGenerator[bytes, None]:
    """Chunks as they come; a container without output has its header, too."""
    ended = True
    async for chunk in logs.chunks(timestamps=timestamps):
        if chunk.problem:
            yield b"" if ended else b"\n"
            yield _note(chunk.problem)
            ended = True
        elif chunk.data:
            yield chunk.data
            ended = chunk.data.endswith(b"\n")
        elif logs.several:
            yield _header(chunk, ended=ended)
            ended = True


async def _followed(logs: Logs, receiver: Receiver, *, timestamps: bool) -> AsyncGenerator[bytes, None]:
    """Lines as they come, with a header where the next is another container's, as `tail -f` of several files."""
    last: tuple[str, str] | None = None
    async for line in logs.lines(streams=receiver.streams):
        source = (line.pod, line.container)
        if source != last and (logs.several or last is not None):
            yield _header(Chunk(source), ended=True)
        last = source
        if line.problem:
            yield _note(line.problem)
        else:
            yield (f"{line.at} ".encode() if timestamps and line.at else b"") + line.text + b"\n"


async def _as_json(logs: Logs, receiver: Receiver) -> AsyncGenerator[bytes, None]:
    async for line in logs.lines(streams=receiver.streams):
        yield dump(_line(line)) + b"\n"


def _line(line: Line) -> dict[str, object]:
    told: dict[str, object] = {"pod": line.pod, "container": line.container}
    if line.problem:
        return told | {"problem": line.problem}
    return told | {"time": line.at or None, "line": line.text.decode("utf-8", "replace")}


def _header(chunk: Chunk, *, ended: bool) -> bytes:
    pod, container = chunk.source
    return f"{'' if ended else chr(10)}==> {pod} {container} <==\n".encode()


def _note(problem: str) -> bytes:
    return f"(jobhook: no more of this log: {problem})\n".encode()
