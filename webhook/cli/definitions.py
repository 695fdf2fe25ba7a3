"""The commands about definitions: check, match, render, schema. They need no receiver, and no cluster unless asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

Definitions = Annotated[
    Path | None,
    typer.Option(
        help="Folder or file of definitions; else JOB_DEFINITIONS_CONFIG_PATH, else definitions.", show_default=False
    ),
]
Event = Annotated[Path, typer.Argument(help="A CloudEvent in JSON; - reads standard input.", show_default=False)]
SentAs = Annotated[
    str | None,
    typer.Option("--as", help="EVENT is a provider's payload: github:push, gitlab, stripe, …", show_default=False),
]
Via = Annotated[str | None, typer.Option(help="The door it comes by: events, or a source's name.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (check, match, render, schema):
        app.command()(command)


def check(
    path: Annotated[
        Path | None,
        typer.Argument(help="Folder or file; else JOB_DEFINITIONS_CONFIG_PATH, else definitions.", show_default=False),
    ] = None,
    *,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Also let the configured cluster judge each sample's Job, by a dry run.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Check definitions: keys, templates, policy, scripts, rules that can never match, and their own tests.

    Each finding is FILE:LINE:COLUMN: what is wrong; what to do. Exit codes: 0 none, 1 errors, 2 usage, 3 no cluster.
    """
    from .check import run

    raise typer.Exit(run(os.environ, path, cluster=cluster, as_json=as_json))


def match(
    event: Event,
    definitions: Definitions = None,
    sent_as: SentAs = None,
    via: Via = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Say which definitions an event calls and, rule by rule, why not the others.

    Exit codes: 0 at least one, 1 none, 2 usage.
    """
    from .match import run

    raise typer.Exit(run(os.environ, event, definitions=definitions, sent_as=sent_as, via=via, as_json=as_json))


def render(
    definition: Annotated[str, typer.Argument(help="Its name.", show_default=False)],
    event: Annotated[
        Path | None, typer.Argument(help="A CloudEvent in JSON; - reads standard input.", show_default=False)
    ] = None,
    definitions: Definitions = None,
    sent_as: SentAs = None,
    via: Via = None,
    *,
    param: Annotated[
        list[str] | None, typer.Option(help="name=value of a submit, instead of an event; may be repeated.")
    ] = None,
) -> None:
    """Print the manifest that a definition makes of an event. On a terminal, what came from its values is coloured.

    Exit codes: 0 done, 1 the values are refused, 2 usage.
    """
    from .render import run

    params = param or []
    raise typer.Exit(
        run(os.environ, definition, event, definitions=definitions, sent_as=sent_as, via=via, params=params)
    )


def schema() -> None:
    """Print the JSON Schema of definition files, for editors."""
    from .schema import run

    run()
