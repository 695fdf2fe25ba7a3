"""Who a token belongs to, by TokenReview."""

from __future__ import annotations

from ...json import Struct, dump
from .answers import read
from .call import Call
from .transport import Transport

PATH = "/apis/authentication.k8s.io/v1/tokenreviews"


class User(Struct, frozen=True):
    """UserInfo."""

    username: str = ""


class ReviewStatus(Struct, frozen=True):
    """TokenReviewStatus."""

    authenticated: bool = False
    user: User = User()
    audiences: tuple[str, ...] | None = None


class Review(Struct, frozen=True):
    """A TokenReview of authentication.k8s.io/v1 that was answered."""

    status: ReviewStatus = ReviewStatus()


class KubernetesIdentities:
    """`ports.Identities`: one TokenReview a question; who asks keeps the answer."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def who(self, token: str, audience: str) -> str | None:
        """Name the user, or None where the token is none, or not for `audience`."""
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [audience]},
        }
        status = read(await self._transport.send(Call(verb="create", path=PATH, body=dump(review))), Review).status
        # An API server that knows nothing of audiences names none: such a token is for the server alone.
        if not status.authenticated or audience not in (status.audiences or ()):
            return None
        return status.user.username or None
