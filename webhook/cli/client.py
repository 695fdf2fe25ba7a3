"""Ask a receiver: its address from `JOBHOOK_URL`, the token from the file that `JOBHOOK_TOKEN_FILE` names."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import JobhookError
from ..json import NotJson, dump, load

DEFAULT_URL = "http://127.0.0.1:8080"
MAX_ANSWER = 64 * 1024 * 1024
PAUSE = 1.0
"""Seconds before a receiver that is busy is asked again."""

OK, FAILED, USAGE, NOT_REACHABLE, NOT_ALLOWED = range(5)
"""Exit codes of every command that asks a receiver."""


class Unanswered(JobhookError):
    """A receiver that did not do as it was asked.

    Attributes:
        code: the command's exit code.
        retry: whether another try may help.
        busy: the receiver itself has said so.
    """

    def __init__(self, message: str, *, code: int, retry: bool = False, busy: bool = False) -> None:
        super().__init__(message)
        self.code, self.retry, self.busy = code, retry, busy


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

    def ask(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, tries: int = 1
    ) -> Any:
        """Send one request, and answer the JSON that comes back.

        Args:
            method: of HTTP.
            path: with its query.
            body: sent as JSON; None for none.
            headers: further ones.
            tries: so many, at what the receiver says may pass; only for what is safe to ask again.

        Raises:
            Unanswered: not reached, not allowed, refused, or no JSON; says what to do.
        """
        for left in reversed(range(tries)):
            try:
                with self._open(method, path, body, {"accept": "application/json", **(headers or {})}) as answer:
                    return load(answer.read(MAX_ANSWER))
            except Unanswered as error:
                if not error.busy or not left:
                    raise
                time.sleep(PAUSE)
            except (OSError, http.client.HTTPException) as error:
                raise self._unreached(error) from error
            except NotJson as error:
                raise Unanswered(f"{self.url} answered no JSON; is it a jobhook?", code=NOT_REACHABLE) from error
        raise AssertionError(tries)

    def stream(self, path: str, *, accept: str, endless: bool = False) -> Iterator[bytes]:
        """Read an answer piece by piece, as it comes.

        Args:
            path: with its query.
            accept: the content type that is wanted.
            endless: it may be silent for any time.

        Raises:
            Unanswered: as `ask`; also where it breaks off.
        """
        try:
            with self._open("GET", path, None, {"accept": accept}, endless=endless) as answer:
                while piece := answer.read1(64 * 1024):
                    yield piece
        except (OSError, http.client.HTTPException) as error:
            raise self._unreached(error) from error

    def _open(
        self, method: str, path: str, body: Any, headers: Mapping[str, str], *, endless: bool = False
    ) -> http.client.HTTPResponse:
        """Send a request. Raises Unanswered where it is refused or nobody answers."""
        request = urllib.request.Request(self.url.rstrip("/") + path, method=method)  # noqa: S310 # checked by `client`
        request.add_header("user-agent", f"jobhook/{__version__}")
        for name, text in headers.items():
            request.add_header(name, text)
        if body is not None:
            request.add_header("content-type", "application/json")
            request.data = dump(body)
        elif method == "POST":
            request.data = b""
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        try:
            answer: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310 # same
                request, timeout=None if endless else self.timeout
            )
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(self.url, error.code, error.read(64 * 1024)) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._unreached(error) from error
        return answer

    def _unreached(self, error: Exception) -> Unanswered:
        reason = getattr(error, "reason", error)
        message = f"no answer from {self.url}: {reason}; is the receiver running, and JOBHOOK_URL its address?"
        return Unanswered(message, code=NOT_REACHABLE, retry=True)


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
    code = NOT_REACHABLE if retry else FAILED
    return Unanswered(f"{url} answered {status}: {detail}", code=code, retry=retry, busy=status in {429, 503})
