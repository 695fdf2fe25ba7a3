"""What holds a body to the name that it comes under, where the name is in a header that no signature covers.

A captured body could come under another name. Of each name that is known, a few keys (as few as tell it from all
others, since providers add keys without notice) must be there or must not, and some values give a name away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..json import Value
from .provider import look


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One type of body.

    Attributes:
        must: keys of it; a dotted one is below the outermost level.
        never: keys that it never has at its outermost level.
        says: by path, the texts that may stand there; None among them: it may be null or missing.
        subject, times: paths of values; of the latter the first that is set.
        suffix: the path of what follows the name in the type, or None where nothing does.
    """

    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    says: Mapping[str, frozenset[str | None]] = field(default_factory=dict)
    subject: str | None = None
    times: tuple[str, ...] = ()
    suffix: str | None = None

    def refusal(self, body: dict[str, Value]) -> str | None:
        """Say what a body has or lacks that one of this type does not; None where it fits."""
        for path in self.must:
            if path not in body and look(body, path) is None:
                return f"has no {path!r}"
        for key in self.never:
            if key in body:
                return f"has {key!r}"
        for path, texts in self.says.items():
            value = look(body, path)
            if not (value is None or type(value) is str) or value not in texts:
                return f"has another {path!r}"
        return None

    def ending(self, body: dict[str, Value]) -> str:
        """What follows the name in the type, its dot included; empty where nothing does."""
        found = look(body, self.suffix) if self.suffix else None
        return f".{found}" if type(found) is str and found else ""


def shape(
    must: str = "",
    subject: str | None = None,
    times: str = "",
    *,
    never: str = "",
    says: Mapping[str, frozenset[str | None]] | None = None,
    suffix: str | None = "action",
) -> Shape:
    """Write a row of a table: keys and paths with blanks between them."""
    return Shape(
        must=tuple(must.split()),
        never=tuple(never.split()),
        says=says or {},
        subject=subject,
        times=tuple(times.split()),
        suffix=suffix,
    )


def says(*texts: str | None) -> frozenset[str | None]:
    """The texts that may stand at a path."""
    return frozenset(texts)
