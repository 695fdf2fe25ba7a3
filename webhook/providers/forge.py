"""What Gitea, Forgejo and Gogs have in common: one program's forks, whose bodies are alike.

https://docs.gitea.com/usage/repository/webhooks, https://forgejo.org/docs/latest/user/webhooks/,
https://github.com/gogs/docs-api/tree/master/Repositories#webhooks
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..events import Event, Headers
from ..json import Value
from .named import alone, name_in, shape_of
from .provider import Greeting, Identity, first, first_moment, header
from .shape import Shape, says, shape

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_NO_REVIEW = says(None)
_REVIEW_TIMES = "review.submitted_at pull_request.updated_at"


def _review(verdict: str) -> Shape:
    """A review's verdict, which is in the body, too."""
    kinds = {"review.type": says(f"pull_request_review_{verdict}", f"pull_request_{verdict}")}
    # A pull request's own event has a `review`, too, which is null.
    must = "pull_request review.type"
    return shape(must, "pull_request.number", _REVIEW_TIMES, never="comment", says=kinds, suffix=None)


SHAPES: dict[str, Shape] = {
    "create": shape("ref ref_type", "ref", suffix="ref_type", never="action pusher_type"),
    "delete": shape("ref ref_type pusher_type", "ref", suffix="ref_type", never="action sha"),
    "fork": shape("forkee", "forkee.html_url", "forkee.created_at", suffix=None),
    "push": shape("ref", "ref", suffix=None, never="action ref_type workflow inputs"),
    "issues": shape("issue", "issue.number", "issue.updated_at", never="comment"),
    "issue_comment": shape("issue comment", "comment.id", "comment.updated_at"),
    "pull_request": shape(
        "pull_request",
        "pull_request.number",
        "pull_request.updated_at",
        never="comment workflow_run",
        says={"review": _NO_REVIEW},
    ),
    "pull_request_approved": _review("approved"),
    "pull_request_rejected": _review("rejected"),
    "pull_request_comment": _review("comment"),
    "release": shape("release", "release.id", "release.published_at release.created_at"),
    "wiki": shape("page", "page"),
    "package": shape("package", "package.html_url", "package.created_at"),
    "status": shape("sha state context", "sha", "updated_at created_at", suffix=None),
    "workflow_run": shape("workflow_run", "workflow_run.id", "workflow_run.completed_at workflow_run.started_at"),
    "workflow_job": shape("workflow_job", "workflow_job.id", "workflow_job.completed_at workflow_job.started_at"),
    "action_run_failure": shape("run", "run.id", "run.updated", suffix=None, says={"action": says("failure")}),
    "action_run_recover": shape("run", "run.id", "run.updated", suffix=None, says={"action": says("recover")}),
    "action_run_success": shape("run", "run.id", "run.updated", suffix=None, says={"action": says("success")}),
}
"""By the event's name. A comment on a pull request is an `issue_comment` of its issue, as on GitHub."""

_NOUNS = "issue pull_request comment release page package forkee workflow_run workflow_job run ref commits context"
SHAPES["repository"] = shape("repository action", "repository.name", "repository.updated_at", never=_NOUNS)
_UNKNOWN = Shape(suffix="action")
_GENERAL: dict[str, str] = {
    **dict.fromkeys(("issue_assign", "issue_label", "issue_milestone"), "issues"),
    **dict.fromkeys(
        (f"pull_request_{what}" for what in ("assign", "label", "milestone", "sync", "review_request")), "pull_request"
    ),
    **{f"pull_request_review_{verdict}": f"pull_request_{verdict}" for verdict in ("approved", "rejected", "comment")},
}
"""Names by which a webhook asks for events, and which `X-Gitea-Event-Type` says, by those that their deliveries have.

They are one type, whichever the header says: it is not signed."""
_SOURCES = ("repository.html_url", "repo.html_url", "organization.html_url", "sender.html_url")


@dataclass(frozen=True, slots=True)
class Forge:
    """One of the forks.

    Attributes:
        name: in its types and, in one letter case or another, in its headers.
        older: the fork that it comes from, whose headers it sends as well or in place of its own.
    """

    name: str
    older: str

    @property
    def PREFIX(self) -> str:  # noqa: N802 (the Protocol's)
        """What its events' types begin with."""
        return f"com.{self.name}."

    @property
    def REMEDY(self) -> str:  # noqa: N802
        """What to change there."""
        return "set the webhook's POST Content Type to application/json"

    def greeting(self, headers: Headers, value: Value) -> Greeting | None:  # noqa: ARG002 (the Protocol's)
        """None: a test delivery is an ordinary push."""
        return None

    def to_event(self, headers: Headers, value: Value, digest: str) -> Event:
        """Map a delivery as GitHub's are mapped.

        Raises:
            MalformedEvent: a header that is no event's name.
            ValueRefused: the body is not one of the type that its header names.
        """
        at = self._header("event") if header(headers, self._header("event")) else self._header("event", older=True)
        name = name_in(headers, at, _NAME)
        name = _GENERAL.get(name, name) if name else name
        found = shape_of(SHAPES, _UNKNOWN, name=name, at=at, body=value)
        own, olders = self._header("delivery"), self._header("delivery", older=True)
        return Event(
            id=header(headers, own) or header(headers, olders) or digest,
            source=first(value, *_SOURCES) or f"/{self.name}",
            type=self.PREFIX + (name + found.ending(value) if name else "delivery"),
            subject=first(value, found.subject) if found.subject else None,
            time=first_moment(value, *found.times),
            datacontenttype="application/json",
            data=value,
        )

    def identity(self, event: Event) -> Identity:  # noqa: ARG002
        """The body: the id is not signed."""
        return "body"

    def loose(self, event: Event, chosen: Identity | None) -> bool:  # noqa: ARG002
        """Whether the name is none that is known here, or the body would be taken under another as well."""
        name = event.type.removeprefix(self.PREFIX).partition(".")[0]
        return not alone(SHAPES, name=name, body=event.data)

    def _header(self, name: str, *, older: bool = False) -> bytes:
        return f"x-{self.older if older else self.name}-{name}".encode()
