"""The body of a good answer, read."""

from __future__ import annotations

from typing import TypeVar

from ...errors import ClusterUnavailable
from ...json import NotJson, as_type

T = TypeVar("T")


def read(body: bytes, shape: type[T]) -> T:
    """Read a body as a Struct.

    Raises:
        ClusterUnavailable: it is not of that shape; what sent it was no API server.
    """
    try:
        return as_type(body, shape)
    except NotJson as error:
        raise ClusterUnavailable(f"an answer that is no {shape.__name__}: {error}") from error
