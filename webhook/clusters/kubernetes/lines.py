"""A stream of bytes cut into lines."""

from __future__ import annotations

LONGEST = 8 * 2**20
"""Bytes in a line: etcd takes no object above 1.5 MiB, which JSON may write several times as long."""

CUT = b"{"
"""Stands for a line that is too long: no JSON, so that it counts as one that cannot be read."""


class Lines:
    """Cuts pieces of any size at line feeds; a line that is too long comes as `CUT`."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._pieces: list[bytes] = []
        self._held = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Take a piece and answer the lines that are whole now, without their line feeds."""
        *ends, rest = piece.split(b"\n")
        lines = []
        for end in ends:
            self._hold(end)
            lines.append(b"".join(self._pieces))
            self._pieces, self._held = [], 0
        self._hold(rest)
        return lines

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held <= self._longest:
            self._pieces.append(piece)
        else:
            self._pieces = [CUT]
