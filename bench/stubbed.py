"""Against the API server that answers at once: one core for the receiver, one for load and API server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from . import contenders
from .building import HERE, SECRET, Tools
from .contenders import Site
from .figures import Measured
from .machine import LOAD_CORE, Server
from .pressing import Target, measure

CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Contender:
    """A row of the table.

    Attributes:
        tells: whether its API server tells watches of every Job.
    """

    key: str
    label: str
    start: Callable[[Site], AbstractContextManager[Server]]
    tells: bool = False


BARE = Contender("bare", "Starlette that reads the body and answers", contenders.bare)
VERIFY = Contender("verify", "verification and decoding alone", contenders.verify)
WHOLE = Contender("whole", "jobhook serve, the whole path", contenders.jobhook)
TOLD = Contender("told", "the same, its watch told of every Job", contenders.jobhook, tells=True)
GO = Contender("go", "the whole path in Go", contenders.goreceiver)
CHECKS = Contender("adnanh", "adnanh/webhook, verify", partial(contenders.adnanh, runs=False))
RUNS = Contender("adnanh-runs", "adnanh/webhook, /bin/true", partial(contenders.adnanh, runs=True))
ANCESTOR = Contender("ancestor", "the ancestor's way", contenders.ancestor)

ALL = (BARE, VERIFY, WHOLE, TOLD, GO, CHECKS, RUNS, ANCESTOR)


def there(tools: Tools) -> Sequence[Contender]:
    """The contenders that can be had on this machine."""
    return [one for one in ALL if tools.adnanh or one not in (CHECKS, RUNS)]


@contextmanager
def up(tools: Tools, contender: Contender) -> Iterator[Target]:
    """Start a contender with an API server of its own."""
    with (
        contenders.stub(tools, core=LOAD_CORE, tell=contender.tells) as (server, kubeconfig),
        contender.start(Site(tools=tools, server=server.url, kubeconfig=kubeconfig)) as receiver,
    ):
        yield Target(
            url=f"{receiver.url}/hooks/github",
            pids=[receiver.process.pid],
            beside=[server.process.pid],
            secret=SECRET,
        )


def rounds(tools: Tools, *, count: int, seconds: float, chosen: Sequence[Contender]) -> Iterator[tuple[str, Measured]]:
    """Measure every contender once a round, so that neighbours share the machine's mood."""
    for _ in range(count):
        for contender in chosen:
            with up(tools, contender) as target:
                yield contender.key, measure(tools, target, connections=CONNECTIONS, seconds=seconds)


def alone(tools: Tools, *, seconds: float) -> Iterator[tuple[str, Measured]]:
    """One connection, unloaded: what a sender waits."""
    for contender in (WHOLE, GO, ANCESTOR):
        with up(tools, contender) as target:
            yield contender.key, measure(tools, target, connections=1, seconds=seconds)


def limit(tools: Tools, *, seconds: float) -> Measured:
    """What the API server that answers at once can do: far more than a receiver asks of it."""
    site = Site(tools=tools)
    with contenders.stub(tools, core=site.core or 0) as (server, _):
        target = Target(
            url=f"{server.url}/apis/batch/v1/namespaces/default/jobs",
            pids=[server.process.pid],
            body=HERE / "payloads" / "job.json",
            headers=(),
        )
        return measure(tools, target, connections=CONNECTIONS, seconds=seconds)
