"""What becomes of each definition that an event calls, and how a Job that is there already tells it."""

from __future__ import annotations

from datetime import timedelta

import structlog

from . import marks
from .errors import ClusterUnavailable, KeyClash
from .job import Job
from .json import Struct

log = structlog.get_logger(__name__)


class Launched(Struct, frozen=True, kw_only=True):
    """The Job exists.

    Attributes:
        created: by this very request; False for a duplicate.
        gone: it did exist, and was cleaned up.
    """

    definition: str
    name: str
    created: bool
    gone: bool = False


class Refused(Struct, frozen=True, kw_only=True):
    """No Job, and the same event will never make one."""

    definition: str
    reason: str


class Postponed(Struct, frozen=True, kw_only=True):
    """No Job that we know of yet; the same event is safe to send again, not before `retry_after`."""

    definition: str
    reason: str
    retry_after: timedelta | None = None

    @classmethod
    def by(cls, error: ClusterUnavailable, definition: str) -> Postponed:
        """By what the store answered."""
        return cls(definition=definition, reason=str(error), retry_after=error.retry_after)


class Clashed(Struct, frozen=True, kw_only=True):
    """No Job, as another's has its name: never expected, an alarm."""

    definition: str
    reason: str


Placed = Launched | Refused | Postponed
Fate = Placed | Clashed


def recognise(job: Job, definition: str, *, key: str, receipt: str = "") -> Launched | Postponed:
    """Tell what a Job of an event's name means: our own create whose answer was lost, a duplicate, or an alarm.

    Raises:
        KeyClash: it is another event's.
    """
    if job.annotations.get(marks.KEY) != key:
        log.critical("job.key_clash", job=job.name)
        raise KeyClash(f"the Job {job.name} belongs to another event")
    if job.deleting:
        return Postponed(definition=definition, reason=f"the Job {job.name} is being deleted")
    return Launched(definition=definition, name=job.name, created=job.annotations.get(marks.RECEIPT) == receipt)
