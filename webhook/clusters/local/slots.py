"""How many pods run at once on this machine: a flood of events must not become a flood of processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Slots:
    """A number of turns, given in the order of asking."""

    def __init__(self, number: int) -> None:
        self._free, self._waiting = number, deque[Slot]()

    def ask(self, granted: Callable[[], None]) -> Slot:
        """Ask for a turn; `granted` is called once it has come, at once where one is free."""
        slot = Slot(self, granted)
        self._waiting.append(slot)
        self._grant()
        return slot

    def give_back(self, slot: Slot) -> None:
        """Take a turn back, or a place in the queue."""
        if slot.held:
            self._free += 1
            slot.held = False
            self._grant()
        elif slot in self._waiting:
            self._waiting.remove(slot)

    def _grant(self) -> None:
        while self._free and self._waiting:
            slot = self._waiting.popleft()
            self._free -= 1
            slot.held = True
            slot.granted()


class Slot:
    """A turn, or the wait for it."""

    def __init__(self, slots: Slots, granted: Callable[[], None]) -> None:
        self._slots, self.granted, self.held = slots, granted, False

    def release(self) -> None:
        """Give it back; again is no matter."""
        self._slots.give_back(self)
