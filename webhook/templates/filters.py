"""The filters that expressions and templates may use: pure, and bounded by the size of what they are given."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import Undefined
from jinja2.filters import FILTERS as JINJA

from .. import times
from ..json import dump
from .limits import MAX_VALUE
from .values import Quoted

_NOT_LABEL = re.compile(r"[^A-Za-z0-9_.-]+")
_NOT_DNS = re.compile(r"[^a-z0-9]+")
_DIRECTIVE = re.compile(r"%(.?)")
_DIRECTIVES = frozenset("YmdHMSjyaAbBpIuVG%")


def text(value: Any) -> str:
    """The text of a scalar, as JSON writes it: `true`, `42`; null is empty.

    Raises:
        TypeError: a mapping, a list or anything else that has no text of its own.
        ValueError: a number beyond 64 bits, or not a finite one.
    """
    if isinstance(value, str):
        return str(value)
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        if value.bit_length() > 64 if isinstance(value, int) else not math.isfinite(value):
            raise ValueError("a number beyond 64 bits, or not a finite one")
        return dump(value).decode()
    if isinstance(value, Undefined):
        return str(value)  # raises
    raise TypeError(f"a text is needed, not {'a mapping' if isinstance(value, Mapping) else 'a list'}")


def shquote(value: Any) -> Quoted:
    """Quote a scalar as one word of a POSIX shell, or a list as words."""
    if isinstance(value, list | tuple):
        return Quoted(" ".join(shlex.quote(text(item)) for item in value))
    return Quoted(shlex.quote(text(value)))


def tojson(value: Any) -> str:
    """The JSON text of a value."""
    return dump(value).decode()


def default(value: Any, instead: Any = "", boolean: bool = False) -> Any:  # noqa: FBT001, FBT002 # as Jinja2 has it
    """What to take where the value is missing or null (with `true`: or empty, zero, false)."""
    missing = isinstance(value, Undefined) or value is None
    return instead if missing or (boolean and not value) else value


def dns_label(value: Any) -> str:
    """Make a DNS label of a text: lower case, `-` for the rest, at most 63 characters; `x` where nothing is left.

    >>> dns_label("Feature/ABC_1"), dns_label("...")
    ('feature-abc-1', 'x')
    """
    return _NOT_DNS.sub("-", text(value).lower()).strip("-")[:63].strip("-") or "x"


def label_value(value: Any) -> str:
    """Make a Kubernetes label value of a text: `-` for what it may not hold, at most 63 characters, perhaps empty.

    >>> label_value("refs/heads/main"), label_value("-ü-")
    ('refs-heads-main', '')
    """
    return _NOT_LABEL.sub("-", text(value)).strip("-_.")[:63].strip("-_.")


def join(values: Iterable[Any], separator: str = "") -> str:
    """Join scalars; words that went through `shquote` and are joined by white space stay quoted."""
    items = list(values)
    texts = [text(item) for item in items]
    _limit(sum(map(len, texts)) + len(separator) * len(texts))
    joined = separator.join(texts)
    quoted = all(isinstance(item, Quoted) for item in items) and separator != "" and not separator.strip(" \t")
    return Quoted(joined) if quoted else joined


def replace(value: Any, old: str, new: str, count: int = -1) -> str:
    """Put one text in the place of another, everywhere or `count` times."""
    source = text(value)
    _limit(len(source) + (source.count(old) + 1) * len(new))
    return source.replace(old, new, count)


def items(value: Any) -> list[tuple[Any, Any]]:
    """The pairs of a mapping: `{% for name, value in mapping | items %}`."""
    if isinstance(value, Undefined):
        return list(value)
    if not isinstance(value, Mapping):
        raise TypeError("a mapping is needed")
    return list(value.items())


def date(value: Any, pattern: str = "%Y-%m-%d") -> str:
    """Write an RFC 3339 moment by a strftime pattern, in its own zone."""
    if not {match[1] for match in _DIRECTIVE.finditer(pattern)} <= _DIRECTIVES:
        raise ValueError(f"the date's pattern may hold %{', %'.join(sorted(_DIRECTIVES))} only")
    written = text(value)
    if written.startswith("0000"):
        raise ValueError("a date's year begins with 0001")
    return times.parse(written).strftime(pattern)


def _limit(size: int) -> None:
    if size > MAX_VALUE:
        raise ValueError("the value grows too large")


_OF_JINJA = (
    *("truncate", "int", "float", "abs", "round", "length", "count", "first", "last", "min", "max", "sum", "sort"),
    *("unique", "list", "map", "select", "reject", "selectattr", "rejectattr", "reverse"),
)

FILTERS: dict[str, Callable[..., Any]] = {
    **{name: JINJA[name] for name in _OF_JINJA},
    "shquote": shquote,
    "tojson": tojson,
    "default": default,
    "d": default,
    "dns_label": dns_label,
    "label_value": label_value,
    "join": join,
    "replace": replace,
    "items": items,
    "date": date,
    "string": text,
    "lower": lambda value: text(value).lower(),
    "upper": lambda value: text(value).upper(),
    "trim": lambda value, characters=None: text(value).strip(characters),
    "split": lambda value, separator=None: text(value).split(separator),
    "removeprefix": lambda value, prefix: text(value).removeprefix(prefix),
    "removesuffix": lambda value, suffix: text(value).removesuffix(suffix),
}
"""By name. Those of Jinja2 keep their meaning; `default` also stands in for null, and no filter marks text as safe."""
