"""A file → the event that it would be: a CloudEvent in JSON, or what a provider sends."""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches

from ..errors import JobhookError, RequestError
from ..events import EVENTS_DOOR, Arrival, Headers, decode
from ..providers import PROVIDERS, Greeting, Provider, receive, standard_webhooks, svix

STEPS_DOOR = "jobs"
"""The door of our own completions on their next step."""
COMPLETIONS = "dev.jobhook.job."

_STRUCTURED: Headers = [(b"content-type", b"application/cloudevents+json")]
_NAMES = {
    "github": b"x-github-event",
    "github-sha1": b"x-github-event",
    "gitlab": b"x-gitlab-event",
    "gitlab-signing": b"x-gitlab-event",
    "gitea": b"x-gitea-event",
    "forgejo": b"x-forgejo-event",
    "gogs": b"x-gogs-event",
    "bitbucket": b"x-event-key",
    "shopify": b"x-shopify-topic",
}
"""The header that names an event, of providers that do not name it in the body."""
_NEEDED = {
    "github": "github:push",
    "github-sha1": "github-sha1:push",
    "gitea": "gitea:push",
    "forgejo": "forgejo:push",
    "gogs": "gogs:push",
    "bitbucket": "bitbucket:repo:push",
    "shopify": "shopify:orders/create",
}
"""Those that cannot do without it, with an example."""


class NoEvent(JobhookError):
    """The text is no event; the message says why, and what to do."""


def read_arrival(text: bytes, *, sent_as: str | None = None, via: str | None = None, now: datetime) -> Arrival:
    """Read an event as it would arrive.

    Args:
        text: a CloudEvent in JSON, or a provider's payload.
        sent_as: `SCHEME` or `SCHEME:EVENT` of a provider's payload, such as `github:push`; None for a CloudEvent.
        via: the door; by default a provider's scheme, `jobs` for our own completions, else `events`.
        now: when it came, aware.

    Raises:
        NoEvent: it is none, or no provider of that name is known.
    """
    try:
        if sent_as is not None:
            return _delivered(text, sent_as, via, now)
        (event,) = decode(_STRUCTURED, text).events
    except RequestError as error:
        remedy = "" if sent_as else "; a provider's payload needs --as, such as --as github:push"
        raise NoEvent(f"{error}{remedy}") from error
    door = via or (STEPS_DOOR if event.type.startswith(COMPLETIONS) else EVENTS_DOOR)
    return Arrival(event=event, via=door, identity=event.id, received=now)


def _delivered(text: bytes, sent_as: str, via: str | None, now: datetime) -> Arrival:
    scheme, _, name = sent_as.partition(":")
    provider = _provider(scheme, via or scheme)
    if not name and scheme in _NEEDED:
        raise NoEvent(f"--as {scheme} needs the event's name, which {scheme} says in a header: --as {_NEEDED[scheme]}")
    headers = [(b"content-type", b"application/json")]
    if name and scheme in _NAMES:
        headers.append((_NAMES[scheme], name.encode("ascii", "replace")))
    delivery = receive(provider, headers, text)
    if isinstance(delivery, Greeting):
        raise NoEvent(f"{sent_as} is {scheme}'s test of the address: it is answered, and calls nothing")
    return Arrival(event=delivery.event, via=via or scheme, identity=delivery.identity, received=now)


def _provider(scheme: str, name: str) -> Provider:
    if scheme in PROVIDERS:
        return PROVIDERS[scheme]
    made = {"standard-webhooks": standard_webhooks, "svix": svix}
    if scheme in made:
        return made[scheme](f"/hooks/{name}")
    known = sorted({*PROVIDERS, *made})
    near = get_close_matches(scheme, known, 1, 0.6)
    remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise NoEvent(f"--as {scheme}: there is no such scheme; {remedy}")
