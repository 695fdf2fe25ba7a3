"""JSON, strictly: the one door to msgspec.

Bytes in, values out: strict UTF-8, no NaN or infinity, at most `MAX_DEPTH` levels, and no Python recursion on hostile
input. msgspec keeps the last of duplicate keys; `load_strict` refuses them (for envelopes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any, TypeVar

import msgspec

from .errors import JobhookError

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
Value = Any  # a Json; Any, because mypy cannot follow the recursion through pydantic and Jinja
Struct = msgspec.Struct
"""What values are made of that every event makes anew: one takes a tenth of a frozen dataclass's time."""
replace = msgspec.structs.replace
T = TypeVar("T")

MAX_DEPTH = 64
"""Real GitHub payloads nest at most 7 deep."""

_CONTAINERS = frozenset({dict, list})
_decoder: msgspec.json.Decoder[Value] = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
_sorted = msgspec.json.Encoder(order="sorted")


class NotJson(JobhookError):
    """The bytes are no JSON text by RFC 8259, or nest too deep."""


class TooDeep(NotJson):
    """The text nests deeper than the limit; whether it is JSON beyond that is not known."""


class OutOfRange(NotJson):
    """The text has a number that nothing here can hold (RFC 8259 §6 allows such limits), such as 1e400."""


def load(text: bytes | bytearray | str, *, max_depth: int = MAX_DEPTH) -> Value:
    """Decode one JSON text; of duplicate keys the last wins.

    Raises:
        NotJson: not UTF-8 or not JSON.
        TooDeep: deeper than `max_depth` arrays and objects.
        OutOfRange: a number beyond a double, or of more than 4300 digits.
    """
    try:
        value = _decoder.decode(text)
    except RecursionError as error:
        raise TooDeep(f"nested more than {max_depth} deep") from error
    except msgspec.ValidationError as error:  # all that it finds wrong with a value for which no type was asked
        raise OutOfRange(str(error)) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise NotJson(str(error)) from error
    if _brackets(text, max_depth + 1) > max_depth:
        _limit_depth(value, max_depth)
    return value


def load_strict(text: bytes | bytearray, *, max_depth: int = MAX_DEPTH) -> Value:
    """Decode as `load`, and refuse an object whose outermost level repeats a key.

    Raises:
        NotJson: as `load`, and for a repeated key of the outermost object or of one in an outermost array.
    """
    value = load(text, max_depth=max_depth)
    if type(value) is dict:
        _refuse_repeated(text)
    elif type(value) is list:
        for item in _items.decode(text):
            if bytes(memoryview(item)[:1]) == b"{":
                _refuse_repeated(item)
    return value


def as_type(text: bytes | bytearray | str, type_: type[T]) -> T:
    """Decode straight into a Struct or dataclass, reading only the fields that it has.

    Raises:
        NotJson: no JSON, or not of that shape.
    """
    try:
        return msgspec.json.decode(text, type=type_)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NotJson(str(error)) from error


def convert(value: Value, type_: type[T]) -> T:
    """Read a decoded value as a Struct or dataclass.

    Raises:
        NotJson: not of that shape.
    """
    try:
        return msgspec.convert(value, type_)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise NotJson(str(error)) from error


def dump(value: object) -> bytes:
    """Encode compactly, in the order given.

    Raises:
        NotJson: a value that JSON has no text for.
    """
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, UnicodeError, RecursionError, OverflowError) as error:
        raise NotJson(str(error)) from error


def dump_sorted(value: object) -> bytes:
    """Encode compactly with sorted keys: equal values give equal bytes."""
    try:
        return _sorted.encode(value)
    except (TypeError, ValueError, UnicodeError, RecursionError, OverflowError) as error:
        raise NotJson(str(error)) from error


def canonical(parts: Sequence[str]) -> bytes:
    r"""Encode a list of texts in pure ASCII without spaces: what keys are hashed over (design: event keys).

    >>> canonical(["events", "/a", "\u00fc"])
    b'["events","/a","\\u00fc"]'
    """
    return f"[{','.join(map(encode_basestring_ascii, parts))}]".encode("ascii")


def _brackets(text: bytes | bytearray | str, most: int) -> int:
    """Bound the depth from above, far cheaper than finding it; of each kind no more than `most` are counted."""
    # `replace` looks for a byte by memchr, and takes a third of the time of `count`, which looks at each.
    if isinstance(text, str):
        return 2 * len(text) - len(text.replace("[", "", most)) - len(text.replace("{", "", most))
    return 2 * len(text) - len(text.replace(b"[", b"", most)) - len(text.replace(b"{", b"", most))


def _limit_depth(value: Value, max_depth: int) -> None:
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(max_depth):
        if not level:
            return
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) in _CONTAINERS
        ]
    if level:
        raise TooDeep(f"nested more than {max_depth} deep")


class _Key:
    """A key of an object; every occurrence is one of its own, so that a dict keeps repeated ones."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


_occurrences = msgspec.json.Decoder(dict[_Key, msgspec.Raw], dec_hook=lambda _, text: _Key(text))
_items = msgspec.json.Decoder(list[msgspec.Raw])


def _refuse_repeated(text: bytes | bytearray | msgspec.Raw) -> None:
    seen = set()
    for key in _occurrences.decode(text):
        if key.text in seen:
            raise NotJson(f"the key {key.text!r} occurs twice")
        seen.add(key.text)
