"""Templates that are in ConfigMaps: followed by name for as long as definitions take them, and read until then."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from typing import NoReturn, Protocol, cast

import structlog

from ..errors import NotFound
from .loading import ConfigMap

log = structlog.get_logger(__name__)

SETTLE = 0.2
"""Seconds between a change and the reload, so that changes of one `kubectl apply` are one."""
LONGEST_PAUSE = 30.0
"""Seconds, at most, before a follow that broke is begun anew."""


class Templates(Protocol):
    """Where templates in ConfigMaps come from: the cluster's records."""

    async def template(self, namespace: str, name: str, key: str) -> str:
        """Read one key of a ConfigMap. Raises NotFound."""
        ...

    def follow_template(self, namespace: str, name: str, key: str) -> AsyncIterator[str | None]:
        """Follow it: its text as it is, then each that it becomes, None while there is none."""
        ...


class Borrowed:
    """The texts that a set of definitions takes from ConfigMaps; `run` keeps them."""

    def __init__(self, records: Templates) -> None:
        self._records = records
        self._needed: frozenset[ConfigMap] = frozenset()
        self._following: dict[ConfigMap, asyncio.Task[NoReturn]] = {}
        self._told: dict[ConfigMap, str | None] = {}
        self._taken: Mapping[ConfigMap, str | None] = {}
        self._wake = asyncio.Event()

    async def take(self, needed: frozenset[ConfigMap]) -> Mapping[ConfigMap, str]:
        """Need these from now on, and answer the texts of those that there are; what was never told is read.

        Raises:
            ClusterUnavailable: one could not be read.
        """
        if needed != self._needed:
            self._needed = needed
            self._wake.set()
        self._taken = taken = {where: await self._text(where) for where in sorted(needed)}
        self._wake.set()  # another may have been told meanwhile
        return {where: text for where, text in taken.items() if text is not None}

    async def run(self, reload: Callable[[], Awaitable[object]]) -> NoReturn:
        """Follow what is needed, and `reload` where it is not what was taken; until cancelled."""
        following = self._following
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await _end([following.pop(where) for where in following.keys() - self._needed])
                self._told = {where: text for where, text in self._told.items() if where in following}
                for where in self._needed - following.keys():
                    following[where] = asyncio.create_task(self._follow(where), name=f"template.{where[1]}")
                # A reload that fails before it takes is not repeated here: whatever brings it about wakes this again.
                if any(where not in self._taken or self._taken[where] != text for where, text in self._told.items()):
                    await asyncio.sleep(SETTLE)
                    await reload()
        finally:
            await _end(following.values())
            following.clear()

    async def _text(self, where: ConfigMap) -> str | None:
        if where in self._told:
            return self._told[where]
        text = await self._read(where)
        # Whoever is followed is read once; what was told meanwhile is newer.
        return self._told.setdefault(where, text) if where in self._following else text

    async def _read(self, where: ConfigMap) -> str | None:
        try:
            return await self._records.template(*where, where[1])
        except NotFound:
            return None  # `build` says where it is named, and what to do

    async def _follow(self, where: ConfigMap) -> NoReturn:
        """Keep what is told; a follow that breaks is begun anew, and ends nothing else."""
        failures = 0
        while True:
            try:
                # A cluster's is an async generator; its port promises no more than that it can be closed.
                texts = cast("AsyncGenerator[str | None, None]", self._records.follow_template(*where, where[1]))
                async with aclosing(texts):
                    async for text in texts:
                        failures, self._told[where] = 0, text
                        self._wake.set()
                log.warning("definitions.template_left", namespace=where[0], name=where[1])
            except Exception:
                log.exception("definitions.template_broke", namespace=where[0], name=where[1])
            failures += 1
            await asyncio.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.5 * 2 ** min(failures, 10))))  # noqa: S311 # jitter


async def _end(tasks: Collection[asyncio.Task[NoReturn]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
