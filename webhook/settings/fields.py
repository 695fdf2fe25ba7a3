"""The kinds of values that keys and variables take, each with an error that says the remedy."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from .. import durations, secretfiles
from . import sizes

_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9.]{0,251}[A-Za-z0-9])?")
_LISTEN = re.compile(r"[0-9A-Za-z.:%_-]{1,253}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_URL_TEXT = re.compile(r"[!-~]+")
_EXTENSION = re.compile(r"[a-z0-9]{1,64}")
_EXTENSION_TEXT = 8192
"""Bytes: an eighth of what all attributes of an event may take together (`events`)."""
# Control characters, lone surrogates and noncharacters are no text of CloudEvents, and no header can carry them.
_NO_TEXT = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[!-~]([ \t!-~]*[!-~])?|")
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
_RATE = re.compile(r"([1-9][0-9]{0,8})/([smhd])")
_CORE_ATTRIBUTES = frozenset(
    {"id", "source", "type", "specversion", "datacontenttype", "dataschema", "subject", "time"}
)


class Rate(NamedTuple):
    """At most `requests` in each `per`, on each replica by itself."""

    requests: int
    per: timedelta


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    try:
        return durations.parse(value)
    except (ValueError, TypeError):
        text = "is no duration of up to a century; write a number and a unit (ms, s, m, h, d, w), such as 90s or 1h30m"
        raise ValueError(text) from None


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing; write a duration such as 10s")
    return value


def _size(value: Any) -> Any:
    if isinstance(value, str):
        return sizes.parse(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("is no size; write a number and a unit (B, KiB, MiB, GiB), such as 2MiB")


def _rate(value: Any) -> Any:
    if isinstance(value, Rate):
        return value
    if not isinstance(value, str) or not (match := _RATE.fullmatch(value)):
        raise ValueError("is no rate; write a number, a slash and a unit (s, m, h, d), such as 100/m")
    return Rate(int(match[1]), durations.parse(f"1{match[2]}"))


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        known = bool(_URL_TEXT.fullmatch(value)) and parts.scheme in {"http", "https"} and bool(parts.hostname)
        known = known and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known:
        raise ValueError("is no URL; write it whole, such as http://broker.example.com/path")
    if "@" in parts.netloc:
        raise ValueError("holds credentials; take them out of the URL")
    if parts.fragment:
        raise ValueError("has a fragment, which no server sees; take out the # and what follows")
    return value


def _secret(value: Path, info: ValidationInfo) -> Path:
    return _file(value, info)[0]


def _token(value: Path, info: ValidationInfo) -> Path:
    path, content = _file(value, info)
    if content is not None and not _TOKEN.fullmatch(content):
        raise ValueError(
            "holds characters that a bearer token cannot have; use letters, digits and -._~+/, "
            "for example from `openssl rand -hex 32`"
        )
    return path


def _file(value: Path, info: ValidationInfo) -> tuple[Path, bytes | None]:
    """Resolve a secret's path and read it once, so that a start without it fails."""
    if info.context is None:
        return value, None
    path = info.context.folder / value
    try:
        return path, secretfiles.read(path)
    except secretfiles.UnusableSecret as error:
        raise ValueError(error.reason) from error


def matching(pattern: re.Pattern[str], text: str) -> AfterValidator:
    """Ask a text to match whole, and say `text` where it does not."""

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(text)
        return value

    return AfterValidator(check)


def _origin(value: str) -> str:
    if value != "*" and not _HOST.fullmatch(value):
        raise ValueError("is no host name; write it as in events.example.com, or * for every origin")
    return value


def _extension(value: str) -> str:
    if not _EXTENSION.fullmatch(value):
        raise ValueError("is no name of a CloudEvents extension; use lower-case letters and digits")
    if value in _CORE_ATTRIBUTES or value == "data":
        raise ValueError("is an attribute of its own, no extension; leave it out")
    return value


def _extension_text(value: str) -> str:
    if _NO_TEXT.search(value):
        raise ValueError("holds a character that no CloudEvents attribute can have, such as a line break; take it out")
    if len(value.encode()) > _EXTENSION_TEXT:
        raise ValueError(f"is longer than {_EXTENSION_TEXT} bytes; shorten it")
    return value


def _reserved(value: str) -> str:
    if value.lower().startswith("ce-") or value.lower() in {"content-type", "content-length", "host", "connection"}:
        raise ValueError("is a header that the delivery writes itself; leave it out")
    if value.lower() in {"transfer-encoding", "te", "upgrade", "trailer", "expect", "content-encoding"}:
        raise ValueError("is a header of the connection, not of the event; leave it out")
    return value


def _certificates(value: str) -> str:
    import ssl  # only where a private authority is configured

    try:
        ssl.create_default_context(cadata=value)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError("holds no certificates that can be read; write them as PEM") from error
    return value


def _some(value: tuple[Any, ...] | frozenset[Any]) -> tuple[Any, ...] | frozenset[Any]:
    if not value:
        raise ValueError("is an empty list; name at least one, or leave the key out")
    return value


Some = AfterValidator(_some)
Certificates = Annotated[str, AfterValidator(_certificates)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Positive = Annotated[Duration, AfterValidator(_positive)]
Size = Annotated[int, BeforeValidator(_size)]
RateField = Annotated[Rate, BeforeValidator(_rate)]
Url = Annotated[str, AfterValidator(_url)]
SecretPath = Annotated[Path, AfterValidator(_secret)]
TokenPath = Annotated[Path, AfterValidator(_token)]
Origin = Annotated[str, AfterValidator(_origin)]
Text = Annotated[str, matching(re.compile(r"(?s).*\S.*"), "is empty; write a text, or leave the key out")]
Name = Annotated[
    str,
    matching(_NAME, "is no name; use up to 63 lower-case letters, digits and ._-, a letter or digit first"),
]
Extension = Annotated[str, AfterValidator(_extension)]
ExtensionText = Annotated[str, AfterValidator(_extension_text)]
HeaderName = Annotated[str, matching(_HEADER_NAME, "is no name of a header; use letters, digits and -")]
SinkHeader = Annotated[HeaderName, AfterValidator(_reserved)]
Printable = Annotated[str, matching(re.compile(r"[ -~]*"), "is no text of a header; use ASCII on one line")]
HeaderValue = Annotated[str, matching(_HEADER_VALUE, "is no value of a header; use ASCII on one line")]
LabelValue = Annotated[
    str,
    matching(_LABEL_VALUE, "is no label value; use up to 63 letters, digits and ._-, a letter or digit at both ends"),
]
DnsLabel = Annotated[
    str,
    matching(_DNS_LABEL, "is no namespace; use up to 63 lower-case letters, digits and -, a letter or digit first"),
]
Host = Annotated[str, matching(_HOST, "is no host name; use letters, digits, - and ., such as prod-1.example.com")]
Listen = Annotated[str, matching(_LISTEN, "is no address; write an IP address or a host name, such as 0.0.0.0")]
