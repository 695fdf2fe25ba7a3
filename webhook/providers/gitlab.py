"""GitLab's webhooks, https://docs.gitlab.com/user/project/integrations/webhook_events/.

A body tells its own type (`object_kind`, or `event_name` of members', groups' and the instance's events), so the header
that repeats it is read only where the body does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import MalformedEvent
from ..events import Event, Headers
from ..json import Value
from .provider import Greeting, Identity, first, first_moment, header

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_ENDINGS = {
    "pipeline": "object_attributes.status",
    "build": "build_status",
    "deployment": "status",
    "push": None,
    "tag_push": None,
}
"""Where the types that have no action end by a state, or by nothing."""
_SUBJECTS = {
    "push": "ref",
    "tag_push": "ref",
    "build": "build_id",
    "deployment": "deployment_id",
    "release": "tag",
    "wiki_page": "object_attributes.slug",
}
_SOURCES = ("project.web_url", "repository.homepage", "group.web_url")
_TIMES = ("object_attributes.updated_at", "updated_at", "object_attributes.created_at", "created_at")


@dataclass(frozen=True, slots=True)
class Gitlab:
    """GitLab by one of its two signatures.

    Attributes:
        id_header: that holds the delivery's id.
        by: what identifies a delivery: a token signs nothing, and GitLab's other signature covers the id.
    """

    id_header: bytes
    by: Identity

    @property
    def PREFIX(self) -> str:  # noqa: N802 (the Protocol's)
        """What its events' types begin with."""
        return "com.gitlab."

    @property
    def REMEDY(self) -> str:  # noqa: N802
        """What to change there."""
        return "GitLab sends JSON; take what changes it on the way out"

    def greeting(self, headers: Headers, value: Value) -> Greeting | None:  # noqa: ARG002 (the Protocol's)
        """None: a test delivery is an ordinary event."""
        return None

    def to_event(self, headers: Headers, value: Value, digest: str) -> Event:
        """Map a delivery; `com.gitlab.` is followed by the body's kind and its action or state."""
        name = _kind(value) or _named(headers)
        subject = _SUBJECTS.get(name or "")
        return Event(
            id=header(headers, self.id_header) or digest,
            source=first(value, *_SOURCES) or "/gitlab",
            type=self.PREFIX + (name + _ending(name, value) if name else "delivery"),
            subject=first(value, subject) if subject else first(value, "object_attributes.iid", "object_attributes.id"),
            time=first_moment(value, *_TIMES),
            datacontenttype="application/json",
            data=value,
        )

    def identity(self, event: Event) -> Identity:  # noqa: ARG002
        """What identifies each of its deliveries."""
        return self.by

    def loose(self, event: Event, chosen: Identity | None) -> bool:  # noqa: ARG002
        """Whether the body names nothing, so that the header was read."""
        return _kind(event.data) is None


GITLAB = Gitlab(id_header=b"x-gitlab-event-uuid", by="body")
GITLAB_SIGNING = Gitlab(id_header=b"webhook-id", by="id")


def _kind(value: Value) -> str | None:
    return first(value, "object_kind", "event_name")


def _named(headers: Headers) -> str | None:
    """`Merge Request Hook` → `merge_request`."""
    given = header(headers, b"x-gitlab-event")
    if given is None:
        return None
    name = given.lower().removesuffix(" hook").replace(" ", "_")
    if not _NAME.fullmatch(name):
        raise MalformedEvent("the header x-gitlab-event is no event's name")
    return name


def _ending(name: str, value: Value) -> str:
    if name not in _ENDINGS:
        found = first(value, "object_attributes.action", "action")
    else:
        path = _ENDINGS[name]
        found = first(value, path) if path else None
    return f".{found}" if found else ""
