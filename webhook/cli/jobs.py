"""The commands about Jobs, asked of a receiver: submit, jobs, describe, logs, cancel, rerun, definitions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from .client import Client

PATIENCE = 60.0
"""Seconds that one request may take."""
COMPLETING = 2.0
"""Seconds that the shell waits for a completion."""


def _names(path: str, key: str) -> Callable[[str], list[str]]:
    """Complete what begins a name, as the receiver has it; where it does not answer, nothing."""

    def complete(incomplete: str) -> list[str]:
        from ..errors import JobhookError
        from .client import client

        try:
            asked = client(os.environ, url=None, token_file=None, timeout=COMPLETING)
            return [one["name"] for one in asked.ask("GET", path)[key] if one["name"].startswith(incomplete)]
        except JobhookError:
            return []

    return complete


Url = Annotated[str | None, typer.Option(help="The receiver's address; else JOBHOOK_URL.", show_default=False)]
TokenFile = Annotated[str | None, typer.Option(help="File of a token; else JOBHOOK_TOKEN_FILE.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
JobName = Annotated[
    str, typer.Argument(metavar="JOB", help="Its name.", show_default=False, autocompletion=_names("/jobs", "jobs"))
]
Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait for its end; exit code 1 unless it succeeds.")]
Key = Annotated[str | None, typer.Option(help="Idempotency key: the same key is the same Job.", show_default=False)]
Since = Annotated[str | None, typer.Option(help="A time (RFC 3339), or how long ago: 90s, 1h30m.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (submit, jobs, describe, logs, cancel, rerun, definitions):
        app.command()(command)


@contextmanager
def _asking(command: str, url: str | None, token_file: str | None) -> Iterator[Client]:
    """Give the client; what it is refused, say, and exit by the code."""
    from .client import FAILED, USAGE, Unanswered, client

    try:
        yield client(os.environ, url=url, token_file=token_file, timeout=PATIENCE)
    except Unanswered as error:
        typer.echo(f"jobhook {command}: {error}", err=True)
        # What a receiver refuses is the asking's fault; 1 says that a Job failed, and nothing else.
        raise typer.Exit(USAGE if error.code == FAILED else error.code) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def submit(
    definition: Annotated[
        str,
        typer.Argument(
            metavar="DEFINITION",
            help="Its name.",
            show_default=False,
            autocompletion=_names("/definitions", "definitions"),
        ),
    ],
    url: Url = None,
    token_file: TokenFile = None,
    *,
    param: Annotated[list[str] | None, typer.Option("--param", "-p", help="name=value; may be repeated.")] = None,
    params: Annotated[
        Path | None, typer.Option(help="File of all parameters, a JSON object; - for stdin.", show_default=False)
    ] = None,
    label: Annotated[list[str] | None, typer.Option("--label", "-l", help="name=value; may be repeated.")] = None,
    key: Key = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Submit a Job by its definition's name and parameters.

    Says the Job's name; with --wait, how it ended.

    Exit codes: 0 done, 1 the Job failed (--wait), 2 usage, 3 not reachable, 4 not allowed.
    """
    from .submit import run

    with _asking("submit", url, token_file) as client:
        code = run(
            client, definition, params=param or [], file=params, labels=label or [], key=key, wait=wait, as_json=as_json
        )
    raise typer.Exit(code)


def jobs(
    url: Url = None,
    token_file: TokenFile = None,
    *,
    definition: Annotated[str | None, typer.Option("--definition", "-d", help="Of this one.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", "-s", help="queued, pending, running, succeeded, failed or cancelled.")
    ] = None,
    label: Annotated[list[str] | None, typer.Option("--label", "-l", help="name=value; may be repeated.")] = None,
    event_id: Annotated[str | None, typer.Option(help="Begun by an event of this id.")] = None,
    since: Since = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="So many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List Jobs, newest first within a page.

    Piped: a line each, with tabs between name, definition, state, created, finished and reason.

    Exit codes: 0 done, 2 usage, 3 not reachable, 4 not allowed.
    """
    from .listing import run

    query = [("definition", definition), ("state", state), ("event_id", event_id), ("since", since)]
    query += [("label", pair) for pair in label or []]
    with _asking("jobs", url, token_file) as client:
        run(client, [(name, text) for name, text in query if text is not None], limit=limit, as_json=as_json)


def describe(job: JobName, url: Url = None, token_file: TokenFile = None, *, as_json: AsJson = False) -> None:
    """Say all that there is to know of a Job.

    Its state and why, its pods and times, the event that began it, and how far its completion is.

    Exit codes: 0 done, 2 usage (no such Job), 3 not reachable, 4 not allowed.
    """
    from .describe import run

    with _asking("describe", url, token_file) as client:
        run(client, job, as_json=as_json)


def logs(
    job: JobName,
    url: Url = None,
    token_file: TokenFile = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the Job has ended.")] = False,
    tail: Annotated[int | None, typer.Option("--tail", "-n", min=0, help="Last lines of each container.")] = None,
    since: Since = None,
    pod: Annotated[str | None, typer.Option(help="Only of this pod.")] = None,
    container: Annotated[str | None, typer.Option("--container", "-c", help="Only of this container.")] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", "-t", help="Begin each line with its time.")] = False,
    previous: Annotated[
        bool, typer.Option("--previous", help="Of each container's run before the present one.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each line.")] = False,
) -> None:
    """Print what a Job's containers wrote.

    With -f from before they have started until the Job has ended.

    Exit codes: 0 done, 2 usage (no such Job), 3 not reachable, 4 not allowed.
    """
    from .logs import run

    flags = {"follow": follow, "timestamps": timestamps, "previous": previous}
    texts = {"tail": tail, "since": since, "pod": pod, "container": container}
    query = {name: str(value) for name, value in texts.items() if value is not None}
    query |= {name: "true" for name, wanted in flags.items() if wanted}
    with _asking("logs", url, token_file) as client:
        run(client, job, query, as_json=as_json)


def cancel(
    job: JobName,
    url: Url = None,
    token_file: TokenFile = None,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; the Job and its completion say so.")] = "",
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove a Job that has ended, with its pods and logs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Cancel a Job: it is ended, and stays as cancelled.

    One that has ended already is not changed.

    Exit codes: 0 done, 2 usage (no such Job), 3 not reachable, 4 not allowed.
    """
    from .cancel import run

    with _asking("cancel", url, token_file) as client:
        run(client, job, reason=reason, purge=purge, as_json=as_json)


def rerun(
    job: JobName,
    url: Url = None,
    token_file: TokenFile = None,
    *,
    key: Key = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Run a Job again, with the parameters that it had.

    It is a new one, by today's definition; says its name, or with --wait how it ended.

    Exit codes: 0 done, 1 the Job failed (--wait), 2 usage, 3 not reachable, 4 not allowed.
    """
    from .rerun import run

    with _asking("rerun", url, token_file) as client:
        code = run(client, job, key=key, wait=wait, as_json=as_json)
    raise typer.Exit(code)


def definitions(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[DEFINITION]",
            help="Only this one, in full.",
            show_default=False,
            autocompletion=_names("/definitions", "definitions"),
        ),
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the definitions that a receiver has, or tell of one.

    Of one: what it takes, what calls it, and how its last Jobs ended.

    Exit codes: 0 done, 2 usage (no such definition), 3 not reachable, 4 not allowed.
    """
    from .catalog import run

    with _asking("definitions", url, token_file) as client:
        run(client, name, as_json=as_json)
