"""How each receiver is started; one is up at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .building import HERE, PROJECT, RUN, SECRET, Tools
from .machine import RECEIVER_CORE, Program, Server, free_port, running

DEFINITIONS = HERE / "definitions"
TEMPLATE = DEFINITIONS / "templates" / "push.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a receiver works.

    Attributes:
        server: the API server's address; empty where there is none to ask.
        core: the receiver's, or None for any.
        workers: processes of those that have several.
    """

    tools: Tools
    server: str = ""
    kubeconfig: Path = Path("/nonexistent")
    namespace: str = "default"
    core: int | None = RECEIVER_CORE
    workers: int = 1


Start = Callable[[Site], AbstractContextManager[Server]]


def bare(site: Site) -> AbstractContextManager[Server]:
    """Starlette that reads the body and answers."""
    port = free_port()
    return running(_program("bare", site, port, [site.tools.python, "-m", "bench.peers.bare", port]))


def verify(site: Site) -> AbstractContextManager[Server]:
    """Our verification and decoding alone."""
    port = free_port()
    return running(_program("verify", site, port, [site.tools.python, "-m", "bench.peers.verify", port, SECRET]))


def jobhook(
    site: Site, *, cluster: str = "kubernetes", more: Mapping[str, object] | None = None, pause: float = 0.005
) -> AbstractContextManager[Server]:
    """`jobhook serve`, the whole path; `more` goes into its configuration."""
    port, folder = free_port(), RUN / f"jobhook-{cluster}"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "jobhook.yaml"
    sources = {"github": {"scheme": "github", "secrets": [str(SECRET)]}}
    config.write_text(json.dumps({"sources": sources, **(more or {})}))
    environment = {
        "JOBHOOK_CLUSTER": cluster,
        "JOBHOOK_CONFIG": str(config),
        "JOBHOOK_DATA": str(folder / "data"),
        "JOB_DEFINITIONS_CONFIG_PATH": str(DEFINITIONS),
        "JOB_NAMESPACE": site.namespace,
        "PORT": str(port),
    }
    if cluster == "kubernetes":
        environment |= {"KUBECONFIG": str(site.kubeconfig), "JOBHOOK_NAMESPACE": site.namespace}
    return running(
        _program(
            "jobhook",
            site,
            port,
            [site.tools.python.with_name("jobhook"), "serve"],
            environment=environment,
            folder=folder,
            pause=pause,
        )
    )


def goreceiver(site: Site) -> AbstractContextManager[Server]:
    """The same path in Go."""
    port = free_port()
    command = [site.tools.goreceiver, "-listen", f"127.0.0.1:{port}", "-server", site.server, "-secret", SECRET]
    return running(_program("goreceiver", site, port, command))


def adnanh(site: Site, *, runs: bool) -> AbstractContextManager[Server]:
    """adnanh/webhook: verify and let a rule refuse, or verify and run /bin/true."""
    port, hooks = free_port(), RUN / "adnanh.json"
    signed = {"type": "payload-hmac-sha256", "secret": SECRET.read_text()}
    signed["parameter"] = {"source": "header", "name": "X-Hub-Signature-256"}  # type: ignore[assignment]
    rule: list[dict[str, object]] = [{"match": signed}]
    if not runs:
        wanted = {"type": "value", "value": "another", "parameter": {"source": "payload", "name": "ref"}}
        rule.append({"match": wanted})
    hook = {"id": "github", "execute-command": "/bin/true", "http-methods": ["POST"], "trigger-rule": {"and": rule}}
    # The answer follows the command's end, as ours follows the Job's creation.
    hooks.write_text(json.dumps([hook | {"include-command-output-in-response": True}]))
    program = site.tools.adnanh or Path("webhook")
    command = [program, "-hooks", hooks, "-ip", "127.0.0.1", "-port", port]
    return running(_program("adnanh", site, port, command, ready="/"))


def ancestor(site: Site) -> AbstractContextManager[Server]:
    """Flask and gunicorn, compile and text and YAML at every request, the sync client."""
    port = free_port()
    command = [site.tools.peers, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", site.workers]
    environment = {
        "KUBECONFIG": str(site.kubeconfig),
        "JOB_NAMESPACE": site.namespace,
        "TEMPLATE": str(TEMPLATE),
        "PYTHONPATH": str(PROJECT),
    }
    return running(_program("ancestor", site, port, [*command, "bench.peers.ancestor:app"], environment=environment))


@contextmanager
def stub(tools: Tools, *, core: int, tell: bool = False) -> Iterator[tuple[Server, Path]]:
    """Start the API server that answers at once, and write a kubeconfig that leads to it."""
    port = free_port()
    command: list[object] = [tools.stub, "-port", port, *(["-tell"] if tell else [])]
    program = Program(
        command=[str(word) for word in command],
        port=port,
        log=RUN / "stub.log",
        folder=RUN,
        core=core,
        ready="/version",
    )
    with running(program) as server:
        config = RUN / "kubeconfig"
        config.write_text(json.dumps(_kubeconfig(server.url)))
        yield server, config


def _kubeconfig(server: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "stub", "cluster": {"server": server}}],
        "users": [{"name": "bench", "user": {"token": "none"}}],
        "contexts": [{"name": "stub", "context": {"cluster": "stub", "user": "bench", "namespace": "default"}}],
        "current-context": "stub",
    }


def _program(name: str, site: Site, port: int, command: list[object], **more: Any) -> Program:
    return Program(
        command=[str(word) for word in command],
        port=port,
        log=RUN / f"{name}.log",
        core=site.core,
        **({"folder": PROJECT} | more),
    )
