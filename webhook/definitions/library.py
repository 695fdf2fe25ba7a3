"""The definitions of a running process: the last good set, read again whole when the files change."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NoReturn, Protocol

import structlog

from ..errors import DefinitionError, NotFound
from ..metrics import Metrics
from .definition import DefinitionSet
from .files import fingerprint, root_of
from .loading import build, read

log = structlog.get_logger(__name__)

LOOK_AGAIN = 30_000
"""Milliseconds until the files are looked at though nothing told of a change: network file systems do not."""
WAIT = 5.0
"""Seconds until the files are looked for again once their folder is gone."""


class Templates(Protocol):
    """Where templates in ConfigMaps come from: the cluster's records."""

    async def template(self, namespace: str, name: str, key: str) -> str:
        """Read one key of a ConfigMap. Raises NotFound."""
        ...


class Library:
    """The definitions in use.

    Attributes:
        current: the last good set; empty before the first `load`.
        problem: why the files as they are cannot be used, while the last good set is; else None.
    """

    def __init__(self, path: Path, *, metrics: Metrics, records: Templates | None = None) -> None:
        self._path, self._metrics, self._records = path, metrics, records
        self._seen = ""
        self.current = DefinitionSet()
        self.problem: DefinitionError | None = None

    async def load(self) -> None:
        """Load the files for the first time.

        Raises:
            DefinitionError: the set cannot be used; the process should not start.
            ClusterUnavailable: a template in a ConfigMap could not be asked for.
        """
        self._seen = await asyncio.to_thread(fingerprint, self._path)
        self._use(await self._read())
        log.info("definitions.loaded", count=len(self.current), path=str(self._path))

    async def reload(self) -> bool:
        """Load the files again, whole; on an error keep the last good set and say so. True when they were good."""
        try:
            self._seen = await asyncio.to_thread(fingerprint, self._path)
            found = await self._read()
        except DefinitionError as error:
            self.problem = error
            self._metrics.definitions_stale.set(1)
            log.error("definitions.broken", error=str(error), more=len(error.others))
            return False
        except Exception as error:
            # Whatever a change in a folder brings about, the process goes on with what it has.
            self.problem = DefinitionError(f"cannot be read: {type(error).__name__}: {error}", path=str(self._path))
            self._metrics.definitions_stale.set(1)
            log.error("definitions.broken", error=str(self.problem), more=0)
            return False
        changed = found.digest != self.current.digest or self.problem is not None
        self._use(found)
        if changed:
            log.info("definitions.reloaded", count=len(found))
        return True

    async def watch(self) -> NoReturn:
        """Reload when the files change, until cancelled; a mounted ConfigMap's swap of symlinks counts."""
        from watchfiles import awatch  # only here: nothing else needs its native library

        while True:
            root = root_of(self._path)
            try:
                async for changes in awatch(
                    root, watch_filter=None, recursive=True, rust_timeout=LOOK_AGAIN, yield_on_timeout=True
                ):
                    if changes or await self._changed():
                        await self.reload()
            except OSError as error:
                log.warning("definitions.unwatched", path=str(root), reason=error.strerror or str(error))
            await asyncio.sleep(WAIT)
            await self.reload()

    async def _changed(self) -> bool:
        """Whether the files, or what they take from ConfigMaps, may be others than those last read."""
        if any(definition.from_cluster for definition in self.current):
            return True
        return await asyncio.to_thread(fingerprint, self._path) != self._seen

    def _use(self, found: DefinitionSet) -> None:
        self.current, self.problem = found, None
        self._metrics.definitions.set(len(found))
        self._metrics.definitions_stale.set(0)

    async def _read(self) -> DefinitionSet:
        # In a thread: a thousand templates take seconds to compile, and events come in meanwhile.
        written = await asyncio.to_thread(read, self._path)
        templates = {}
        if self._records is not None:
            for namespace, name in sorted(written.config_maps):
                try:
                    templates[namespace, name] = await self._records.template(namespace, name, name)
                except NotFound:
                    continue  # `build` says where it is named, and what to do
        return await asyncio.to_thread(build, written, templates)
