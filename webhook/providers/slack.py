"""Slack's Events API, https://docs.slack.dev/apis/events-api/; id and type are in the signed body."""

from __future__ import annotations

from ..errors import MalformedEvent
from ..events import Event, Headers
from ..json import Value
from .provider import Greeting, Identity, first, first_moment

PREFIX = "com.slack."
REMEDY = "use Slack's Events API, which sends JSON; slash commands and interactivity send forms"


def greeting(headers: Headers, value: Value) -> Greeting | None:  # noqa: ARG001 (the Protocol's)
    """Answer the URL verification by its challenge. Raises MalformedEvent where it has none."""
    if value.get("type") != "url_verification":
        return None
    challenge = value.get("challenge")
    if type(challenge) is not str or not challenge:
        raise MalformedEvent("the URL verification has no challenge")
    return Greeting(challenge.encode())


def to_event(headers: Headers, value: Value, digest: str) -> Event:  # noqa: ARG001
    """Map an event; `com.slack.` is followed by the inner event's type, the source is the workspace."""
    team = first(value, "team_id", "enterprise_id")
    return Event(
        id=first(value, "event_id") or digest,
        source=f"https://slack.com/teams/{team}" if team else "https://slack.com",
        type=PREFIX + (first(value, "event.type", "type") or "delivery"),
        subject=first(value, "event.channel", "event.channel.id", "event.item.channel", "event.user", "event.user.id"),
        time=first_moment(value, "event_time"),
        datacontenttype="application/json",
        data=value,
    )


def identity(event: Event) -> Identity:  # noqa: ARG001
    """The id: it is signed."""
    return "id"


def loose(event: Event, chosen: Identity | None) -> bool:  # noqa: ARG001
    """False: the type is in the signed body."""
    return False
