"""What is asked of the API server, and how a call may end without an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from ...errors import ClusterUnavailable

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"

METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
"""Asks for a list's metadata alone (API concepts, "Receiving resources as partial object metadata")."""

METHODS = {"create": "POST", "patch": "PATCH", "update": "PUT", "delete": "DELETE"}
"""Of Kubernetes' verbs; all others are a GET."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked of the API server.

    Attributes:
        verb: Kubernetes' verb: create, get, list, watch, patch, update, delete; or log.
        path: from the root, of parts that need no quoting.
    """

    verb: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON

    @property
    def about(self) -> str:
        """The call in words, for messages."""
        return f"{self.verb} {self.path}"


class ended:  # noqa: N801 # used as a function
    """Make our error of every way in which a call can end without an answer."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            raise ClusterUnavailable(f"{self._call.about}: no connection: {error}", sent=False) from error
        if isinstance(error, aiohttp.ClientError | TimeoutError | OSError):
            raise ClusterUnavailable(f"{self._call.about}: no answer: {str(error) or type(error).__name__}") from error
