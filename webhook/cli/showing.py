"""What the commands print: tables and colours on a terminal, plain lines elsewhere; nothing that a Job made up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import typer

from .. import durations, times
from ..json import dump

STYLES = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "running": "cyan"}


def on_terminal() -> bool:
    """Whether people read along; NO_COLOR keeps the table and takes the colours, as rich sees to."""
    return sys.stdout.isatty()


def clean(value: Any) -> str:
    r"""A value as text of one line, in which nothing can steer a terminal.

    >>> clean("red \x1b[31m"), clean(None), clean(True), clean(3), clean(["a", "b"])
    ('red \\x1b[31m', '', 'yes', '3', 'a, b')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{clean(name)} {clean(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(clean(one) for one in value)
    text = str(value)
    return text if text.isprintable() else "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(one: str) -> str:
    return one.encode("unicode_escape", "backslashreplace").decode("ascii")


def fields(record: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Some of a record's values, in order."""
    return [record.get(name) for name in names]


def styled(state: str) -> str:
    """The colour of a Job's state."""
    return STYLES.get(state, "")


def ago(text: str | None, now: datetime) -> str:
    """How long ago a moment was, in its largest unit.

    >>> from datetime import UTC
    >>> ago("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 5, 0, 0, tzinfo=UTC)), ago(None, datetime.now(UTC))
    ('1h', '')
    """
    if not text:
        return ""
    whole = max(timedelta(0), now - times.parse(text))
    for unit in (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)):
        if whole >= unit:
            return durations.show(whole // unit * unit)
    return durations.show(timedelta(seconds=int(whole.total_seconds())))


def show_json(value: Any) -> None:
    """Print JSON: one line."""
    typer.echo(dump(value).decode())


def show(values: Sequence[Any], *, styles: Mapping[int, str] | None = None) -> None:
    """Print one line of values, by tabs; on a terminal by spaces and, of those in `styles`, in colour."""
    if not on_terminal():
        typer.echo("\t".join(clean(value) for value in values))
        return
    from rich.text import Text

    texts = [Text(clean(value), (styles or {}).get(place, "")) for place, value in enumerate(values)]
    _console().print(Text("  ").join(text for text in texts if text), soft_wrap=True)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, state: int | None = None) -> None:
    """Print rows: on a terminal a table with a head, elsewhere fields apart by tabs.

    `state`: the column that is coloured by a Job's state.
    """
    if not on_terminal():
        for row in rows:
            typer.echo("\t".join(clean(value) for value in row))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, no_wrap=place == 0, overflow="fold")
    for row in rows:
        texts = [clean(value) for value in row]
        table.add_row(*(Text(text, styled(text) if place == state else "") for place, text in enumerate(texts)))
    _console().print(table)


def show_tree(record: Mapping[str, Any]) -> None:
    """Print a record's values below one another, what belongs to one indented under it; what is empty is left out."""
    for indent, name, text in _tree(record, 0):
        if not on_terminal():
            typer.echo(f"{'  ' * indent}{name}:{' ' + text if text else ''}")
            continue
        from rich.text import Text

        line = Text("  " * indent).append(f"{name}:", "bold" if not indent else "")
        _console().print(line.append(f" {text}", styled(text) if name == "state" else ""), soft_wrap=True)


def _tree(record: Mapping[str, Any], indent: int) -> Iterator[tuple[int, str, str]]:
    for key, value in record.items():
        name = clean(key).replace("_", " ")
        if value in (None, "", [], {}):
            continue
        if isinstance(value, dict) and any(isinstance(one, dict | list) for one in value.values()):
            yield indent, name, ""
            yield from _tree(value, indent + 1)
        elif isinstance(value, list) and isinstance(value[0], dict):
            yield indent, name, ""
            for one in value:
                title, *_ = [str(one[key]) for key in ("name", "about") if one.get(key)] or ["-"]
                yield indent + 1, clean(title), ""
                yield from _tree({key: part for key, part in one.items() if key not in {"name", "about"}}, indent + 2)
        else:
            yield indent, name, clean(value)


@contextmanager
def progress(first: str) -> Iterator[Callable[[str], object]]:
    """Show what is waited for, on a terminal alone and on the standard error; the given function changes it."""
    if not sys.stderr.isatty():
        yield clean  # nobody reads it
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(clean(first))) as status:
        yield lambda text: status.update(Text(clean(text)))


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False)
