"""What an attribute may be: names, types, URIs, times and media types.

CloudEvents 1.0.2, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md ("the specification" below)
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from .. import times
from ..errors import MalformedEvent
from ..json import Value
from .event import Event

MAX_ATTRIBUTES = 65536
"""Bytes of all names and values of one event; its data does not count."""

REQUIRED = ("id", "source", "specversion", "type")
KNOWN = frozenset((*REQUIRED, "subject", "time", "datacontenttype", "dataschema"))
"""The specification's own attributes; all of them are texts that are not empty."""

_INT32 = range(-(2**31), 2**31)
_SHOWN = 64
"""Characters of a sender's value that an error repeats."""

# Character classes hold non-ASCII, as IRIs do (RFC 3987): other senders write them, and nothing here depends on it.
_WIDE = "\u0080-\U0010ffff"
_PERCENT = "%[0-9A-Fa-f]{2}"
_NAME = re.compile("[a-z0-9]+")
_PATH = rf"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/{_WIDE}]++|{_PERCENT})*+"
_HOST = rf"(?:[A-Za-z0-9\-._~!$&'()*+,;={_WIDE}]++|{_PERCENT})*+"
_USER = rf"(?:[A-Za-z0-9\-._~!$&'()*+,;=:{_WIDE}]++|{_PERCENT})*+"
_QUERY = rf"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?{_WIDE}]++|{_PERCENT})*+"
# What a future version of IP will look like is told by its letter (RFC 3986 §3.2.2); for today's see `_is_uri`.
_LITERAL = r"\[(?:(?P<ipv6>[0-9A-Fa-f:.]++)|[Vv][0-9A-Fa-f]++\.[A-Za-z0-9\-._~!$&'()*+,;=:]++)\]"
_AUTHORITY = rf"//(?:{_USER}@)?(?:{_LITERAL}|{_HOST})(?::[0-9]*+)?(?=[/?#]|\Z)"
_TAIL = rf"(?:{_AUTHORITY}|(?!//)){_PATH}(?:\?{_QUERY})?"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*+:"
# An absolute one has no fragment (RFC 3986 §4.3).
_ABSOLUTE = _SCHEME + _TAIL
# Without a scheme the first segment holds no colon (RFC 3986 §4.2).
_REFERENCE = rf"(?:{_SCHEME}|(?![^/?#]*:)){_TAIL}(?:\#{_QUERY})?"
_WORD = r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+"
# Parameters are not read; any visible text may stand there (RFC 2046 §1, RFC 9110 §8.3.1).
_MEDIA_TYPE = re.compile(rf"{_WORD}/{_WORD}[ \t]*(?:;[\t -~]*)?")
# Control characters, lone surrogates and noncharacters (the specification, "String").
_REFUSED = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
)


def check(attributes: Mapping[str, Any]) -> None:
    """Hold one event's attributes, `specversion` among them, against the specification; unset ones are left out.

    Raises:
        MalformedEvent: the first thing that is wrong; the message names the attribute.
    """
    for name in REQUIRED:
        if name not in attributes:
            raise MalformedEvent(f"the attribute {name!r} is missing")
    if attributes["specversion"] != "1.0":
        raise MalformedEvent(f"the specversion is {_shown(attributes['specversion'])}; only '1.0' is understood")
    size = 0
    for name, value in attributes.items():
        if name not in KNOWN and (not _NAME.fullmatch(name) or name == "data"):
            raise MalformedEvent(f"{_shown(name)} is no attribute's name; only a-z and 0-9 are, and never 'data'")
        size += len(name) + _check_value(name, value)
    if size > MAX_ATTRIBUTES:
        raise MalformedEvent(f"the attributes take {size} bytes; {MAX_ATTRIBUTES} are allowed")
    _check_forms(attributes)


def build(attributes: Mapping[str, Any], data: Value) -> Event:
    """Put checked attributes and data together."""
    known = attributes.get
    return Event(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        subject=known("subject"),
        time=known("time"),
        datacontenttype=known("datacontenttype"),
        dataschema=known("dataschema"),
        extensions={name: value for name, value in attributes.items() if name not in KNOWN},
        data=data,
    )


def _check_value(name: str, value: object) -> int:
    """Refuse what has no type of the specification; answer the value's size in bytes."""
    if type(value) is str:
        if not value and name in KNOWN:
            raise MalformedEvent(f"the attribute {name!r} is empty")
        if value.isascii():
            if value.isprintable():
                return len(value)
        elif not _REFUSED.search(value):
            return len(value.encode())
        raise MalformedEvent(f"the attribute {name!r} holds a control character, a lone surrogate or a noncharacter")
    if name in KNOWN:
        raise MalformedEvent(f"the attribute {name!r} is no text")
    if type(value) is bool or (type(value) is int and value in _INT32):
        return 4
    raise MalformedEvent(f"the extension {name!r} is neither a text nor a boolean nor an integer of 32 bits")


def _check_forms(attributes: Mapping[str, str]) -> None:
    if not _is_uri(attributes["source"], _REFERENCE):
        raise MalformedEvent(f"the source {_shown(attributes['source'])} is no URI-reference (RFC 3986 §4.1)")
    if (time := attributes.get("time")) is not None:
        _check_time(time)
    if (media := attributes.get("datacontenttype")) is not None and not _MEDIA_TYPE.fullmatch(media):
        raise MalformedEvent(f"the datacontenttype {_shown(media)} is no media type (RFC 2046)")
    if (schema := attributes.get("dataschema")) is not None and not _is_uri(schema, _ABSOLUTE):
        raise MalformedEvent(f"the dataschema {_shown(schema)} is no absolute URI (RFC 3986 §4.3)")


def _is_uri(text: str, pattern: str) -> bool:
    match = _compiled(pattern).fullmatch(text)
    if match is None or (literal := match["ipv6"]) is None:
        return match is not None
    try:
        ipaddress.IPv6Address(literal)
    except ValueError:
        return False
    return True


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern, compiled when it is first needed: each of the two takes ten milliseconds of a start."""
    return re.compile(pattern)


def _check_time(text: str) -> None:
    try:
        times.parse(text)
    except ValueError as error:
        raise MalformedEvent(f"the time {error}") from error


def _shown(value: object) -> str:
    return ascii(value)[:_SHOWN]
