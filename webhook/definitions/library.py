"""The definitions of a running process: the last good set, read again whole when they change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import structlog

from ..errors import DefinitionError
from ..metrics import Metrics
from .borrowed import Borrowed, Templates
from .definition import DefinitionSet
from .files import fingerprint, root_of
from .loading import ConfigMap, Written, build, read

log = structlog.get_logger(__name__)

LOOK_AGAIN = 10_000
"""Milliseconds until files are looked at though nothing told of a change: network file systems do not, and neither
does a change before the watch stands."""
WAIT = 5.0
"""Seconds until the files are looked for again once their folder is gone."""


class Library:
    """The definitions in use; where the files may be missing, that is the empty set until they are made.

    Attributes:
        current: the last good set; empty before the first `load`.
        problem: why the files as they are cannot be used, while the last good set is; else None.
    """

    def __init__(
        self, path: Path, *, metrics: Metrics, records: Templates | None = None, may_be_missing: bool = False
    ) -> None:
        self._path, self._metrics, self._may_be_missing = path, metrics, may_be_missing
        self._borrowed = Borrowed(records) if records is not None else None
        self._files: tuple[Path, ...] = ()
        self._seen: str | None = None
        self._passed_over: frozenset[str] = frozenset()
        self._turn = asyncio.Lock()
        self.current = DefinitionSet()
        self.problem: DefinitionError | None = None

    async def load(self) -> None:
        """Load the files for the first time.

        Raises:
            DefinitionError: the set cannot be used; the process should not start.
            ClusterUnavailable: a template in a ConfigMap could not be asked for.
        """
        self._use(await self._read())
        log.info("definitions.loaded", count=len(self.current), path=str(self._path))

    async def reload(self) -> bool:
        """Load the files again, whole; on an error keep the last good set and say so. True when they were good."""
        async with self._turn:
            return await self._reload()

    async def _reload(self) -> bool:
        try:
            found = await self._read()
        except DefinitionError as error:
            self._keep(error)
            return False
        except Exception as error:
            # Whatever a change in a folder brings about, the process goes on with what it has, and tries again.
            self._seen = None
            reason = f"cannot be read: {type(error).__name__}: {error}"
            self._keep(DefinitionError(reason, path=str(self._path), remedy="it is tried again"))
            return False
        changed = found.digest != self.current.digest or self.problem is not None
        self._use(found)
        if changed:
            log.info("definitions.reloaded", count=len(found))
        return True

    async def watch(self) -> None:
        """Reload when the files change, or what they take from ConfigMaps, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_files())
            if self._borrowed is not None:
                group.create_task(self._borrowed.run(self.reload))

    async def _watch_files(self) -> NoReturn:
        """Reload when the files change; a mounted ConfigMap's swap of symlinks counts."""
        from watchfiles import awatch  # only here: nothing else needs its native library

        while True:
            folders = self._folders()
            try:
                async for _ in awatch(
                    *folders, watch_filter=None, recursive=False, rust_timeout=LOOK_AGAIN, yield_on_timeout=True
                ):
                    if await self._changed():
                        await self.reload()
                    if self._folders() != folders:
                        break  # templates are in other folders now
            except OSError as error:
                log.warning("definitions.unwatched", path=str(self._path), reason=error.strerror or str(error))
                await asyncio.sleep(WAIT)
                await self.reload()

    def _folders(self) -> frozenset[Path]:
        """Where the files are; not what is below, which may be anything."""
        parents = {file.parent for file in self._files}
        return frozenset({root_of(self._path), *(parent for parent in parents if parent.is_dir())})

    async def _changed(self) -> bool:
        """Whether the files may be others than those last read."""
        return await asyncio.to_thread(fingerprint, self._path, self._files) != self._seen

    async def _read(self) -> DefinitionSet:
        if self._may_be_missing and not self._path.exists():
            self._files, self._seen = (), None
            await self._take(frozenset())
            return DefinitionSet()
        # In threads: a thousand templates take seconds to compile, and events come in meanwhile.
        written: Written = await asyncio.to_thread(read, self._path)
        self._files = written.templates
        self._warn(written)
        self._seen = await asyncio.to_thread(fingerprint, self._path, self._files)
        templates = await self._take(written.config_maps)
        return await asyncio.to_thread(build, written, templates)

    def _warn(self, written: Written) -> None:
        """Log what was passed over, once for as long as it is there."""
        found = frozenset(str(problem) for problem in written.passed_over)
        for problem in sorted(found - self._passed_over):
            log.warning("definitions.passed_over", problem=problem)
        self._passed_over = found

    async def _take(self, needed: frozenset[ConfigMap]) -> Mapping[ConfigMap, str]:
        return {} if self._borrowed is None else await self._borrowed.take(needed)

    def _use(self, found: DefinitionSet) -> None:
        self.current, self.problem = found, None
        self._metrics.definitions.set(len(found))
        self._metrics.definitions_stale.set(0)

    def _keep(self, error: DefinitionError) -> None:
        if str(error) != str(self.problem):
            log.error("definitions.broken", error=str(error), more=len(error.others))
        self.problem = error
        self._metrics.definitions_stale.set(1)
