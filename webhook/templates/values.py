"""Marks that a value carries by its class, and loses by whatever changes it."""

from __future__ import annotations

from typing import Any


class Quoted(str):
    """What `shquote` made: words of a POSIX shell. Slices and every other filter answer a plain str."""

    __slots__ = ()


class JsonMapping(dict[str, Any]):
    """A mapping that its definition has opted in (a parameter of `type: json`), or a part of one."""

    __slots__ = ()


class JsonList(list[Any]):
    """A list that its definition has opted in, or a part of one."""

    __slots__ = ()


def opt_in(value: Any) -> Any:
    """Mark a decoded JSON value, all of its mappings and lists included.

    >>> type(opt_in({"a": [1]})["a"]).__name__
    'JsonList'
    """
    if isinstance(value, dict):
        return JsonMapping((key, opt_in(item)) for key, item in value.items())
    if isinstance(value, list):
        return JsonList(opt_in(item) for item in value)
    return value
