"""A Job's deletion, with all that goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .recordrows import delete_owned
from .tables import Transaction, get_job


def remove_job(transaction: Transaction, metadata: Mapping[str, Any]) -> None:
    """Delete the Job of that name and uid, its pods and the records that it owns; nothing where it is gone."""
    row = get_job(transaction.connection, metadata["name"])
    if row is not None and row.job.uid == metadata["uid"]:
        transaction.delete_job(row)
        delete_owned(transaction, row.job.uid)
