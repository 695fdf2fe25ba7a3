"""`jobhook check`: all that is wrong with definitions, before anything is deployed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import typer

from ..checking import Checked, Doors, check, check_written
from ..errors import ClusterError, ConfigurationError, DefinitionError
from ..json import dump
from ..settings import source_names
from .places import FOUND, MISUSED, OK, UNREACHABLE, folder_of


def run(environ: Mapping[str, str], path: Path | None, *, cluster: bool, as_json: bool) -> int:
    """Check, say what was found, and answer the exit code."""
    place = folder_of(environ, path)
    try:
        doors = _doors(environ)
        checked = asyncio.run(_on_cluster(environ, place, doors)) if cluster else check(place, doors=doors)
    except DefinitionError as error:
        return _told(error, MISUSED)
    except ConfigurationError as error:
        return _told(error, MISUSED)
    except ClusterError as error:
        return _told(error, UNREACHABLE)
    tests = len(checked.trials)
    if as_json:
        findings = [asdict(found) for found in checked.findings]
        typer.echo(dump({"definitions": checked.definitions, "tests": tests, "findings": findings}).decode())
    else:
        _say(checked, tests)
    return FOUND if checked.errors else OK


def _doors(environ: Mapping[str, str]) -> Doors | None:
    """The doors of the receiver that would be started here; None where nothing configures one."""
    found = source_names(environ)
    return None if found is None else Doors(config=str(found[0]), sources=found[1])


async def _on_cluster(environ: Mapping[str, str], place: Path, doors: Doors | None) -> Checked:
    from ..checking import onto
    from ..clusters.dryrun import dry_runs
    from ..definitions import read
    from ..settings import load

    settings = load(environ)
    written = read(place)
    async with dry_runs(settings, environ) as asked:
        checked = check_written(written, config_maps=await onto.templates(written, asked), doors=doors)
        return await onto.dry_run(checked, asked, signature=settings.signature)


def _say(checked: Checked, tests: int) -> None:
    for found in checked.findings:
        typer.echo(str(found))
    warnings = len(checked.findings) - checked.errors
    said = f"{_count(checked.definitions, 'definition')}, {_count(tests, 'test')}: "
    said += _count(checked.errors, "error") if checked.errors else "all is well"
    typer.echo(said + (f", {_count(warnings, 'warning')}" if warnings else ""), err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _told(error: Exception, code: int) -> int:
    for line in str(error).splitlines():
        typer.echo(f"jobhook check: {line}", err=True)
    return code
