"""`jobhook schema`: the JSON Schema of definition files."""

from __future__ import annotations

import json  # indented, for people and their editors

import typer

from ..definitions.schema import definition_schema


def run() -> None:
    """Print it."""
    typer.echo(json.dumps(definition_schema(), indent=2))
