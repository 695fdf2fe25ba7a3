"""Any other sender: its events' attributes by expressions over the delivery's headers and body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigurationError, ValueRefused
from ..events import Event, Headers
from ..json import Value
from ..templates import Absent, EvaluationFailed, Expression, NotTemplate, compile_expression
from .provider import Greeting, Identity, header, text

VARIABLES = frozenset({"headers", "body"})
"""What the expressions see: `headers["X-Acme-Event"]`, in any letter case, and `body.order.id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generic:
    """One generic source.

    Attributes:
        prefix: of its types; put before a type that does not begin with it.
        door: what its events come from where no expression says.
        id_header: that the signature covers, in lower case; None where it covers none.
        id, type, source, subject: expressions; None, or nothing there: the fallback.
        typed_by_headers: whether `type` reads any header; what a signature covers of them is an id or a time.
    """

    prefix: str
    door: str
    id_header: bytes | None = None
    id: Expression | None = None
    type: Expression | None = None
    source: Expression | None = None
    subject: Expression | None = None
    typed_by_headers: bool = field(init=False)

    def __post_init__(self) -> None:
        reads = self.type.variables if self.type else ()
        object.__setattr__(self, "typed_by_headers", "headers" in reads)

    @property
    def PREFIX(self) -> str:  # noqa: N802 (the Protocol's)
        """What its events' types begin with."""
        return self.prefix

    @property
    def REMEDY(self) -> str:  # noqa: N802
        """What to change there."""
        return "let the sender send JSON"

    def greeting(self, headers: Headers, value: Value) -> Greeting | None:  # noqa: ARG002 (the Protocol's)
        """None: nothing is known of a test."""
        return None

    def to_event(self, headers: Headers, value: Value, digest: str) -> Event:
        """Map a delivery by the expressions.

        Raises:
            MalformedEvent: a header that is read comes twice.
            ValueRefused: an expression cannot be evaluated with these values.
        """
        variables = {"headers": _Lookup(headers), "body": value}
        signed = header(headers, self.id_header) if self.id_header else None
        return Event(
            id=_evaluate(self.id, variables) or signed or digest,
            source=_evaluate(self.source, variables) or self.door,
            type=self._typed(_evaluate(self.type, variables) or "delivery"),
            subject=_evaluate(self.subject, variables),
            datacontenttype="application/json",
            data=value,
        )

    def identity(self, event: Event) -> Identity:  # noqa: ARG002
        """The id where it is signed, in the body or as a header; else the body."""
        if self.id is not None:
            return "body" if "headers" in self.id.variables else "id"
        return "id" if self.id_header else "body"

    def loose(self, event: Event, chosen: Identity | None) -> bool:  # noqa: ARG002
        """Whether the type's expression reads headers."""
        return self.typed_by_headers

    def _typed(self, name: str) -> str:
        return name if name.startswith(self.prefix) else self.prefix + name


def expression(source: str, *, signed: bool = False) -> Expression:
    """Compile one of a source's expressions; `signed` is for what identifies an event, which no header may change.

    Raises:
        ConfigurationError: none, or one that reads what is not there or may not be read; with the remedy.
    """
    try:
        compiled = compile_expression(source)
    except NotTemplate as error:
        raise ConfigurationError(f"is no expression: {error}; write one such as body.id") from error
    if unknown := compiled.variables - VARIABLES:
        raise ConfigurationError(f"reads {min(unknown)!r}; there are headers and body, such as body.id")
    if signed and "headers" in compiled.variables:
        raise ConfigurationError("reads headers, which are not signed; read it from the body, or leave it out")
    return compiled


def _evaluate(compiled: Expression | None, variables: Mapping[str, Any]) -> str | None:
    if compiled is None:
        return None
    try:
        return text(compiled.evaluate(variables))
    except Absent:
        return None
    except EvaluationFailed as error:
        raise ValueRefused(f"the source's expression {compiled.source[:100]!r} fails: {error}") from error


class _Lookup(Mapping[str, str]):
    """Headers by name in any letter case; one that comes twice is refused."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Headers) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        value = header(self._headers, name.lower().encode())
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter({name.decode("latin-1") for name, _ in self._headers})

    def __len__(self) -> int:
        return len({name for name, _ in self._headers})
