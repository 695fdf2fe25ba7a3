"""What one evaluation may still do: steps, turns and bytes, counted down by all that goes through an event's values.

Sizes are counted, never time, so that the same event always gets the same answer. A step is what an element of a list
costs to visit: some 100 ns, up to 500 in the dearest filters.
"""

from __future__ import annotations

from sys import getsizeof
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.runtime import Context

from .limits import MAX_ITEMS, MAX_MADE, MAX_STEPS, MAX_VALUE, MAX_WORK

BUDGET = " budget"
"""Where an evaluation's `Budget` is in its context: a name that no template can write."""
CALL = 6
"""Steps of one call of a filter or a test."""
SIZED = (str, list, tuple, dict)
"""What may be large; tuples for isinstance, as a union of types costs several times as much."""
_LISTS = (list, tuple)
_FLAT = frozenset({int, float, bool, type(None)})
SHORT = 256
"""Characters of a text that is not worth the counting, where something else bounds how often it comes."""
_CHARACTERS = 16
"""Characters that count as one step."""


class Budget:
    """The count of one evaluation, or of several that share it.

    Attributes:
        work: steps, up to `MAX_WORK`.
        turns: of loops, up to `MAX_STEPS`.
        made: bytes of what was made, up to `MAX_MADE`.
    """

    __slots__ = ("made", "turns", "work")

    def __init__(self) -> None:
        self.work = self.turns = self.made = 0

    def charge(self, steps: int) -> None:
        """Count steps before they are gone. Raises SecurityError where that is too many."""
        self.work += steps
        if self.work > MAX_WORK:
            raise SecurityError(f"the filters, operators and loops take more than {MAX_WORK} steps")

    def turn(self, steps: int) -> None:
        """Count one turn of a loop, whose body takes so many steps by itself."""
        self.turns += 1
        if self.turns > MAX_STEPS:
            raise SecurityError(f"the loops take more than {MAX_STEPS} turns")
        self.charge(steps)

    def make(self, value: Any) -> None:
        """Count a text or a list that was made, itself alone: its elements were counted when they were made."""
        if len(value) > (MAX_VALUE if isinstance(value, str) else MAX_ITEMS):
            raise too_large()
        self.made += getsizeof(value)
        if self.made > MAX_MADE:
            raise SecurityError(f"the filters and operators make more than {MAX_MADE} bytes")

    def walk(self, value: Any) -> int:
        """Count all that is in a value, at any depth, and answer its steps."""
        before = self.work
        waiting = [value]
        while waiting:
            item = waiting.pop()
            if isinstance(item, str):
                self.charge(1 + len(item) // _CHARACTERS)
            elif isinstance(item, _LISTS):
                self.charge(1 + len(item))
                waiting.extend([one for one in item if type(one) not in _FLAT])
            elif isinstance(item, dict):
                self.charge(1 + 2 * len(item))
                waiting.extend(item)
                waiting.extend([one for one in item.values() if type(one) not in _FLAT])
        return self.work - before


def budget_of(context: Context) -> Budget:
    """The budget of the evaluation that a filter or a test is called in."""
    found: Budget = context.parent[BUDGET]
    return found


def characters(value: Any, arguments: tuple[Any, ...] = ()) -> int:
    """Steps to go once through a text, and through those among a filter's arguments."""
    steps = 1 + len(value) // _CHARACTERS if isinstance(value, str) else 1
    for argument in arguments:
        if isinstance(argument, str):
            steps += len(argument) // _CHARACTERS
    return steps


def elements(value: Any) -> int:
    """How many elements a value has for who iterates over it; a text's are its characters."""
    return len(value) if isinstance(value, SIZED) else 0


def searched(text: Any, wanted: Any) -> int:
    """Steps to look for a text in a text: CPython's search may look at a short one anew at every character."""
    if not isinstance(text, str) or not isinstance(wanted, str):
        return 1
    return 1 + len(text) // _CHARACTERS * (1 + min(len(wanted), 100) // 16) + len(wanted) // _CHARACTERS


def too_large() -> SecurityError:
    """The refusal of one value, in the words that all of them have."""
    return SecurityError("the value grows too large")
