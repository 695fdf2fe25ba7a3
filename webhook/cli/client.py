"""Ask a receiver: its address from `JOBHOOK_URL`, the token from the file that `JOBHOOK_TOKEN_FILE` names."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import JobhookError
from ..json import NotJson, load

DEFAULT_URL = "http://127.0.0.1:8080"
MAX_ANSWER = 64 * 1024 * 1024

OK, FAILED, USAGE, NOT_REACHABLE, NOT_ALLOWED = range(5)
"""Exit codes of every command that asks a receiver."""


class Unanswered(JobhookError):
    """A receiver that did not do as it was asked.

    Attributes:
        code: the command's exit code.
        retry: whether another try may help.
    """

    def __init__(self, message: str, *, code: int, retry: bool = False) -> None:
        super().__init__(message)
        self.code, self.retry = code, retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One receiver and who we are to it.

    Attributes:
        token: a bearer token, or None.
        timeout: seconds of one request.
    """

    url: str
    token: str | None = None
    timeout: float = 60.0

    def ask(self, method: str, path: str) -> Any:
        """Send one request without a body, and answer the JSON that comes back.

        Raises:
            Unanswered: not reached, not allowed, refused, or no JSON; says what to do.
        """
        request = urllib.request.Request(self.url.rstrip("/") + path, method=method)  # noqa: S310 # checked by `client`
        request.add_header("user-agent", f"jobhook/{__version__}")
        request.add_header("accept", "application/json")
        if method == "POST":
            request.data = b""
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310 # same
                return load(answer.read(MAX_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(self.url, error.code, error.read(64 * 1024)) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            message = f"no answer from {self.url}: {reason}; is the receiver running, and JOBHOOK_URL its address?"
            raise Unanswered(message, code=NOT_REACHABLE, retry=True) from error
        except NotJson as error:
            raise Unanswered(f"{self.url} answered no JSON; is it a jobhook?", code=NOT_REACHABLE) from error


def client(environ: Mapping[str, str], *, url: str | None, token_file: str | None, timeout: float = 60.0) -> Client:
    """Make the client that options and environment ask for.

    Raises:
        Unanswered: an address that is no URL, or a token file that cannot be read.
    """
    address = url or environ.get("JOBHOOK_URL") or DEFAULT_URL
    if not address.startswith(("http://", "https://")):
        message = f"{address!r} is no address; write http://HOST:PORT (JOBHOOK_URL or --url)"
        raise Unanswered(message, code=USAGE)
    file = token_file or environ.get("JOBHOOK_TOKEN_FILE")
    try:
        token = Path(file).read_text(encoding="ascii").strip() if file else None
    except (OSError, UnicodeError) as error:
        raise Unanswered(f"the token file {file} cannot be read: {error} (JOBHOOK_TOKEN_FILE)", code=USAGE) from error
    return Client(url=address, token=token, timeout=timeout)


def _refusal(url: str, status: int, body: bytes) -> Unanswered:
    try:
        told = load(body)
        detail = str(told.get("detail") or told.get("title")) if isinstance(told, dict) else ""
    except NotJson:
        detail = ""
    if status == 401:
        remedy = "name a token that the receiver knows in JOBHOOK_TOKEN_FILE"
        return Unanswered(f"{url} does not know who asks (401); {remedy}", code=NOT_ALLOWED)
    if status == 403:
        return Unanswered(f"{url} refuses (403): {detail}", code=NOT_ALLOWED)
    retry = status == 429 or status >= 500
    return Unanswered(f"{url} answered {status}: {detail}", code=NOT_REACHABLE if retry else FAILED, retry=retry)
