"""Authenticate a bearer token against the declared callers."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import settings
from ..errors import ConfigurationError, NotAllowed, NotAuthenticated
from ..secretfiles import SecretFile
from ..settings import Right
from .bearer import claims
from .reviews import Reviews

_NOBODYS = secrets.token_bytes(hashlib.sha256().digest_size)
"""Compared with where a file holds no token: the same work, and no token has this digest."""
_SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone who is known, and what they may do."""

    name: str
    may: frozenset[Right]

    def require(self, right: str) -> None:
        """Let pass only with a right. Raises NotAllowed, which names the one that is missing."""
        if Right(right) not in self.may:
            raise NotAllowed(f"caller {self.name!r} may not {Right(right).value!r}")


class Callers:
    """The declared callers: by token file at once, by service account where the cluster is asked.

    Raises:
        ConfigurationError: a service account is declared, and there is nobody to ask about it.
    """

    def __init__(
        self,
        declared: Sequence[settings.Caller],
        *,
        reviews: Reviews | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._reviews, self._now = reviews, now
        self._files: list[_TokenFile] = []
        self._accounts: dict[tuple[str, str], Caller] = {}
        for one in declared:
            caller = Caller(one.name, one.may)
            self._files += [_TokenFile(SecretFile(path), caller) for path in one.tokens]
            if one.service_account is not None:
                user = _SERVICE_ACCOUNT + one.service_account.replace("/", ":")
                self._accounts[one.audience or "", user] = caller
        if self._accounts and reviews is None:
            raise ConfigurationError("callers by service account need a cluster that knows tokens; write tokens")
        self._audiences = tuple(dict.fromkeys(audience for audience, _ in self._accounts))

    async def authenticate(self, token: str) -> Caller:
        """Say who a token belongs to.

        Raises:
            NotAuthenticated: it is nobody's.
            TooManyRequests, ClusterUnavailable: the cluster could not be asked whose it is.
        """
        caller = self._by_file(token) or await self._by_account(token)
        if caller is None:
            raise NotAuthenticated("the token is no caller's")
        return caller

    def _by_file(self, token: str) -> Caller | None:
        # Digests have one length, and all are compared, so that the time taken tells nothing of any token.
        given = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found = None
        for file in self._files:
            if hmac.compare_digest(file.digest(), given) and found is None:
                found = file.caller
        return found

    async def _by_account(self, token: str) -> Caller | None:
        """Ask the cluster, but only about a token that claims to be meant for us and alive."""
        if self._reviews is None or not self._audiences or (said := claims(token)) is None:
            return None
        if (lifetime := said.expires - self._now()) <= 0:
            return None
        for audience in self._audiences:
            if audience in said.audiences:
                user = await self._reviews.who(token, audience, lifetime=lifetime)
                if user is not None and (caller := self._accounts.get((audience, user))):
                    return caller
        return None


class _TokenFile:
    """A token's digest, made anew only where the file has changed."""

    __slots__ = ("_digest", "_file", "_value", "caller")

    def __init__(self, file: SecretFile, caller: Caller) -> None:
        self.caller = caller
        self._file = file
        self._value: bytes | None = None
        self._digest = _NOBODYS

    def digest(self) -> bytes:
        """SHA-256 of the token as the file holds it now; of nobody's where it holds none."""
        value = self._file.value()
        if value is not self._value:
            self._value = value
            self._digest = _NOBODYS if value is None else hashlib.sha256(value).digest()
        return self._digest
