"""Records in their table, as JSON. All of it runs on the store's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from ... import times
from ...json import Struct, as_type, dump
from ...ports import Record
from .tables import Stored, Transaction


class Document(Struct, frozen=True):
    """A record as it is kept; bytes travel as base64."""

    name: str
    data: dict[str, bytes]
    labels: dict[str, str]
    annotations: dict[str, str]
    immutable: bool
    owner: tuple[str, str] | None
    created: str


def get(connection: sqlite3.Connection, space: str, name: str, managed_by: str) -> Record | None:
    """One record of ours."""
    query = "SELECT version, document FROM records WHERE space = ? AND name = ? AND managed_by = ?"
    row = connection.execute(query, (space, name, managed_by)).fetchone()
    return _read(row[1], row[0]) if row else None


def select(
    connection: sqlite3.Connection,
    space: str,
    managed_by: str,
    *,
    labels: Mapping[str, str],
    after: str,
    limit: int = -1,
) -> list[Record]:
    """Our records that bear `labels`, by name, from behind the name `after` on."""
    query = "SELECT version, document FROM records WHERE space = ? AND managed_by = ? AND name > ? ORDER BY name"
    rows = connection.execute(query, (space, managed_by, after))
    found = (record for version, text in rows if bears(record := _read(text, version), labels))
    return [record for record, _ in zip(found, range(limit) if limit >= 0 else iter(int, 1), strict=False)]


def named(connection: sqlite3.Connection, space: str, name: str) -> Record | None:
    """The record that has that name, ours or not."""
    query = "SELECT version, document FROM records WHERE space = ? AND name = ?"
    row = connection.execute(query, (space, name)).fetchone()
    return _read(row[1], row[0]) if row else None


def put(transaction: Transaction, space: str, record: Record, *, managed_by: str) -> Record:
    """Store a record under a new version."""
    version = transaction.next_version()
    assert record.created is not None
    document = Document(
        name=record.name,
        data=dict(record.data),
        labels=dict(record.labels),
        annotations=dict(record.annotations),
        immutable=record.immutable,
        owner=record.owner,
        created=times.show(record.created),
    )
    transaction.connection.execute(
        "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (space, name) DO UPDATE SET"
        " version = excluded.version, owner = excluded.owner, document = excluded.document",
        (space, record.name, version, managed_by, record.owner[1] if record.owner else None, dump(document)),
    )
    stored = replace(record, version=str(version))
    transaction.changes.append(Stored(space, record.name, version, stored))
    return stored


def delete(transaction: Transaction, space: str, record: Record) -> None:
    """Delete a record."""
    transaction.connection.execute("DELETE FROM records WHERE space = ? AND name = ?", (space, record.name))
    transaction.changes.append(Stored(space, record.name, transaction.next_version(), record, gone=True))


def delete_owned(transaction: Transaction, uid: str) -> None:
    """Delete the records that a Job owns."""
    query = "SELECT space, version, document FROM records WHERE owner = ?"
    for space, version, text in transaction.connection.execute(query, (uid,)).fetchall():
        delete(transaction, space, _read(text, version))


def bears(record: Record, labels: Mapping[str, str]) -> bool:
    """Whether a record bears all of `labels`."""
    return all(record.labels.get(name) == value for name, value in labels.items())


def _read(text: bytes, version: int) -> Record:
    document = as_type(text, Document)
    created: datetime = times.parse(document.created)
    return Record(
        name=document.name,
        data=document.data,
        labels=document.labels,
        annotations=document.annotations,
        immutable=document.immutable,
        owner=document.owner,
        version=str(version),
        created=created,
    )
