"""What is worth telling once, however often it happens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

REMEMBERED = 1000


class Once:
    """A bounded memory of what was told; the longest unseen is forgotten first, and may be told again.

    Args:
        limit: things remembered.

    >>> once = Once()
    >>> once("disk full"), once("disk full"), once("disk gone")
    (True, False, True)
    """

    __slots__ = ("_limit", "_seen")

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._seen: OrderedDict[Hashable, None] = OrderedDict()

    def __call__(self, thing: Hashable) -> bool:
        """Whether it is new, and so to be told now."""
        new = thing not in self._seen
        self._seen[thing] = None
        self._seen.move_to_end(thing)
        if len(self._seen) > self._limit:
            self._seen.popitem(last=False)
        return new
