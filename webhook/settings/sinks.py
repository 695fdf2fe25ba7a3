"""`sinks`: where completions go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from .fields import (
    Certificates,
    Extension,
    ExtensionText,
    HeaderValue,
    Name,
    Positive,
    SecretPath,
    SinkHeader,
    Some,
    Text,
    Url,
)
from .model import Context, Model, Problem

K_SINK_NAME = "k-sink"
"""The sink that Knative's SinkBinding sets."""


class Retry(Model):
    """How long a sink is tried: from `first` doubling up to `longest`, until `horizon` is over.

    Attributes:
        horizon: since the Job ended; written `for`.
    """

    horizon: Positive = Field(default=timedelta(hours=24), validation_alias="for")
    first: Positive = timedelta(seconds=1)
    longest: Positive = timedelta(minutes=5)

    def problems(self, context: Context | None) -> Iterator[Problem]:
        """Waits that contradict each other."""
        del context
        if self.first > self.longest:
            yield Problem(("longest",), "is shorter than the first wait; raise it, or lower first")


class Sink(Model):
    """One receiver of completion events.

    Attributes:
        name: progress on each Job is kept under it.
        types: the types that it gets; None for all.
        headers: sent with each event; may hold credentials.
        secrets: files; the first one signs (Standard Webhooks).
        timeout: of one attempt.
        dead_letter: gets what could not be delivered; None where the Job says so itself.
        extensions: set on each event (K_CE_OVERRIDES).
        ca_certs: PEM; trusted for this sink beside the system's (K_CA_CERTS).
    """

    name: Name
    url: Url = Field(repr=False)
    mode: Literal["binary", "structured"] = "binary"
    types: Annotated[tuple[Text, ...], Some] | None = None
    headers: dict[SinkHeader, HeaderValue] = Field(default_factory=dict, repr=False)
    secrets: tuple[SecretPath, ...] = ()
    timeout: Positive = timedelta(seconds=10)
    retry: Retry = Retry()
    dead_letter: Url | None = Field(default=None, repr=False)
    extensions: dict[Extension, ExtensionText] = Field(default_factory=dict)
    ca_certs: Certificates | None = Field(default=None, repr=False)
