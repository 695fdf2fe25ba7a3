"""The commands, their options and their help."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import __version__
from ..errors import JobhookError
from . import definitions, jobs
from .jobs import AsJson, TokenFile, Url

app = typer.Typer(
    name="jobhook",
    help="Events in, Kubernetes Jobs out, completions back as events.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes half of the time that a help may take
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001 # typer's form
    if wanted:
        typer.echo(f"jobhook {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Say the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    del version


@app.command()
def serve() -> None:
    """Serve: take events, launch Jobs, deliver completions. All by environment and jobhook.yaml.

    HOST and PORT say where; JOBHOOK_CLUSTER=local needs no Kubernetes. See docs/configuration.md.
    """
    from ..main import serve as run

    raise typer.Exit(run())


@app.command()
def dev(
    definitions: Annotated[Path | None, typer.Option(help="Folder or file of definitions.", show_default=False)] = None,
    port: Annotated[int, typer.Option(help="Where to listen on 127.0.0.1; 0 takes a free one.")] = 8080,
) -> None:
    """Try definitions on this machine: no cluster, a demo source, a demo sink, reload at every change."""
    from .dev import run

    raise typer.Exit(run(os.environ, definitions=definitions, port=port))


@app.command()
def demo(
    definitions: Annotated[Path | None, typer.Option(help="Folder or file of definitions.", show_default=False)] = None,
) -> None:
    """Show the way of one event: a signed GitHub push in, a Job run, its log, its completion event out."""
    from .demo import run

    raise typer.Exit(run(os.environ, definitions=definitions))


@app.command()
def cleanup(
    url: Url = None,
    token_file: TokenFile = None,
    *,
    dry_run: Annotated[bool, typer.Option(help="Only tell what would be done.")] = False,
    patience: Annotated[float, typer.Option(help="Seconds to wait for the receiver and for all sweeps.")] = 240.0,
    as_json: AsJson = False,
) -> None:
    """Ask a receiver to deliver what is outstanding and to delete Jobs past their retention.

    Exit codes: 0 done, 1 refused, errors (at one Job at least) or not finished within its patience, 2 usage, 3 not
    reachable, 4 not allowed.
    """
    from ..json import dump
    from .cleanup import cleanup as run
    from .cleanup import undone
    from .client import client

    def told(line: str) -> None:
        typer.echo(line, err=True)

    try:
        asked = client(os.environ, url=url, token_file=token_file, timeout=max(60.0, patience))
        report = run(asked, dry_run=dry_run, patience=patience, watched=sys.stderr.isatty(), told=told)
    except JobhookError as error:
        typer.echo(f"jobhook cleanup: {error}", err=True)
        raise typer.Exit(getattr(error, "code", 1)) from error
    typer.echo(dump(report).decode() if as_json or not sys.stdout.isatty() else _lines(report))
    if left := undone(report):
        told(f"jobhook cleanup: {left}")
        raise typer.Exit(1)


@app.command()
def redeliver(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="JOB…", help="Names of finished Jobs.", show_default=False)
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    *,
    all_failed: Annotated[bool, typer.Option(help="Every Job whose completion could not be delivered.")] = False,
    sink: Annotated[
        list[str] | None, typer.Option(help="Only there; may be repeated. Else wherever it did not arrive.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a receiver to send the completions of finished Jobs again. Its consumers know them by their ids.

    Exit codes: 0 done, 1 refused (at one Job at least), 2 usage, 3 not reachable, 4 not allowed.
    """
    from ..json import dump
    from .client import client
    from .redeliver import redeliver as run

    def told(line: str) -> None:
        typer.echo(line, err=True)

    if not jobs and not all_failed:
        told("jobhook redeliver: name a Job, or say --all-failed")
        raise typer.Exit(2)
    try:
        asked = client(os.environ, url=url, token_file=token_file)
        done = run(asked, jobs or [], sink or [], all_failed=all_failed, told=told)
    except JobhookError as error:
        told(f"jobhook redeliver: {error}")
        raise typer.Exit(getattr(error, "code", 1)) from error
    lines = [f"{name} will be delivered again" for name in done["redelivered"]] or ["nothing to deliver again"]
    typer.echo(dump(done).decode() if as_json or not sys.stdout.isatty() else "\n".join(lines))
    if done["refused"]:
        raise typer.Exit(1)


jobs.register(app)
definitions.register(app)


def _lines(report: dict[str, Any]) -> str:
    return "\n".join(f"{name:12} {_value(value)}" for name, value in report.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items()) or "-"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
