"""Every exception that leaves a module of this package.

    JobhookError
    ├── ConfigurationError          settings, sources, callers: the process does not start
    │   └── DefinitionError         a definition file: the set is not loaded
    ├── RequestError                what a sender did wrong
    │   ├── NotAuthenticated        no signature or token, or a wrong one
    │   ├── NotAllowed              who it is is known, and may not do this
    │   ├── UnknownSource           no such door
    │   ├── MalformedEvent          the request is no event
    │   ├── UnsupportedMedia        a content type or encoding that is not understood
    │   ├── TooLarge                a body over the cap
    │   ├── TooSlow                 a body that did not arrive in time
    │   ├── TooManyRequests         over a rate or a limit: later
    │   ├── NotFinished             this needs a Job that has ended
    │   └── ValueRefused            a definition or a mapping refuses the event's values
    ├── ClusterError                what the store of Jobs answered
    │   ├── ClusterUnavailable      may pass: quota, throttling, no answer; safe to send again
    │   │   └── NotPermitted        a right of ours is missing: passes when it is granted
    │   ├── ManifestRefused         refused for good: the same manifest will never be taken
    │   ├── JobExists               a Job of that name is there
    │   ├── NotFound                no object of that name
    │   ├── Conflict                the object changed meanwhile (resourceVersion or uid)
    │   └── Expired                 a continue token or a resourceVersion is too old
    ├── KeyClash                    a Job of that name with another key: never expected, an alarm
    └── SinkError                   what a sink answered
        ├── SinkUnavailable         try again, not before `retry_after`
        ├── SinkRefused             this event will never be taken
        └── SinkGone                410: the sink wants nothing any more

None of them knows of HTTP; `web.problems` holds the one table that maps them to statuses.
"""

from __future__ import annotations

from datetime import timedelta


class JobhookError(Exception):
    """The root: whatever this package raises on purpose."""


class ConfigurationError(JobhookError):
    """What the operator wrote cannot be used; the message names the place and the remedy."""


class DefinitionError(ConfigurationError):
    """A definition cannot be used.

    Attributes:
        path: the file, as text.
        line: from 1, or None where it is about the whole file.
        column: from 1, or None.
        problem: what is wrong.
        remedy: what to do about it.
        others: what else is wrong in the set, found by the same reading.
    """

    others: tuple[DefinitionError, ...] = ()

    def __init__(
        self, problem: str, *, path: str = "", line: int | None = None, column: int | None = None, remedy: str = ""
    ) -> None:
        self.path, self.line, self.column, self.problem, self.remedy = path, line, column, problem, remedy
        place = ":".join(str(part) for part in (path, line, column) if part)
        super().__init__(f"{place + ': ' if place else ''}{problem}{'; ' + remedy if remedy else ''}")


class RequestError(JobhookError):
    """A request that is not served; the message may be shown to its sender."""


class NotAuthenticated(RequestError):
    """No credentials, or wrong ones. What exactly is for the log, never for the sender."""


class NotAllowed(RequestError):
    """The caller is known and lacks the right."""


class UnknownSource(RequestError):
    """No source of that name is declared."""


class MalformedEvent(RequestError):
    """The request is no event by the rules of its format."""


class UnsupportedMedia(RequestError):
    """A content type, a content encoding or an event format that is not understood."""


class TooLarge(RequestError):
    """The body is over its cap."""


class TooSlow(RequestError):
    """The body did not arrive in time."""


class TooManyRequests(RequestError):
    """Over a rate; safe to send again after `retry_after`."""

    def __init__(self, message: str, *, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotFinished(RequestError):
    """The Job has not ended, and this can only be done with one that has."""


class ValueRefused(RequestError):
    """A value of the event cannot stand where the definition wants it."""


class ClusterError(JobhookError):
    """What the store of Jobs answered, in our words."""


class ClusterUnavailable(ClusterError):
    """The store did not take it now, and may later.

    Attributes:
        retry_after: what the store asked for, or None.
        sent: False where it is certain that the store has not acted.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None, sent: bool = True) -> None:
        super().__init__(message)
        self.retry_after, self.sent = retry_after, sent


class NotPermitted(ClusterUnavailable):
    """The store does not let us: no right to it (RBAC), or credentials that it does not take. The operator must act."""


class ManifestRefused(ClusterError):
    """The store will never take this manifest; the message says why, in the store's words."""


class JobExists(ClusterError):
    """A Job of that name is there."""


class NotFound(ClusterError):
    """No object of that name."""


class Conflict(ClusterError):
    """The object is not as it was read: read again, then decide."""


class Expired(ClusterError):
    """A continue token or a resourceVersion that the store no longer knows: list again."""


class KeyClash(JobhookError):
    """A Job has the name of our event and the key of another."""


class SinkError(JobhookError):
    """An event was not taken by a sink.

    Attributes:
        status: the HTTP status, or None where there was no answer.
        body: the first bytes of the answer, for the dead letter.
    """

    def __init__(self, message: str, *, status: int | None = None, body: bytes = b"") -> None:
        super().__init__(message)
        self.status, self.body = status, body


class SinkUnavailable(SinkError):
    """No answer, or one that asks for another try.

    Attributes:
        retry_after: the least time to wait, or None.
    """

    def __init__(
        self, message: str, *, status: int | None = None, body: bytes = b"", retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message, status=status, body=body)
        self.retry_after = retry_after


class SinkRefused(SinkError):
    """The sink will never take this event."""


class SinkGone(SinkRefused):
    """The sink answered 410: it is retired."""
