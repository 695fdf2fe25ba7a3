"""The filters that expressions and templates may use: pure, and bounded by the size of what they are given."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from jinja2 import Environment, Undefined, pass_environment
from jinja2.filters import FILTERS as JINJA
from jinja2.filters import ignore_case, make_attrgetter

from .. import times
from ..json import dump
from .limits import MAX_BITS, MAX_ITEMS, MAX_VALUE
from .values import Quoted

_NOT_LABEL = re.compile(r"[^A-Za-z0-9_.-]+")
_NOT_DNS = re.compile(r"[^a-z0-9]+")
_DIRECTIVE = re.compile(r"%(.?)")
_DIRECTIVES = frozenset("YmdHMSjyaAbBpIuVG%")
_PATTERN = 256
_FEW = 64
_DIGITS = 100


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
    if len(items) > MAX_ITEMS:
        raise ValueError("the value grows too large")
    texts = [text(item) for item in items]
    _limit(sum(map(len, texts)) + len(separator) * len(texts))
    joined = separator.join(texts)
    quoted = all(isinstance(item, Quoted) for item in items) and separator != "" and not separator.strip(" \t")
    return Quoted(joined) if quoted else joined


def replace(value: Any, old: str, new: str, count: int = -1) -> str:
    """Put one text in the place of another, everywhere or `count` times."""
    source = text(value)
    times = source.count(old) if count < 0 else min(count, source.count(old))
    _limit(len(source) + times * (len(new) - len(old)))
    return source.replace(old, new, count)


def split(value: Any, separator: str | None = None) -> list[str]:
    """The parts of a text between separators, or between white space."""
    parts = text(value).split(separator, MAX_ITEMS)
    if len(parts) > MAX_ITEMS:
        raise ValueError("the value grows too large")
    return parts


def trim(value: Any, characters: str | None = None) -> str:
    """Take white space, or those characters, off both ends."""
    if characters is not None and len(characters) > _FEW:
        raise ValueError(f"more than {_FEW} characters to trim")  # each is looked for at each place
    return text(value).strip(characters)


def integer(value: Any, instead: Any = 0, base: int = 10) -> Any:
    """The integer of a number or a text, or another value where it has none."""
    number = JINJA["int"](value, instead, base)
    if isinstance(number, int) and number.bit_length() > MAX_BITS:
        raise ValueError("the number grows too large")
    return number


def rounded(value: Any, precision: int = 0, method: Literal["common", "ceil", "floor"] = "common") -> Any:
    """Round a number to so many digits after the point."""
    if abs(precision) > _DIGITS:
        raise ValueError(f"more than {_DIGITS} digits")
    return JINJA["round"](value, precision, method)


@pass_environment
def total(environment: Environment, values: Iterable[Any], attribute: Any = None, start: Any = 0) -> Any:
    """Add up numbers; lists would be copied once for each."""
    if not isinstance(start, int | float):
        raise TypeError("sum is for numbers; its start is one")
    return JINJA["sum"](environment, values, attribute, start)


@pass_environment
def unique(
    environment: Environment,
    values: Iterable[Any],
    case_sensitive: bool = False,  # noqa: FBT001, FBT002 # as Jinja2 has it
    attribute: str | int | None = None,
) -> Iterator[Any]:
    """Each value once. Integers beyond 64 bits are refused: hostile ones all have one hash."""
    key_of = make_attrgetter(environment, attribute, postprocess=None if case_sensitive else ignore_case)
    seen = set()
    for value in values:
        key = key_of(value)
        for part in key if isinstance(key, tuple) else (key,):
            if isinstance(part, int) and part.bit_length() > 64:
                raise ValueError("a number beyond 64 bits")
        if key not in seen:
            seen.add(key)
            yield value


def items(value: Any) -> list[tuple[Any, Any]]:
    """The pairs of a mapping: `{% for name, value in mapping | items %}`."""
    if isinstance(value, Undefined):
        return list(value)
    if not isinstance(value, Mapping):
        raise TypeError("a mapping is needed")
    return list(value.items())


def date(value: Any, pattern: str = "%Y-%m-%d") -> str:
    """Write an RFC 3339 moment by a strftime pattern, in its own zone."""
    if len(pattern) > _PATTERN:
        raise ValueError(f"the date's pattern has more than {_PATTERN} characters")
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
    *("truncate", "float", "abs", "length", "count", "first", "last", "min", "max", "sort"),
    *("list", "map", "select", "reject", "selectattr", "rejectattr", "reverse"),
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
    "trim": trim,
    "split": split,
    "int": integer,
    "round": rounded,
    "sum": total,
    "unique": unique,
    "removeprefix": lambda value, prefix: text(value).removeprefix(prefix),
    "removesuffix": lambda value, suffix: text(value).removesuffix(suffix),
}
"""By name. Those of Jinja2 keep their meaning; `default` also stands in for null, and no filter marks text as safe."""
