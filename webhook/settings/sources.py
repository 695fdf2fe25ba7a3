"""`sources`: who may POST /hooks/{name}, and by which signature."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator

from .fields import Duration, HeaderName, Printable, RateField, SecretPath, Size, Some, Text, matching
from .model import Context, Model, Problem

Scheme = Literal[
    "github",
    "github-sha1",
    "gitlab",
    "gitlab-signing",
    "gitea",
    "gogs",
    "forgejo",
    "bitbucket",
    "stripe",
    "slack",
    "shopify",
    "standard-webhooks",
    "svix",
    "generic",
]
"""The closed list. `bitbucket` is Bitbucket Cloud, Bitbucket Server and Jira; `standard-webhooks` with a public key
(`whpk_…`) in its secret file is v1a."""

SCHEMES: tuple[str, ...] = get_args(Scheme)
TIMESTAMPED = frozenset({"gitlab-signing", "standard-webhooks", "svix", "stripe", "slack"})
GENERIC_ONLY = (
    "header",
    "prefix",
    "algorithm",
    "encoding",
    "signed",
    "timestamp_header",
    "id_header",
    "id",
    "type",
    "source",
    "subject",
    "type_prefix",
)
_OTHER_NAMES = {
    "jira": "bitbucket",
    "bitbucket-server": "bitbucket",
    "bitbucket-cloud": "bitbucket",
    "gitlab-token": "gitlab",
    "github-sha256": "github",
    "github-sha1-legacy": "github-sha1",
    "standard-webhooks-v1a": "standard-webhooks",
    "codeberg": "forgejo",
}
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def _scheme(value: object) -> object:
    if isinstance(value, str) and value in _OTHER_NAMES:
        raise ValueError(f"is called {_OTHER_NAMES[value]!r} here; write that")
    if value == "none":
        raise ValueError("cannot be none: every source is signed; name its scheme")
    return value


class Source(Model):
    """A declared sender of webhooks; its name is the key in `sources` and the path of its door.

    Attributes:
        secrets: files, several during a rotation; each of them is tried.
        tolerance: how far a signed timestamp may be from now, either way.
        identity: what makes a delivery the same one: its body, which has one type then, or its id; None where the
            scheme decides.
        events: CloudEvents types that are let in; None for all.
        limit: of the body, in bytes; None for `limits.body`.
        rate: requests let in; None for any number.
        header, prefix, algorithm, encoding: where a generic signature is, and how it is written.
        signed: what a generic signature covers: a text of `{body}`, `{timestamp}`, `{id}`.
        timestamp_header, id_header: where the latter two are read.
        id, type, source, subject: expressions over a generic delivery, `headers` and `body`.
        type_prefix: of a generic source's types; what begins with it is not believed at /events.
    """

    scheme: Annotated[Scheme, BeforeValidator(_scheme)]
    secrets: Annotated[tuple[SecretPath, ...], Some]
    tolerance: Duration = timedelta(seconds=300)
    identity: Literal["body", "id"] | None = None
    events: Annotated[tuple[Text, ...], Some] | None = None
    limit: Size | None = None
    rate: RateField | None = None
    header: HeaderName | None = None
    prefix: Printable = ""
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    signed: Text = "{body}"
    timestamp_header: HeaderName | None = None
    id_header: HeaderName | None = None
    id: Text | None = None
    type: Text | None = None
    source: Text | None = None
    subject: Text | None = None
    type_prefix: (
        Annotated[
            str,
            matching(re.compile(r"[a-z0-9][a-z0-9.-]*\."), "is no prefix; write it with its dot, such as com.acme."),
        ]
        | None
    ) = None

    def problems(self, context: Context | None) -> Iterator[Problem]:
        """Keys that the scheme has no use for, and a generic scheme's that belong together."""
        del context
        if self.scheme != "generic":
            for key in sorted(self.model_fields_set & set(GENERIC_ONLY)):
                yield Problem((key,), "belongs to the scheme generic alone; leave it out")
        elif self.header is None:
            yield Problem((), "has no header; say which header holds the signature, such as header: X-Signature")
        else:
            yield from self._template()
        if "tolerance" in self.model_fields_set and not self.timestamped:
            yield Problem(
                ("tolerance",), f"has nothing to hold to: {self.scheme} signs no timestamp here; leave it out"
            )

    @property
    def timestamped(self) -> bool:
        """Whether the signature covers a timestamp."""
        return self.scheme in TIMESTAMPED or (self.scheme == "generic" and "{timestamp}" in self.signed)

    def _template(self) -> Iterator[Problem]:
        placeholders = _PLACEHOLDER.findall(self.signed)
        if unknown := set(placeholders) - {"{body}", "{timestamp}", "{id}"}:
            known = "{body}, {timestamp} and {id}"
            yield Problem(("signed",), f"has an unknown placeholder {min(unknown)}; there are {known}")
        if placeholders.count("{body}") != 1:
            yield Problem(("signed",), "must hold {body} once; else the body would not be signed")
        for placeholder, key, value in (
            ("{timestamp}", "timestamp_header", self.timestamp_header),
            ("{id}", "id_header", self.id_header),
        ):
            if placeholders.count(placeholder) > 1:
                yield Problem(("signed",), f"holds {placeholder} more than once; take the others out")
            if placeholder in placeholders and value is None:
                yield Problem(("signed",), f"holds {placeholder}; say by {key} which header it comes from")
            if placeholder not in placeholders and value is not None:
                yield Problem((key,), f"is not signed; put {placeholder} into signed, or leave {key} out")
