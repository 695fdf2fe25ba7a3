"""Put the two layers together: environment and `jobhook.yaml` → `Settings`, or all that is wrong at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

from ..errors import ConfigurationError
from . import environment, file
from .access import Right
from .document import Document, Retention
from .environment import Variables
from .file import Findings
from .problems import problems
from .settings import Settings
from .sinks import K_SINK_NAME, Sink

CONFIG = "jobhook.yaml"
SETTLE = {"kubernetes": timedelta(minutes=5), "local": timedelta(0)}


def load(environ: Mapping[str, str], *, folder: Path = Path()) -> Settings:
    """Read the variables and the file that they name.

    Args:
        environ: the environment's variables.
        folder: where the relative paths of variables begin; those in the file begin at the file.

    Raises:
        ConfigurationError: one line for each thing that is wrong: its place, what it is, and the remedy.
    """
    findings = Findings(warnings=list(environment.unknown(environ)))
    variables = _variables(environ, findings)
    path = _config(environ, folder)
    document = Document()
    if path is not None:
        document = file.read(path, variables.cluster if variables else None, findings)
    sinks = (*_bound(variables, findings), *document.sinks) if variables else ()
    if [sink.name for sink in sinks].count(K_SINK_NAME) > 1:
        findings.errors.append(f"K_SINK: {path} declares a sink of the name {K_SINK_NAME}, too; rename that one")
    if findings.errors or variables is None:
        raise ConfigurationError("\n".join(findings.errors))
    retention = _retention(variables, document, findings)
    findings.warnings += _closed(document, path)
    settings = _together(variables, document, folder)
    return replace(settings, config=path, sinks=sinks, retention=retention, warnings=tuple(findings.warnings))


def source_names(environ: Mapping[str, str], *, folder: Path = Path()) -> tuple[Path, frozenset[str]] | None:
    """Read which sources the file declares that `load` would read, and nothing else of it; None where there is none.

    Raises:
        ConfigurationError: it cannot be read, or is no YAML.
    """
    path = _config(environ, folder)
    if path is None:
        return None
    findings = Findings()
    names = file.source_names(path, findings)
    if findings.errors:
        raise ConfigurationError("\n".join(findings.errors))
    return path, names


def _variables(environ: Mapping[str, str], findings: Findings) -> Variables | None:
    try:
        return environment.read(environ)
    except ValidationError as error:
        first: dict[str | int, str] = {}
        for problem in problems(error, Variables):
            first.setdefault(problem.path[0], problem.text)
        findings.errors += [f"{name}: {text}" for name, text in first.items()]
        return None


def _config(environ: Mapping[str, str], folder: Path) -> Path | None:
    """The file to read: the one that is named, or the usual one where it is there."""
    if named := environ.get("JOBHOOK_CONFIG"):
        return folder / named
    usual = folder / CONFIG
    return usual if usual.exists() or usual.is_symlink() else None


def _bound(variables: Variables, findings: Findings) -> Iterator[Sink]:
    """The sink that Knative's SinkBinding injects."""
    if variables.sink is None:
        for name, value in (("K_CE_OVERRIDES", variables.overrides), ("K_CA_CERTS", variables.ca_certs)):
            if value:
                findings.warnings.append(f"{name}: changes nothing without K_SINK; set that, or take it out")
        return
    yield Sink(
        name=K_SINK_NAME, url=variables.sink, extensions=variables.overrides, ca_certs=variables.ca_certs or None
    )


def _retention(variables: Variables, document: Document, findings: Findings) -> Retention:
    if variables.retention is None:
        return document.retention
    if "retention" in document.model_fields_set:
        findings.warnings.append(
            "JOB_RETENTION_PERIOD_SEC: holds for every outcome, and the file's retention for none; keep one of the two"
        )
    period = timedelta(seconds=variables.retention)
    return Retention(succeeded=period, failed=period, cancelled=period)


def _closed(document: Document, path: Path | None) -> Iterator[str]:
    """Doors that are closed to everyone, which nobody may have meant."""
    if path is None:
        yield (
            f"{CONFIG}: is not there, so no webhook source is declared, and /events and the Job API answer 401; "
            f"write it, or name it in JOBHOOK_CONFIG"
        )
        return
    asked = "events" in document.model_fields_set and document.events.auth == "bearer"
    if asked and not any(Right.EVENTS in caller.may for caller in document.callers):
        yield f"{path}: events: nobody may post; declare a caller that may events, or write auth: none"


def _together(variables: Variables, document: Document, folder: Path) -> Settings:
    return Settings(
        signature=variables.signature,
        namespace=variables.namespace,
        own_namespace=variables.own_namespace,
        own_account=variables.own_account,
        definitions=folder / variables.definitions,
        definitions_named="definitions" in variables.model_fields_set,
        cluster=variables.cluster,
        cluster_name=variables.cluster_name,
        data=folder / variables.data,
        host=variables.host,
        port=variables.port,
        kubeconfig=variables.kubeconfig,
        proxy=variables.proxy,
        events=document.events,
        sources=document.sources,
        callers=document.callers,
        remember=document.remember,
        settle=SETTLE[variables.cluster] if document.settle is None else document.settle,
        limits=document.limits,
    )
