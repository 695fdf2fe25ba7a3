"""Sizes in bytes as people write them: `512`, `32KiB`, `2MiB`, `25MB`."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB|kB|KB|MB|GB)?")
_UNITS = {
    "B": 1,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
}


def parse(text: str) -> int:
    """Read a size; a number without a unit counts bytes.

    Raises:
        ValueError: no size; the message says what is allowed.

    >>> parse("2MiB"), parse("1.5KiB"), parse("25MB"), parse("512")
    (2097152, 1536, 25000000, 512)
    """
    match = _SIZE.fullmatch(text) if len(text) <= 32 and text.isascii() else None
    if not match:
        raise ValueError("is no size; write a number and a unit (B, KiB, MiB, GiB, kB, MB, GB), such as 2MiB")
    return int(float(match[1]) * _UNITS[match[2] or "B"])


def show(size: int) -> str:
    """Write a size so that `parse` reads it again, in the largest binary unit that divides it.

    >>> show(2097152), show(1536), show(0)
    ('2MiB', '1536B', '0B')
    """
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return f"{size}B"
