"""A bounded memory of a template's rendered texts, parsed: most events render the same text with other values."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection

from ..manifests import Allow, Plan, plan

MAX_PLANS = 32
MAX_TEXT = 32 * 1024
"""Longer texts are parsed each time, so that a thousand definitions' memories stay within some 100 MB."""


class Plans:
    """The least recently used go first."""

    __slots__ = ("_allow", "_digits", "_plans")

    def __init__(self, *, allow: Collection[Allow] = (), digits: bool = False) -> None:
        self._allow, self._digits = frozenset(allow), digits
        self._plans: OrderedDict[str, Plan] = OrderedDict()

    def __len__(self) -> int:
        return len(self._plans)

    def of(self, text: str) -> Plan:
        """The plan of a rendered text. Raises BadManifest."""
        found = self._plans.get(text)
        if found is not None:
            self._plans.move_to_end(text)
            return found
        made = plan(text, allow=self._allow, digits=self._digits)
        if len(text) <= MAX_TEXT:
            self._plans[text] = made
            if len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
        return made
