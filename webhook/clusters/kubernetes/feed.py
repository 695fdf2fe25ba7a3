"""What a watch follows: objects and lines as they travel, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from ...json import NotJson, Struct, as_type, convert, load
from ..objects import ListMeta, Meta
from .verdicts import Status


class Wire(Protocol):
    """An object as it travels."""

    @property
    def metadata(self) -> Meta:
        """Its ObjectMeta."""
        ...


W = TypeVar("W", bound=Wire)
T = TypeVar("T")


class ObjectPage(Struct, Generic[W], frozen=True):
    """A page of a list."""

    metadata: ListMeta = ListMeta()
    items: tuple[W, ...] | None = None


class Line(Struct, Generic[W], frozen=True):
    """A line of a watch."""

    type: str
    object: W


class Failure(Struct, frozen=True):
    """A line of a watch that says why it ends."""

    type: str
    object: Status = Status()


@dataclass(frozen=True, slots=True)
class Feed(Generic[W, T]):
    """What is followed.

    Attributes:
        path: of the collection.
        query: sent with every page and every watch; it selects what is followed.
        wire: the Struct of one object.
        value: makes of it what is handed out.
    """

    path: str
    query: Mapping[str, str]
    wire: type[W]
    value: Callable[[W], T]

    def named(self, name: str) -> Feed[W, T]:
        """The same of one object alone; `name` is one (`names.is_name`)."""
        return replace(self, query={**self.query, "fieldSelector": f"metadata.name={name}"})

    def page(self, body: bytes) -> tuple[ListMeta, Sequence[W], int]:
        """Read a page; objects that cannot be read are left out and counted. Raises NotJson for no page at all."""
        try:
            page = as_type(body, _page_of(self.wire))
            return page.metadata, page.items or (), 0
        except NotJson:
            whole = load(body)
        if not isinstance(whole, dict) or not isinstance(items := whole.get("items") or [], list):
            raise NotJson("no list")
        good = []
        for item in items:
            try:
                good.append(convert(item, self.wire))
            except NotJson:
                continue
        return convert(whole.get("metadata"), ListMeta), good, len(items) - len(good)

    def line(self, line: bytes) -> Line[W]:
        """Read a line about an object. Raises NotJson for any other."""
        return as_type(line, _line_of(self.wire))


def _page_of(wire: type[W]) -> type[ObjectPage[W]]:
    # The checker takes no subscript that is known only at run time; typing keeps each of them once.
    generic: Any = ObjectPage
    page: type[ObjectPage[W]] = generic[wire]
    return page


def _line_of(wire: type[W]) -> type[Line[W]]:
    generic: Any = Line
    line: type[Line[W]] = generic[wire]
    return line
