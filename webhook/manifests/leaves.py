"""A leaf of a manifest with values in it: what it takes, and how they are put in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..json import dump
from ..templates import JsonList, JsonMapping, Quoted, label_value
from .expansion import escape
from .places import Kind
from .problems import Unfit, show_value

MAX_ARGUMENT = 131_071
"""Bytes of one argument or variable that Linux lets a process start with (MAX_ARG_STRLEN, its end aside)."""
MAX_INTEGER = 2**31 - 1
MAX_ELEMENTS = 10_000

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DIGITS = re.compile(r"0|[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf.

    Attributes:
        place: as people write it.
        parts: literal pieces and the numbers of values.
        whole: a plain scalar that is one value and nothing else, so that the value's own type decides.
        digits: an integer may come as its digits (the ancestor's parameters have no types).
    """

    place: str
    kind: Kind
    parts: tuple[str | int, ...]
    whole: bool
    digits: bool = False

    def put(self, values: Sequence[Any]) -> Any:
        """The leaf with its values.

        Raises:
            Unfit: one cannot stand here; the message begins with the place.
        """
        try:
            return self._put(values)
        except Unfit as error:
            raise Unfit(f"{self.place}: {error}") from None

    def _put(self, values: Sequence[Any]) -> Any:
        kind = self.kind
        if self.whole and kind is Kind.EXPANDED:
            return _expanded(values[self._only()])
        if kind is Kind.EXPANDED:
            pieces = [part if isinstance(part, str) else escape(text(values[part])) for part in self.parts]
            return _argument("".join(pieces))
        if kind is Kind.SCRIPT:
            return _argument("".join(self._script(values)))
        if kind is Kind.INTEGER:
            return _integer(values[self._only()], digits=self.digits)
        if self.whole and kind in _WHOLE:
            return _WHOLE[kind](values[self._only()])
        pieces = [part if isinstance(part, str) else text(values[part]) for part in self.parts]
        return _FINISH[kind]("".join(pieces))

    def _only(self) -> int:
        number = self.parts[0]
        assert isinstance(number, int)
        return number

    def _script(self, values: Sequence[Any]) -> Iterator[str]:
        for part in self.parts:
            if isinstance(part, str):
                yield part
            elif type(values[part]) is Quoted:
                yield escape(text(values[part]))
            else:
                raise Unfit(
                    "a value within a shell's script; write `{{ … | shquote }}`, or pass it as a word after the "
                    'script and write "$1" there, or in env'
                )


def text(value: Any) -> str:
    """The text of a value: its own, that of a number or a boolean, or the JSON of what was opted in; null is empty.

    Raises:
        Unfit: a mapping or a list, or a text that no Job can hold.
    """
    if isinstance(value, str):
        return _sound(str(value))
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(_number(value)) if isinstance(value, int) else dump(_number(value)).decode()
    if isinstance(value, JsonMapping | JsonList):
        return _sound(dump(value).decode())
    raise _structure(value)


def _structure(value: Any) -> Unfit:
    what = "a mapping" if isinstance(value, dict) else "a list"
    return Unfit(f"{what} where a text belongs; name a part of it, use `| tojson`, or a parameter of `type: json`")


def _sound(value: str) -> str:
    if "\0" in value:
        raise Unfit(f"a text with a NUL character: {show_value(value)}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unfit(f"a text with half of a surrogate pair: {show_value(value)}") from None
    return value


def _number(value: float) -> float:
    if isinstance(value, int):
        if value.bit_length() > 64:
            raise Unfit("a number beyond 64 bits")
    elif not math.isfinite(value):
        raise Unfit("no finite number")
    return value


def _integer(value: Any, *, digits: bool) -> int | None:
    if digits and isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if value is None:
        return None
    if type(value) is int:
        if 0 <= value <= MAX_INTEGER:
            return value
        raise Unfit(f"{show_value(value)[:24]} is not between 0 and {MAX_INTEGER}")
    remedy = "; give the parameter `type: integer`" if isinstance(value, str) else ""
    raise Unfit(f"an integer is needed, not {show_value(value)}{remedy}")


def _argument(value: str) -> str:
    if len(value) * 4 > MAX_ARGUMENT and len(value.encode()) - value.count("$$") > MAX_ARGUMENT:
        raise Unfit(f"more than {MAX_ARGUMENT} bytes, which no process can be started with; use `event: file`")
    return value


def _expanded(value: Any) -> str:
    return _argument(escape(text(value)))


def _scalar(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    return value if isinstance(value, bool | None) else text(value)


def _name(value: str) -> str:
    if not _DNS_LABEL.fullmatch(value):
        raise Unfit(f"{show_value(value)} is no DNS label; write `{{{{ … | dns_label }}}}`")
    return value


def _list(value: Any) -> list[str]:
    if not isinstance(value, JsonList):
        raise Unfit("a list is needed, from a parameter of `type: json`")
    if len(value) > MAX_ELEMENTS:
        raise Unfit(f"more than {MAX_ELEMENTS} elements")
    return [_expanded(item) for item in value]


def _tree(value: Any) -> Any:
    if not isinstance(value, JsonMapping):
        raise Unfit("a mapping is needed, from a parameter of `type: json`")
    return _branch(value, depth=3)


def _branch(value: Any, *, depth: int) -> Any:
    if isinstance(value, JsonMapping):
        if depth == 0 or len(value) > 100:
            raise Unfit("the mapping is too large")
        return {_sound(key): _branch(item, depth=depth - 1) for key, item in value.items()}
    return _scalar(value)


_WHOLE: dict[Kind, Callable[[Any], Any]] = {
    Kind.SCALAR: _scalar,
    Kind.LIST: _list,
    Kind.TREE: _tree,
}
_FINISH: dict[Kind, Callable[[str], str]] = {
    Kind.TEXT: str,
    Kind.LABEL: label_value,
    Kind.NAME: _name,
    Kind.SCALAR: str,
}
