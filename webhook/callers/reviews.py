"""Ask a cluster whose a token is, and remember the answer for a while: TokenReview, made safe against floods."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from ..errors import ClusterUnavailable, TooManyRequests
from ..ports import Identities

REMEMBERED = timedelta(seconds=60)
"""How long an answer holds, so that a revoked token is refused a minute later at the latest."""
LONGEST_REVIEW = timedelta(seconds=5)
AT_ONCE = 8
"""Reviews that the cluster is asked at a time."""
WAITING = 64
"""Reviews under way or waiting; beyond them a caller is told to come again."""
SIZE = 1024
"""Answers remembered of each kind."""

_Key = tuple[bytes, str]


class _Answer(NamedTuple):
    """The user's name, or None for a refusal; `until` is in seconds of the ticking clock."""

    user: str | None
    until: float


class _Memory:
    """At most `size` answers; those that were not asked for the longest go first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._answers: OrderedDict[_Key, _Answer] = OrderedDict()

    def get(self, key: _Key, now: float) -> _Answer | None:
        """The answer where it still holds."""
        answer = self._answers.get(key)
        if answer is None or answer.until <= now:
            self._answers.pop(key, None)
            return None
        self._answers.move_to_end(key)
        return answer

    def keep(self, key: _Key, answer: _Answer) -> None:
        self._answers[key] = answer
        self._answers.move_to_end(key)
        if len(self._answers) > self._size:
            self._answers.popitem(last=False)


class Reviews:
    """Whose a token is; equal questions are asked once, refusals are remembered, too, and memory is bounded.

    Refusals have a memory of their own, so that a flood of forged tokens cannot push the honest answers out.
    """

    def __init__(
        self, identities: Identities, *, ticks: Callable[[], float] = time.monotonic, size: int = SIZE
    ) -> None:
        self._identities, self._ticks = identities, ticks
        self._known, self._refused = _Memory(size), _Memory(size)
        self._under_way: dict[_Key, asyncio.Task[str | None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def who(self, token: str, audience: str, *, lifetime: float) -> str | None:
        """The user's name, or None where the cluster refuses the token.

        No answer is remembered for longer than the token's `lifetime`, in seconds from now on.

        Raises:
            TooManyRequests: too many reviews are waiting already.
            ClusterUnavailable: no answer now; never remembered.
        """
        # A digest, so that a dump of this memory gives no token away.
        key = (hashlib.sha256(token.encode()).digest(), audience)
        now = self._ticks()
        if answer := self._known.get(key, now) or self._refused.get(key, now):
            return answer.user
        task = self._under_way.get(key) or self._begin(key, token, lifetime)
        # Shielded: one caller that hangs up does not take the answer from the others.
        return await asyncio.shield(task)

    def _begin(self, key: _Key, token: str, lifetime: float) -> asyncio.Task[str | None]:
        if len(self._under_way) >= WAITING:
            raise TooManyRequests("too many tokens are being checked", retry_after=timedelta(seconds=1))
        task = asyncio.create_task(self._ask(key, token, lifetime))
        self._under_way[key] = task
        task.add_done_callback(lambda done: self._end(key, done))
        return task

    def _end(self, key: _Key, task: asyncio.Task[str | None]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # seen, so that asyncio does not complain where every caller hung up

    async def _ask(self, key: _Key, token: str, lifetime: float) -> str | None:
        try:
            async with asyncio.timeout(LONGEST_REVIEW.total_seconds()), self._slots:
                user = await self._identities.who(token, key[1])
        except TimeoutError as error:
            raise ClusterUnavailable("the cluster did not say whose a token is in time") from error
        until = self._ticks() + max(0.0, min(lifetime, REMEMBERED.total_seconds()))
        (self._refused if user is None else self._known).keep(key, _Answer(user, until))
        return user
