"""The SQLite file, behind one thread: nothing waits for the disk on the event loop.

Writes that come in together share one transaction and one fsync (each behind a savepoint, so that one's refusal is its
own); they are answered, and told to those who follow, only after the commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from ...errors import ClusterUnavailable, ConfigurationError
from . import tables
from .tables import Stored, Transaction

T = TypeVar("T")
Announce = Callable[[Stored[Any]], None]

FILE = "jobhook.sqlite3"
BUSY_SECONDS = 2.0
"""How long another program's lock on the file is waited for."""
MAX_BATCH = 64


@dataclass(slots=True)
class _Request(Generic[T]):
    """One question or change on its way to the thread."""

    act: Callable[[Any], T]
    writes: bool
    answer: asyncio.Future[T]
    loop: asyncio.AbstractEventLoop


class Store:
    """The file, open. `announce` is called on the event loop for each committed change, in the order of commits."""

    def __init__(self, folder: Path, announce: Announce) -> None:
        self._path, self._announce = folder / FILE, announce
        self._requests: queue.SimpleQueue[_Request[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="store", daemon=True)
        self._opened: asyncio.Future[None] | None = None
        self._heard: float | None = None

    async def open(self) -> None:
        """Open the file, or make it. Raises ConfigurationError where that cannot be."""
        self._opened = asyncio.get_running_loop().create_future()
        self._thread.start()
        await self._opened

    async def close(self) -> None:
        """Finish what was asked, and close the file."""
        self._requests.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def age(self) -> timedelta | None:
        """Since the file was last read or written; None where it never was."""
        return None if self._heard is None else timedelta(seconds=time.monotonic() - self._heard)

    async def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Ask on the store's thread. Raises what `question` raises, and ClusterUnavailable."""
        return await self._ask(question, writes=False)

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """Change on the store's thread; returns after the commit is on disk.

        Raises:
            ClusterUnavailable: the file could not be written; nothing has changed.
        """
        return await self._ask(change, writes=True)

    async def _ask(self, act: Callable[[Any], T], *, writes: bool) -> T:
        if not self._thread.is_alive():
            raise ClusterUnavailable("the store is closed", sent=False)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._requests.put(_Request(act, writes, answer, loop))
        return await answer

    def _work(self) -> None:
        opened = self._opened
        assert opened is not None
        loop = opened.get_loop()
        try:
            connection = _open(self._path)
        except (sqlite3.Error, OSError, ConfigurationError) as error:
            problem = ConfigurationError(f"the local cluster's file {self._path} cannot be used: {error}")
            _later(loop, _settle, opened, None, problem)
            return
        identity = self._path.stat().st_ino
        _later(loop, _settle, opened, None, None)
        with contextlib.closing(connection):
            while batch := self._batch():
                for request in [request for request in batch if not request.writes]:
                    self._answer_read(connection, request, identity)
                if writes := [request for request in batch if request.writes]:
                    self._answer_writes(connection, writes, identity)

    def _batch(self) -> list[_Request[Any]]:
        """What waits by now, at least one; empty at the end."""
        batch = [self._requests.get()]
        with contextlib.suppress(queue.Empty):
            while batch[-1] is not None and len(batch) < MAX_BATCH:
                batch.append(self._requests.get_nowait())
        found = [request for request in batch if request is not None]
        if batch[-1] is None and found:
            self._requests.put(None)
        return found

    def _answer_read(self, connection: sqlite3.Connection, request: _Request[Any], identity: int) -> None:
        result: Any = None
        problem: Exception | None = None
        try:
            _check_place(self._path, identity)
            result = request.act(connection)
            self._heard = time.monotonic()
        except (sqlite3.Error, OSError) as error:
            problem = ClusterUnavailable(f"the store cannot be read: {error}", sent=False)
        except Exception as error:  # it belongs to whoever asked
            problem = error
        _later(request.loop, _settle, request.answer, result, problem)

    def _answer_writes(self, connection: sqlite3.Connection, batch: list[_Request[Any]], identity: int) -> None:
        try:
            with _transaction(connection):
                results = [_savepoint(connection, request.act) for request in batch]
            _check_place(self._path, identity)
            self._heard = time.monotonic()
        except (sqlite3.Error, OSError) as error:
            problem = ClusterUnavailable(f"the store cannot be written: {error}", sent=False)
            for request in batch:
                _later(request.loop, _settle, request.answer, None, problem)
            return
        for request, (changes, result, refusal) in zip(batch, results, strict=True):
            _later(request.loop, self._finish, changes, request.answer, result, refusal)

    def _finish(
        self, changes: Iterable[Stored[Any]], answer: asyncio.Future[Any], result: Any, refusal: Exception | None
    ) -> None:
        try:
            for change in changes:
                self._announce(change)
        finally:
            _settle(answer, result, refusal)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        # FULL: with the write-ahead log, NORMAL may lose the last commits at a power cut, and those were answered.
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {setting}").fetchall()
        with _transaction(connection):
            tables.prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Any:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some errors.
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _savepoint(connection: sqlite3.Connection, act: Callable[[Any], T]) -> tuple[list[Any], T | None, Exception | None]:
    transaction = Transaction(connection)
    connection.execute("SAVEPOINT one")
    try:
        result = act(transaction)
    except sqlite3.Error:
        raise
    except Exception as refusal:  # it belongs to whoever asked
        connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        return [], None, refusal
    connection.execute("RELEASE one")
    return transaction.changes, result, None


def _check_place(path: Path, identity: int) -> None:
    """Notice that the file was removed: SQLite would go on writing into the nameless rest, and all would be lost."""
    if path.stat().st_ino != identity or not path.with_name(path.name + "-wal").exists():
        raise OSError(f"{path.name} was removed or replaced; restart to begin with what is there now")


def _settle(answer: asyncio.Future[Any], result: Any, problem: Exception | None) -> None:
    if answer.done():
        return
    if problem is not None:
        answer.set_exception(problem)
    else:
        answer.set_result(result)


def _later(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *values: Any) -> None:
    # The loop may have been closed while the disk was at work; then nobody waits.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *values)
