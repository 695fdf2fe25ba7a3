"""The reading of a Job's output: what is there, or what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from ..errors import ClusterError, NotFound, TooManyRequests
from ..job import Pod
from ..ports import Jobs
from .following import Following
from .lines import Line, split
from .wanted import Source, Wanted

AT_ONCE = 64
"""Containers of all Jobs that are followed at a time, as each holds a connection to the cluster."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some of a container's output as it came, of any size; an empty one begins each container."""

    source: Source
    data: bytes = b""
    problem: str = ""


class Logs:
    """A Job's output.

    Attributes:
        several: whether it comes from more than one container, as far as is known at the beginning.
    """

    def __init__(self, jobs: Jobs, name: str, wanted: Wanted, pods: Sequence[Pod]) -> None:
        self._jobs, self._name, self._wanted = jobs, name, wanted
        self._chosen = [(pod.name, part.name) for pod, part in wanted.of(pods)]
        self.several = len(self._chosen) > 1

    @classmethod
    async def of(cls, jobs: Jobs, name: str, wanted: Wanted, *, streams: asyncio.Semaphore) -> Logs:
        """Look at a Job before its output is read.

        Raises:
            NotFound: no such Job; or no such pod of it, or no such container.
            TooManyRequests: too much is followed already.
        """
        pods = await jobs.pods(name)
        if wanted.pod is not None and wanted.pod not in {pod.name for pod in pods}:
            raise NotFound(f"no pod {wanted.pod[:80]!r} of the Job {name}")
        if wanted.container is not None and pods and not wanted.of(pods):
            raise NotFound(f"no container {wanted.container[:80]!r} in the Job {name}")
        if wanted.follow and streams.locked():
            raise TooManyRequests("too many logs are followed at a time", retry_after=timedelta(seconds=10))
        return cls(jobs, name, wanted, pods)

    async def chunks(self, *, timestamps: bool = False) -> AsyncGenerator[Chunk, None]:
        """What is there, container by container; one whose log is gone, or breaks off, does not end the others'."""
        for source in self._chosen:
            yield Chunk(source)
            try:
                async with aclosing(self._open(source, timestamps=timestamps)) as output:
                    async for data in output:
                        yield Chunk(source, data)
                        await asyncio.sleep(0)  # a long log leaves room for other requests
            except NotFound:
                continue  # it has not started, or its log is gone
            except ClusterError as error:
                yield Chunk(source, problem=str(error))

    async def lines(self, *, streams: asyncio.Semaphore) -> AsyncGenerator[Line, None]:
        """The same line by line; with `follow` as they are written, those of all containers mixed.

        `streams`: how many containers may be followed at a time, of all Jobs.
        """
        if self._wanted.follow:
            following = Following(self._jobs, self._name, self._wanted, streams=streams)
            async with aclosing(following.lines()) as lines:
                async for line in lines:
                    yield line
            return
        for pod, container in self._chosen:
            try:
                async with aclosing(self._open((pod, container), timestamps=True)) as output:
                    async for at, text in split(output):
                        yield Line(pod=pod, container=container, at=at, text=text)
            except NotFound:
                continue
            except ClusterError as error:
                yield Line(pod=pod, container=container, problem=str(error))

    def _open(self, source: Source, *, timestamps: bool) -> AsyncGenerator[bytes, None]:
        wanted = self._wanted
        output = self._jobs.log(
            *source, tail=wanted.tail, since=wanted.since, timestamps=timestamps, previous=wanted.previous
        )
        # A cluster's `log` is an async generator; the port promises no more than that it can be iterated.
        return cast("AsyncGenerator[bytes, None]", output)
