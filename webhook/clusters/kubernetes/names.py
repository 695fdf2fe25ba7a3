"""What may stand in a path or a selector."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ... import marks

WRITE: Mapping[str, str] = {"fieldManager": marks.FIELD_MANAGER, "fieldValidation": "Strict"}
"""The query of every write: a field that the API server does not know is refused, never dropped."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)


def is_name(text: str) -> bool:
    """Whether an object may have that name (a DNS subdomain), so that it can stand in a path as it is.

    >>> is_name("build-1"), is_name("../secrets/x"), is_name("a/status"), is_name("a?watch=1")
    (True, False, False, False)
    """
    return _NAME.fullmatch(text) is not None


def is_label(text: str) -> bool:
    """Whether a label may have that value.

    >>> is_label("main"), is_label(""), is_label("a,b!=c")
    (True, True, False)
    """
    return _LABEL.fullmatch(text) is not None


def selector(signature: str, labels: Mapping[str, str] | None) -> str:
    """Select what bears our signature, and `labels` besides.

    >>> selector("jobhook", {"a": "b"})
    'app.kubernetes.io/managed-by=jobhook,a=b'
    """
    # Our own comes first and stays, whatever `labels` says about the same name.
    return ",".join(marks.selector(part) for part in ({marks.MANAGED_BY: signature}, labels or {}) if part)
