"""`jobhook.yaml` as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from pydantic import Field

from ..errors import ConfigurationError
from ..secretfiles import read
from . import sizes
from .access import Caller, Events
from .fields import Duration, Name, Positive, Size
from .model import Context, Model, Problem
from .sinks import Sink
from .sources import Source

KIB, MIB = 1024, 1024**2
LARGEST_BODY = 25 * MIB
"""What GitHub sends at most."""
LONGEST_ANSWER = timedelta(seconds=10)
"""When GitHub hangs up."""


class Retention(Model):
    """How long a finished Job outlives its completion, by its outcome, so that its logs can be read."""

    succeeded: Duration = timedelta(hours=1)
    failed: Duration = timedelta(days=7)
    cancelled: Duration = timedelta(days=1)


class Limits(Model):
    """What one request, and all of them together, may cost.

    Attributes:
        body: of one request, in bytes.
        headers: of one request's whole header section, in bytes.
        answer: from a request's first byte to the answer.
        bodies_in_flight: of all bodies in memory at once, in bytes.
    """

    body: Size = 2 * MIB
    headers: Size = 32 * KIB
    answer: Positive = timedelta(seconds=8)
    bodies_in_flight: Size = 64 * MIB

    def problems(self, context: Context | None) -> Iterator[Problem]:
        """Bounds of the bounds."""
        del context
        if not 1 <= self.body <= LARGEST_BODY:
            yield Problem(("body",), f"must be from 1B to {sizes.show(LARGEST_BODY)}; choose a size between them")
        if not KIB <= self.headers <= MIB:
            yield Problem(("headers",), "must be from 1KiB to 1MiB; choose a size between them")
        if self.answer >= LONGEST_ANSWER:
            yield Problem(("answer",), "must be less than 10s, when GitHub hangs up; choose less, such as 8s")
        if self.bodies_in_flight < self.body:
            yield Problem(("bodies_in_flight",), "is less than one body may be; raise it, or lower body")


class Document(Model):
    """The keys of `jobhook.yaml`, with their defaults.

    Attributes:
        remember: how long the ledger knows an event after its Job is gone.
        settle: how long a key is in the ledger before its Job may go; None for the cluster's own.
    """

    events: Events = Events()
    sources: dict[Name, Source] = Field(default_factory=dict)
    sinks: tuple[Sink, ...] = ()
    callers: tuple[Caller, ...] = ()
    retention: Retention = Retention()
    remember: Positive = timedelta(days=14)
    settle: Duration | None = None
    limits: Limits = Limits()

    def problems(self, context: Context | None) -> Iterator[Problem]:
        """What is wrong between parts."""
        yield from _repeated("sinks", [sink.name for sink in self.sinks])
        yield from _repeated("callers", [caller.name for caller in self.callers])
        yield from self._service_accounts()
        yield from self._sources()
        if context is not None:
            yield from self._tokens()

    def _service_accounts(self) -> Iterator[Problem]:
        seen: set[tuple[str, str | None]] = set()
        for index, caller in enumerate(self.callers):
            if caller.service_account is None:
                continue
            if (key := (caller.service_account, caller.audience)) in seen:
                yield Problem(("callers", index, "service_account"), "is another caller's, too; declare it once")
            seen.add(key)

    def _sources(self) -> Iterator[Problem]:
        for name, source in self.sources.items():
            if name in {"events", "jobs"}:
                yield Problem(("sources", name), "is a door of its own; give the source another name")
            if source.limit is not None and not 1 <= source.limit <= min(LARGEST_BODY, self.limits.bodies_in_flight):
                yield Problem(
                    ("sources", name, "limit"),
                    f"must be from 1B to {sizes.show(LARGEST_BODY)}, and within limits.bodies_in_flight; "
                    "choose a size between them",
                )

    def _tokens(self) -> Iterator[Problem]:
        owners: dict[bytes, str] = {}
        for index, caller in enumerate(self.callers):
            for number, path in enumerate(caller.tokens):
                try:
                    owner = owners.setdefault(read(path), caller.name)
                except ConfigurationError:
                    continue  # gone since its own check: who uses the file says so
                if owner != caller.name:
                    yield Problem(
                        ("callers", index, "tokens", number),
                        f"holds the same token as a file of {owner!r}; give each caller a token of its own",
                    )


def _repeated(key: str, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem((key, index, "name"), "is taken by an earlier one; give each a name of its own")
