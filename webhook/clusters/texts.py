"""One text of a record, a definition's template: as it is, and as a follow tells of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from ..ports import Record, Seen


def text_of(record: Record, key: str) -> str | None:
    """The value under a key; None where there is none, or no UTF-8."""
    try:
        return record.data[key].decode()
    except (KeyError, UnicodeDecodeError):
        return None


async def texts(steps: AsyncGenerator[tuple[Seen, Record | None], None], key: str) -> AsyncGenerator[str | None, None]:
    """Of a follow of at most one record, the text under a key: first as it is, then each that differs."""
    whole, text = False, None
    told: list[str | None] = []
    async with aclosing(steps):
        async for seen, record in steps:
            if seen in {Seen.LISTING, Seen.GONE}:
                text, whole = None, whole and seen is Seen.GONE
            elif seen is Seen.SYNCED:
                whole = True
            elif record is not None:
                text = text_of(record, key)
            if whole and told != [text]:
                told = [text]
                yield text
