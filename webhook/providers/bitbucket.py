"""Atlassian's webhooks: Bitbucket Cloud, Bitbucket Server (Data Center) and Jira, which sign alike.

https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/
https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
https://developer.atlassian.com/cloud/jira/platform/webhooks/

A body of Server or Jira tells its own type. One of Cloud does not, and its header is not signed.
"""

from __future__ import annotations

import re

from ..events import Event, Headers
from ..json import Value
from .named import alone, name_in, shape_of
from .provider import Greeting, Identity, first, first_moment, header, look, text
from .shape import Shape, says, shape

PREFIX = "com.bitbucket."
REMEDY = "Bitbucket and Jira send JSON; take what changes it on the way out"

_KEY = b"x-event-key"
_NAME = re.compile(r"[a-z_]+(:[a-z_]+){1,2}")
_IDS = (b"x-request-uuid", b"x-request-id", b"x-atlassian-webhook-identifier")
"""Of Cloud, Server and Jira."""
_SOURCES = (
    "repository.links.html.href",
    "repository.links.self.0.href",
    "pullRequest.toRef.repository.links.self.0.href",
    "issue.fields.project.self",
    "project.self",
)
_TIMES = ("date", "timestamp", "comment.updated_on", "commit_status.updated_on", "pullrequest.updated_on")
_SUBJECTS = ("pullrequest.id", "pullRequest.id", "issue.key", "issue.id", "push.changes.0.new.name")
_CLOCK = re.compile(r"(.*T.*[+-]\d\d)(\d\d)")


def _pull(must: str = "", state: str | None = None) -> Shape:
    """A pull request's event, by the keys that it has beside it."""
    beside = {"approval", "changes_request", "comment"} - set(must.split())
    states = {"pullrequest.state": says(state, None)} if state else None
    return shape(f"pullrequest {must}", never=" ".join(sorted(beside)), says=states, suffix=None)


SHAPES: dict[str, Shape] = {
    "repo:push": shape("push", suffix=None),
    "repo:fork": shape("fork", suffix=None),
    "repo:commit_comment_created": shape("comment commit", suffix=None, never="issue pullrequest"),
    "repo:commit_status_created": shape("commit_status", suffix=None),
    "repo:commit_status_updated": shape("commit_status", suffix=None),
    "issue:created": shape("issue", suffix=None, never="changes comment"),
    "issue:updated": shape("issue changes", suffix=None),
    "issue:comment_created": shape("issue comment", suffix=None, never="changes"),
    "pullrequest:created": _pull(state="OPEN"),
    "pullrequest:updated": _pull(state="OPEN"),
    "pullrequest:fulfilled": _pull(state="MERGED"),
    "pullrequest:rejected": _pull(state="DECLINED"),
    "pullrequest:approved": _pull("approval"),
    "pullrequest:unapproved": _pull("approval"),
    "pullrequest:changes_request_created": _pull("changes_request"),
    "pullrequest:changes_request_removed": _pull("changes_request"),
    "pullrequest:comment_created": _pull("comment"),
    "pullrequest:comment_updated": _pull("comment"),
    "pullrequest:comment_deleted": _pull("comment"),
}
"""Bitbucket Cloud's, by the event's key."""
_NOUNS = "push fork changes comment commit commit_status issue pullrequest"
SHAPES |= {
    "repo:updated": shape("changes", suffix=None, never="issue pullrequest"),
    **{f"repo:{name}": shape(suffix=None, never=_NOUNS) for name in ("created", "deleted", "imported", "transfer")},
    **{f"pullrequest:{name}": _pull("comment") for name in ("comment_resolved", "comment_reopened")},
}
_UNKNOWN = Shape()


def greeting(headers: Headers, value: Value) -> Greeting | None:
    """Recognise Bitbucket Server's test of a connection."""
    return Greeting() if header(headers, _KEY) == "diagnostics:ping" and value == {"test": True} else None


def to_event(headers: Headers, value: Value, digest: str) -> Event:
    """Map a delivery; colons of its key become dots, and Jira's types have `jira.` before them.

    Raises:
        MalformedEvent: a header that is no event's key.
        ValueRefused: the body is not one of the type that its header names.
    """
    return Event(
        id=next(filter(None, (header(headers, name) for name in _IDS)), digest),
        source=first(value, *_SOURCES) or _server(value),
        type=PREFIX + _type(headers, value),
        subject=first(value, *_SUBJECTS),
        time=first_moment(value, *_TIMES) or _spelled(look(value, "date")),
        datacontenttype="application/json",
        data=value,
    )


def identity(event: Event) -> Identity:  # noqa: ARG001 (the Protocol's)
    """The body: the id is not signed."""
    return "body"


def loose(event: Event, chosen: Identity | None) -> bool:  # noqa: ARG001
    """Whether it is Cloud's, and its key none that is known here or one of several that would take the body."""
    if _named_within(event.data):
        return False
    name = event.type.removeprefix(PREFIX).replace(".", ":")
    return not alone(SHAPES, name=name, body=event.data)


def _type(headers: Headers, value: Value) -> str:
    if within := _named_within(value):
        return within
    name = name_in(headers, _KEY, _NAME)
    shape_of(SHAPES, _UNKNOWN, name=name, at=_KEY, body=value)
    return name.replace(":", ".") if name else "delivery"


def _named_within(value: Value) -> str | None:
    """The type that a body of Jira or Server tells."""
    if jira := first(value, "webhookEvent"):
        return "jira." + jira.removeprefix("jira:").replace(":", ".")
    if server := first(value, "eventKey"):
        return server.replace(":", ".")
    return None


def _server(value: Value) -> str:
    """A repository of Bitbucket Server that has no link: its path there."""
    for at in ("repository", "pullRequest.toRef.repository"):
        project, slug = text(look(value, f"{at}.project.key")), text(look(value, f"{at}.slug"))
        if project and slug:
            return f"/projects/{project}/repos/{slug}"
    return "/bitbucket"


def _spelled(value: Value) -> str | None:
    """Bitbucket Server's `+0100` as RFC 3339 writes it."""
    found = _CLOCK.fullmatch(value) if type(value) is str else None
    return first_moment({"at": f"{found[1]}:{found[2]}"}, "at") if found else None
