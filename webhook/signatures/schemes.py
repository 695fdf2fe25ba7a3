"""What each provider signs, and where it puts the signature: a table, and the one constructor for all others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from ..errors import ConfigurationError


class Layout(Enum):
    """How a header holds signatures."""

    PLAIN = auto()
    """One signature behind the prefix."""
    TOKEN = auto()
    """The secret itself."""
    LISTED = auto()
    """Stripe's `t=TIMESTAMP,v1=SIGNATURE,…`."""
    VERSIONED = auto()
    """Standard Webhooks' `v1,SIGNATURE v1a,SIGNATURE …`."""


class Encoding(Enum):
    """How a signature's bytes are written; each has one spelling, so that texts are compared and nothing is decoded."""

    HEX = auto()
    """Lower case alone."""
    ANY_HEX = auto()
    BASE64 = auto()
    """With padding (RFC 4648 §4)."""


class Part(Enum):
    """What stands between the literal bytes of what is signed."""

    BODY = "{body}"
    TIMESTAMP = "{timestamp}"
    ID = "{id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How one provider signs.

    Attributes:
        header, timestamp, id: names of headers in lower case; the latter two only where they are signed.
        prefix: what stands before a `PLAIN` signature.
        algorithm: of the HMAC; the configuration says it, never the request.
        signed: what the signature covers, in this order.
    """

    name: str
    header: bytes
    layout: Layout = Layout.PLAIN
    prefix: bytes = b""
    algorithm: Literal["sha256", "sha512", "sha1"] = "sha256"
    encoding: Encoding = Encoding.HEX
    signed: tuple[bytes | Part, ...] = (Part.BODY,)
    timestamp: bytes | None = None
    id: bytes | None = None

    @property
    def timestamped(self) -> bool:
        """Whether the signature covers a timestamp, so that an old request is refused."""
        return Part.TIMESTAMP in self.signed

    @property
    def identified(self) -> bool:
        """Whether the signature covers the delivery's id, so that a captured body cannot come back under another."""
        return Part.ID in self.signed


def _standard(name: str, prefix: str) -> Scheme:
    """Standard Webhooks, https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md."""
    return Scheme(
        name=name,
        layout=Layout.VERSIONED,
        header=f"{prefix}-signature".encode(),
        encoding=Encoding.BASE64,
        signed=(Part.ID, b".", Part.TIMESTAMP, b".", Part.BODY),
        timestamp=f"{prefix}-timestamp".encode(),
        id=f"{prefix}-id".encode(),
    )


SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme(name="github", header=b"x-hub-signature-256", prefix=b"sha256="),
        Scheme(name="github-sha1", header=b"x-hub-signature", prefix=b"sha1=", algorithm="sha1"),
        # Also Bitbucket Server and Jira: the header of GitHub's old scheme with the algorithm of its new one.
        Scheme(name="bitbucket", header=b"x-hub-signature", prefix=b"sha256="),
        Scheme(name="gitea", header=b"x-gitea-signature"),
        Scheme(name="gogs", header=b"x-gogs-signature"),
        Scheme(name="forgejo", header=b"x-forgejo-signature"),
        Scheme(name="gitlab", header=b"x-gitlab-token", layout=Layout.TOKEN, signed=()),
        _standard("gitlab-signing", "webhook"),
        Scheme(
            name="stripe",
            header=b"stripe-signature",
            layout=Layout.LISTED,
            signed=(Part.TIMESTAMP, b".", Part.BODY),
        ),
        Scheme(
            name="slack",
            header=b"x-slack-signature",
            prefix=b"v0=",
            signed=(b"v0:", Part.TIMESTAMP, b":", Part.BODY),
            timestamp=b"x-slack-request-timestamp",
        ),
        Scheme(name="shopify", header=b"x-shopify-hmac-sha256", encoding=Encoding.BASE64),
        _standard("standard-webhooks", "webhook"),
        _standard("svix", "svix"),
    )
}
"""By the names that a source's `scheme` takes; `generic` is made by the function of that name."""


def generic(
    *,
    header: str,
    prefix: str = "",
    algorithm: Literal["sha256", "sha512"] = "sha256",
    encoding: Literal["hex", "base64"] = "hex",
    signed: str = "{body}",
    timestamp_header: str | None = None,
    id_header: str | None = None,
) -> Scheme:
    """Describe any other HMAC scheme; `signed` is a text of `{body}`, `{timestamp}` and `{id}`.

    Raises:
        ConfigurationError: the body would not be signed once, a placeholder is unknown or has no header, or a header
            that is named would not be signed.
    """
    parts = _parts(signed)
    if parts.count(Part.BODY) != 1:
        raise ConfigurationError("signed must hold {body} once; else the body would not be signed")
    for part, name in ((Part.TIMESTAMP, timestamp_header), (Part.ID, id_header)):
        if parts.count(part) != (name is not None):
            raise ConfigurationError(f"signed holds {part.value} once where the header of it is named, else never")
    return Scheme(
        name="generic",
        header=header.lower().encode("ascii"),
        prefix=prefix.encode(),
        algorithm=algorithm,
        encoding=Encoding.BASE64 if encoding == "base64" else Encoding.ANY_HEX,
        signed=parts,
        timestamp=timestamp_header.lower().encode("ascii") if timestamp_header else None,
        id=id_header.lower().encode("ascii") if id_header else None,
    )


def _parts(template: str) -> tuple[bytes | Part, ...]:
    """Split a template into literal bytes and parts.

    >>> _parts("v0:{timestamp}:{body}")
    (b'v0:', <Part.TIMESTAMP: '{timestamp}'>, b':', <Part.BODY: '{body}'>)
    """
    parts: list[bytes | Part] = []
    for text in filter(None, re.split(r"(\{[^{}]*\})", template)):
        if text.startswith("{") and text.endswith("}"):
            try:
                parts.append(Part(text))
            except ValueError as error:
                raise ConfigurationError(f"{text} is unknown; there are {{body}}, {{timestamp}} and {{id}}") from error
        else:
            parts.append(text.encode())
    return tuple(parts)
