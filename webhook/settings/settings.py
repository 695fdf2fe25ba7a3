"""The whole of the configuration, as the composition reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from .access import Caller, Events
from .document import Limits, Retention
from .sinks import Sink
from .sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator wants, whole and checked.

    Attributes:
        signature: marks our Jobs.
        namespace: where Jobs go; None for the pod's, the kubeconfig's, or `default`.
        own_namespace: where our records go; None for the pod's, else that of Jobs.
        own_account: our own service account, which no Job may have; None where it is not known.
        definitions: a folder or a file.
        definitions_named: the operator named them: they must be there.
        config: the file that was read, or None.
        cluster_name: the host of the completions' source.
        data: the local cluster's folder.
        port: 0 for any free one.
        kubeconfig: paths as KUBECONFIG holds them, or None.
        proxy: the URL of a proxy to the API server, or None.
        remember: how long the ledger knows an event after its Job is gone.
        settle: how long a key is in the ledger before its Job may go.
        warnings: to be logged once, at the start.
    """

    signature: str = "jobhook"
    namespace: str | None = None
    own_namespace: str | None = None
    own_account: str | None = None
    definitions: Path = Path("definitions")
    definitions_named: bool = False
    config: Path | None = None
    cluster: Literal["kubernetes", "local"] = "kubernetes"
    cluster_name: str = "cluster"
    data: Path = Path(".jobhook")
    host: str = "127.0.0.1"
    port: int = 8080
    kubeconfig: str | None = None
    proxy: str | None = None
    events: Events = field(default_factory=Events)
    sources: Mapping[str, Source] = field(default_factory=dict)
    sinks: tuple[Sink, ...] = ()
    callers: tuple[Caller, ...] = ()
    retention: Retention = field(default_factory=Retention)
    remember: timedelta = timedelta(days=14)
    settle: timedelta = timedelta(0)
    limits: Limits = field(default_factory=Limits)
    warnings: tuple[str, ...] = ()
