"""`jobhook submit`: a new Job, once, however often it has to be asked for."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..json import NotJson, load
from .client import USAGE, Client, Unanswered
from .waiting import told


def run(
    client: Client,
    definition: str,
    *,
    params: Sequence[str],
    file: Path | None,
    labels: Sequence[str],
    key: str | None,
    wait: bool,
    as_json: bool,
) -> int:
    """Submit, say the Job's name, wait where that is wanted, and answer the exit code. Raises Unanswered."""
    body = {
        "definition": definition,
        "params": {**_read(file), **_pairs(params, "--param")},
        "labels": _pairs(labels, "--label"),
    }
    # A key of our own makes it safe to ask again where the first answer was lost.
    answer = client.ask("POST", "/jobs", body=body, headers={"idempotency-key": key or str(uuid.uuid4())}, tries=3)
    return told(client, answer, wait=wait, as_json=as_json)


def _pairs(pairs: Sequence[str], option: str) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Unanswered(f"{option} {pair!r}: write {option} NAME=VALUE", code=USAGE)
        found[name] = value
    return found


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        held = load(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
    except OSError as error:
        raise Unanswered(f"--params {file}: {error.strerror or error}", code=USAGE) from error
    except NotJson as error:
        raise Unanswered(f"--params {file}: no JSON: {error}", code=USAGE) from error
    if not isinstance(held, dict):
        raise Unanswered(f"--params {file}: holds no JSON object", code=USAGE)
    return held
