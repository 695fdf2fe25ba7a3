"""The tables, and the few statements on them. All of it runs on the store's thread.

`documents` holds Jobs and pods as Kubernetes-shaped JSON; `labels` finds Jobs. Versions are one growing number for all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ...errors import ConfigurationError
from ...job import Job
from ...json import as_type, dump, load
from ..objects import JobObject
from ..reading import read_job

T = TypeVar("T")
JOBS = "jobs"
SCHEMA = 1

_TABLES = """
CREATE TABLE version (number INTEGER NOT NULL);
INSERT INTO version VALUES (0);
CREATE TABLE jobs (
    name TEXT PRIMARY KEY, uid TEXT NOT NULL, version INTEGER NOT NULL, open INTEGER NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX open_jobs ON jobs (version) WHERE open;
CREATE TABLE labels (
    name TEXT NOT NULL, value TEXT NOT NULL, job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
    PRIMARY KEY (name, value, job)
) WITHOUT ROWID;
CREATE INDEX labels_of_jobs ON labels (job);
CREATE TABLE pods (
    name TEXT PRIMARY KEY, job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, number INTEGER NOT NULL,
    document BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX pods_of_jobs ON pods (job, number);
CREATE TABLE records (
    space TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, managed_by TEXT NOT NULL,
    owner TEXT, document BLOB NOT NULL, PRIMARY KEY (space, name)
);
CREATE INDEX records_of_owners ON records (owner) WHERE owner IS NOT NULL;
"""


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A committed state of an object, or its end.

    Attributes:
        kind: `JOBS`, or the space of a record.
        value: as it is, or was last.
    """

    kind: str
    name: str
    version: int
    value: T
    gone: bool = False


@dataclass(frozen=True, slots=True)
class JobRow:
    """A Job as it is kept, and as it is read."""

    job: Job
    document: dict[str, Any]


@dataclass(slots=True)
class Transaction:
    """One caller's share of a transaction.

    Attributes:
        changes: told to those who follow once all is on disk.
    """

    connection: sqlite3.Connection
    changes: list[Stored[Any]] = field(default_factory=list)

    def next_version(self) -> int:
        """Count on."""
        self.connection.execute("UPDATE version SET number = number + 1")
        (number,) = self.connection.execute("SELECT number FROM version").fetchone()
        return int(number)

    def put_job(self, document: dict[str, Any], *, is_open: bool) -> Job:
        """Store a Job under a new version, in place of the one of its name."""
        version = self.next_version()
        metadata = document["metadata"] = document["metadata"] | {"resourceVersion": str(version)}
        text, name = dump(document), metadata["name"]
        self.connection.execute(
            "INSERT INTO jobs VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
            " uid = excluded.uid, version = excluded.version, open = excluded.open, document = excluded.document",
            (name, metadata["uid"], version, is_open, text),
        )
        self.connection.execute("DELETE FROM labels WHERE job = ?", (name,))
        self.connection.executemany(
            "INSERT INTO labels VALUES (?, ?, ?)",
            [(label, value, name) for label, value in (metadata.get("labels") or {}).items()],
        )
        job = _job(text)
        self.changes.append(Stored(JOBS, name, version, JobRow(job, document)))
        return job

    def delete_job(self, row: JobRow) -> None:
        """Delete a Job, its pods and what it owns."""
        name = row.job.name
        self.connection.execute("DELETE FROM jobs WHERE name = ?", (name,))
        self.changes.append(Stored(JOBS, name, self.next_version(), row, gone=True))

    def put_pod(self, name: str, text: bytes, *, job: str, number: int) -> None:
        """Store one try, as JSON."""
        self.connection.execute(
            "INSERT INTO pods VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET document = excluded.document",
            (name, job, number, text),
        )

    def delete_pod(self, name: str) -> None:
        """Forget one try."""
        self.connection.execute("DELETE FROM pods WHERE name = ?", (name,))


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none. Raises ConfigurationError for a file of a newer release."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > SCHEMA:
        raise ConfigurationError("it was made by a newer jobhook; use that, or another JOBHOOK_DATA")
    if found == 0:
        for statement in _TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")


def get_job(connection: sqlite3.Connection, name: str) -> JobRow | None:
    """One Job, ours or not."""
    row = connection.execute("SELECT document FROM jobs WHERE name = ?", (name,)).fetchone()
    return JobRow(_job(row[0]), load(row[0])) if row else None


def select_jobs(
    connection: sqlite3.Connection, labels: Mapping[str, str], *, after: str = "", limit: int = -1
) -> list[Job]:
    """The Jobs that bear all of `labels`, by name, from behind the name `after` on."""
    filters = " AND name IN (SELECT job FROM labels WHERE name = ? AND value = ?)" * len(labels)
    values = [text for pair in labels.items() for text in pair]
    query = f"SELECT document FROM jobs WHERE name > ?{filters} ORDER BY name LIMIT ?"  # noqa: S608 - no text of others
    return [_job(text) for (text,) in connection.execute(query, (after, *values, limit))]


def open_jobs(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """The Jobs that the controller has yet to do with, oldest first."""
    rows = connection.execute("SELECT document FROM jobs WHERE open")
    return sorted((load(text) for (text,) in rows), key=lambda job: str(job["metadata"]["creationTimestamp"]))


def pods(connection: sqlite3.Connection, job: str) -> Iterator[bytes]:
    """A Job's tries as JSON, oldest first."""
    for (text,) in connection.execute("SELECT document FROM pods WHERE job = ? ORDER BY number", (job,)):
        yield text


def get_pod(connection: sqlite3.Connection, name: str) -> tuple[str, dict[str, Any]] | None:
    """One try and the name of its Job."""
    row = connection.execute("SELECT job, document FROM pods WHERE name = ?", (name,)).fetchone()
    return (str(row[0]), load(row[1])) if row else None


def _job(text: bytes) -> Job:
    return read_job(as_type(text, JobObject))
