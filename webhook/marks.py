"""The labels and annotations that we write on Jobs, and their reading: the only database there is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .json import NotJson, Struct, as_type, dump

MANAGED_BY = "app.kubernetes.io/managed-by"
"""Holds JOB_SIGNATURE; the one selector of every list, watch and delete."""
DEFINITION = "jobhook.dev/definition"
ANCESTOR_DEFINITION = "job_definition_name"
"""Read, never written: Jobs of the ancestor's making."""
ANCESTOR_DELETION_TIME = "job_deletion_time_unix_sec"
"""Annotation: from when on `JobManager.cleanup_jobs` may delete a Job, in whole seconds since the epoch."""
EVENT = "jobhook.dev/event"
COMPLETION = "jobhook.dev/completion"
GROUP = "jobhook.dev/group"
LEDGER = "jobhook.dev/ledger"
"""On records: `segment`, a part of the ledger."""
FORGET_AFTER = "jobhook.dev/forget-after"
"""On segments: the last day, as `2026-01-31`, on which their keys are known."""

PAYLOAD = "jobhook.dev/payload"
"""On records: `event`, a large event that a Job mounts."""

KEY = "jobhook.dev/key"
TYPED_KEY = "jobhook.dev/typed-key"
"""Of an event whose type only an unsigned header tells: its key under that type (`identity.typed_key`)."""
EVENT_KEY = "jobhook.dev/event-key"
"""Of such an event, too: its key whatever the type (`identity.event_key`)."""
RECEIPT = "jobhook.dev/receipt"
RECEIVED_AT = "jobhook.dev/received-at"
CAUSE = "jobhook.dev/cause"
HOPS = "jobhook.dev/hops"
DIGEST = "jobhook.dev/definition-digest"
RETENTION = "jobhook.dev/retention"
EVENT_DATA = "jobhook.dev/event-data"
"""On the pod template: the whole event, for the downwardAPI volume of `event: file`."""
CLAIM = "jobhook.dev/claim"
DELIVERY = "jobhook.dev/delivery"
COMPLETION_DATA = "jobhook.dev/completion-data"
CANCELLED = "jobhook.dev/cancelled"
HOLD = "jobhook.dev/hold"
PARAMS = "jobhook.dev/params"
RERUN_OF = "jobhook.dev/rerun-of"
"""Label and annotation: the name of the Job that this one repeats."""
REQUEST = "jobhook.dev/request"
"""Of a submit: SHA-256 over what was asked for, so that a key stands for one thing."""
SUBMITTED_BY = "jobhook.dev/submitted-by"

PENDING = "pending"
DELIVERED = "delivered"
FAILED = "failed"
DEAD = "dead"
"""Values of the `COMPLETION` label."""

FIELD_MANAGER = "jobhook"

_WORD = re.compile(r"[A-Z][A-Za-z]{1,63}")


class Cause(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The event that began a Job, as the Job's `CAUSE` annotation keeps it: without what is not set.

    Attributes:
        via: the door that it came by.
        correlationid: inherited, or the first event's id.
        traceparent: W3C Trace Context, or None.
    """

    id: str
    source: str
    type: str
    via: str
    subject: str | None = None
    time: str | None = None
    correlationid: str | None = None
    traceparent: str | None = None

    def dump(self) -> str:
        """As the annotation holds it."""
        return dump(self).decode()

    @classmethod
    def load(cls, annotations: Mapping[str, str]) -> Cause | None:
        """Read it from a Job's annotations; None where there is none, or none that can be read."""
        try:
            return as_type(annotations[CAUSE], cls)
        except (KeyError, NotJson):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Who ordered a Job's end, as the Job's `CANCELLED` annotation keeps it.

    Attributes:
        reason: a word in CamelCase (`GroupFull`), or what a person wrote; may be empty.
        message: for people, beyond the reason; empty where the reason says it all.
        at: RFC 3339 text.
    """

    by: str = ""
    reason: str = ""
    message: str = ""
    at: str | None = None

    @property
    def word(self) -> str:
        """The reason in one word, as reasons are in Kubernetes."""
        return self.reason if _WORD.fullmatch(self.reason) else "Cancelled"

    @property
    def told(self) -> str:
        """All of it for people."""
        text = f"cancelled by {self.by}" if self.by else "cancelled"
        return ": ".join(filter(None, (text, self.reason, self.message)))

    def dump(self) -> str:
        """As the annotation holds it."""
        return dump({name: text for name in self.__slots__ if (text := getattr(self, name))}).decode()

    @classmethod
    def load(cls, annotations: Mapping[str, str]) -> Cancelled | None:
        """Read it from a Job's annotations; None where there is none, without its fields where it cannot be read."""
        if CANCELLED not in annotations:
            return None
        try:
            return as_type(annotations[CANCELLED], cls)
        except NotJson:
            return cls()


def remembered_keys(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """What of a Job has to be in the ledger before it goes; nothing where it is none of ours."""
    if KEY not in annotations:
        return ()
    return tuple(annotations[name] for name in (KEY, TYPED_KEY, EVENT_KEY) if name in annotations)


def selector(labels: Mapping[str, str]) -> str:
    """A label selector by equality, as Kubernetes writes it.

    >>> selector({MANAGED_BY: "jobhook", COMPLETION: PENDING})
    'app.kubernetes.io/managed-by=jobhook,jobhook.dev/completion=pending'
    """
    return ",".join(f"{name}={value}" for name, value in labels.items())
