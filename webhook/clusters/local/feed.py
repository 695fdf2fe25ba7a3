"""Committed changes, told to those who follow."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from ...errors import ClusterUnavailable
from ...ports import Seen
from .tables import Stored

T = TypeVar("T")

ALIVE_EVERY = timedelta(seconds=15)
RETRY_EVERY = timedelta(seconds=1)
MAX_WAITING = 10_000
"""Changes that a slow follower may leave; beyond that it lists anew, which costs less than keeping them."""


class Feed(Generic[T]):
    """One kind of object's changes, on their way to any number of followers."""

    def __init__(self) -> None:
        self._followers: set[Backlog[T]] = set()

    def publish(self, change: Stored[T]) -> None:
        """Tell a committed change to all who follow."""
        for follower in self._followers:
            follower.add(change)

    def close(self) -> None:
        """Let all who follow end."""
        for follower in self._followers:
            follower.close()

    @contextlib.contextmanager
    def backlog(self) -> Iterator[Backlog[T]]:
        """What is published from here on."""
        backlog: Backlog[T] = Backlog()
        self._followers.add(backlog)
        try:
            yield backlog
        finally:
            self._followers.discard(backlog)


class Backlog(Generic[T]):
    """What one follower has yet to see."""

    def __init__(self) -> None:
        self._changes: deque[Stored[T]] = deque()
        self._wake = asyncio.Event()
        self._closed = self._lost = False

    def add(self, change: Stored[T]) -> None:
        """Take a change in, or lose all where there are too many."""
        self._changes.append(change)
        if len(self._changes) > MAX_WAITING:
            self._changes.clear()
            self._lost = True
        self._wake.set()

    def close(self) -> None:
        """Let the follower end."""
        self._closed = True
        self._wake.set()

    def restart(self) -> None:
        """Forget what was not seen: a new list holds it."""
        self._changes.clear()
        self._lost = False

    def overrun(self) -> bool:
        """Whether changes were thrown away."""
        return self._lost

    async def next(self, patience: timedelta) -> Stored[T] | None:
        """The next change; None where none came in time. Raises ClusterUnavailable once all is closed."""
        if not self._changes and not self._lost:
            self._wake.clear()
            if not self._closed:
                # Not `wait_for`: before Python 3.12 it lets a cancellation be lost that comes together with a change.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(patience.total_seconds()):
                        await self._wake.wait()
        if self._closed:
            raise ClusterUnavailable("the local cluster is closed")
        return self._changes.popleft() if self._changes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Generic[T]):
    """What is followed.

    Attributes:
        page: answers what is selected, from behind a name on, a part at a time; an empty part is the end. The parts may
            be of different moments: a change that one already holds is known by its version, and not told again.
        selected: whether an object is selected.
        ping: asks the store for a sign of life.
        alive_every: how often an idle follower is told that nothing changed.
    """

    page: Callable[[str], Awaitable[Sequence[Stored[T]]]]
    selected: Callable[[T], bool]
    ping: Callable[[], Awaitable[None]]
    alive_every: timedelta = ALIVE_EVERY


async def follow(feed: Feed[T], source: Source[T]) -> AsyncGenerator[tuple[Seen, T | None], None]:
    """List, then tell changes, without end."""
    with feed.backlog() as backlog:
        while True:
            backlog.restart()
            yield Seen.LISTING, None
            known: dict[str, int] = {}
            try:
                name = ""
                while page := await source.page(name):
                    for stored in page:
                        known[stored.name] = stored.version
                        yield Seen.PRESENT, stored.value
                    name = page[-1].name
            except ClusterUnavailable:
                # A change that wakes this is no loss: the next list holds it.
                await backlog.next(RETRY_EVERY)
                continue
            yield Seen.SYNCED, None
            while not backlog.overrun():
                change = await backlog.next(source.alive_every)
                if change is not None:
                    if seen := _tell(change, known, source.selected):
                        yield seen, change.value
                elif not backlog.overrun() and await _answers(source):
                    yield Seen.ALIVE, None


def _tell(change: Stored[T], known: dict[str, int], selected: Callable[[T], bool]) -> Seen | None:
    if change.version <= known.get(change.name, -1):
        return None
    if not change.gone and selected(change.value):
        known[change.name] = change.version
        return Seen.PRESENT
    return Seen.GONE if known.pop(change.name, None) is not None else None


async def _answers(source: Source[T]) -> bool:
    try:
        await source.ping()
    except ClusterUnavailable:
        return False
    return True
