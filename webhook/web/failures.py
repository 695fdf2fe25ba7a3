"""Failed authentications, limited by door and peer.

The limit is asked after a check has failed, never before one: through an address that many share, a good signature or
token passes however many bad ones came. A peer is the connection's own address, whatever a header says.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from datetime import timedelta

from ..errors import TooManyRequests
from .rates import Gate

ALLOWED = 100
"""Failures of one peer at one door in each `PER` before it is told to slow down."""
PER = timedelta(minutes=1)
REMEMBERED = 4096
"""Pairs of door and peer; the one that has not failed for the longest is forgotten first."""


class Failures:
    """How often who has failed where, in bounded memory."""

    def __init__(self, *, allowed: int = ALLOWED, per: timedelta = PER, remembered: int = REMEMBERED) -> None:
        self._allowed, self._per, self._remembered = allowed, per, remembered
        self._gates: OrderedDict[tuple[str, str], Gate] = OrderedDict()

    def note(self, door: str, peer: str | None, now: float) -> None:
        """Count one failure, by a clock in seconds.

        Raises:
            TooManyRequests: there were too many; says when the next one will be let off.
        """
        key = (door, network(peer))
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = Gate(self._allowed, self._per)
            if len(self._gates) > self._remembered:
                self._gates.popitem(last=False)
        else:
            self._gates.move_to_end(key)
        try:
            gate.enter(now)
        except TooManyRequests as error:
            raise TooManyRequests("too many failed authentications", retry_after=error.retry_after) from None

    def __len__(self) -> int:
        """Pairs in memory."""
        return len(self._gates)


def network(peer: str | None) -> str:
    """What stands for a peer: its address, of IPv6 the /64, as one host has as many addresses as it likes.

    >>> network("192.0.2.7"), network("2001:db8::1:2:3:4"), network("::ffff:192.0.2.7"), network(None)
    ('192.0.2.7', '2001:db8::/64', '192.0.2.7', '')
    """
    if peer is None or ":" not in peer:
        return peer or ""
    address = ipaddress.IPv6Address(peer)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
