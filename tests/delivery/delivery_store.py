"""A faithful store of Jobs in memory: resourceVersions, merge patches, selectors, pages, a watch; and a way to cut it off."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

from changed import replace

from webhook import marks
from webhook.errors import ClusterUnavailable, Conflict, Expired, NotFound
from webhook.job import Container, End, Job, Pod
from webhook.ports import Change, Page, Seen

SIGNATURE = "jobhook"
START = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryJobs:
    """Implement the parts of `webhook.ports.Jobs` that completions and sweeps use."""

    namespace = "jobs"

    def __init__(self):
        self.held, self.pods_of, self.warnings_of = {}, {}, {}
        self.calls, self.deleted, self.selectors = [], [], []
        self.expire_after = None  # answers Expired to the continue token of so many pages, once
        self._versions = itertools.count(1)
        self._queues = []

    def put(self, job):
        """Store a Job as it is, with a version of its own, and tell the watchers."""
        job = replace(job, resource_version=str(next(self._versions)))
        self.held[job.name] = job
        self._tell(job)
        return job

    def remove(self, name):
        job = self.held.pop(name)
        self._tell(job, gone=True)

    async def read(self, name):
        self.calls.append(("read", name))
        await asyncio.sleep(0)
        return self._ours(name)

    async def list(self, labels=None, *, limit=500, after=None):
        self.calls.append(("list", after))
        self.selectors.append(dict(labels or {}))
        await asyncio.sleep(0)
        if self.expire_after is not None and after is not None:
            self.expire_after = None
            raise Expired("too old")
        names = sorted(name for name, job in self.held.items() if self._selected(job, labels) and name > (after or ""))
        jobs = tuple(self.held[name] for name in names[:limit])
        return Page(jobs, names[limit - 1] if len(names) > limit else None)

    async def patch(self, name, patch, *, resource_version):
        self.calls.append(("patch", name))
        await asyncio.sleep(0)
        job = self._ours(name)
        if resource_version is not None and job.resource_version != resource_version:
            raise Conflict(name)
        metadata = patch["metadata"]
        return self.put(
            replace(
                job,
                labels=_merged(job.labels, metadata.get("labels", {})),
                annotations=_merged(job.annotations, metadata.get("annotations", {})),
            )
        )

    async def delete(self, name, *, uid, resource_version=None):
        self.calls.append(("delete", name))
        await asyncio.sleep(0)
        job = self._ours(name)
        if job.uid != uid or resource_version not in {None, job.resource_version}:
            raise Conflict(name)
        self.deleted.append(name)
        self.remove(name)

    async def pods(self, name):
        self._ours(name)
        return self.pods_of.get(name, ())

    async def warnings(self, name):
        self._ours(name)
        return self.warnings_of.get(name, ())

    async def follow(self, labels=None):
        queue = asyncio.Queue()
        self._queues.append((queue, labels))
        try:
            yield Change(Seen.LISTING)
            for job in [job for job in self.held.values() if self._selected(job, labels)]:
                yield Change(Seen.PRESENT, job)
            yield Change(Seen.SYNCED)
            while True:
                yield await queue.get()
        finally:
            self._queues.remove((queue, labels))

    def _tell(self, job, *, gone=False):
        for queue, labels in self._queues:
            gone = gone or not self._selected(job, labels)
            queue.put_nowait(Change(Seen.GONE if gone else Seen.PRESENT, job))

    def _ours(self, name):
        if name not in self.held or not self._selected(self.held[name], None):
            raise NotFound(name)
        return self.held[name]

    @staticmethod
    def _selected(job, labels):
        wanted = {marks.MANAGED_BY: SIGNATURE, **(labels or {})}
        return wanted.items() <= job.labels.items()


class CutOff:
    """The same store through a connection that can be cut: what a killed process does from there on does not happen."""

    namespace = MemoryJobs.namespace

    def __init__(self, store):
        self._store, self.cut = store, False

    def __getattr__(self, name):
        method = getattr(self._store, name)

        async def through(*args, **kwargs):
            if self.cut:
                raise ClusterUnavailable("cut off")
            return await method(*args, **kwargs)

        return method if name == "follow" else through


def _merged(old, patch):
    merged = {**old, **patch}
    return {name: value for name, value in merged.items() if value is not None}


def finished(
    name, *, succeeded=True, cancelled=False, annotations=None, labels=None, at=START + timedelta(seconds=9), **fields
):
    """A Job of ours that has ended and whose completion is pending."""
    return Job(
        name=name,
        namespace="jobs",
        uid=f"uid-{name}",
        resource_version="",
        labels={
            marks.MANAGED_BY: SIGNATURE,
            marks.DEFINITION: "build",
            marks.COMPLETION: marks.PENDING,
            **(labels or {}),
        },
        annotations={
            marks.KEY: "0" * 64,
            **({marks.CANCELLED: '{"by":"ops","reason":"GroupFull"}'} if cancelled else {}),
            **(annotations or {}),
        },
        created=START,
        started=START,
        end=End(
            succeeded=succeeded,
            reason="CompletionsReached" if succeeded else "BackoffLimitExceeded",
            message="",
            at=at,
        ),
        succeeded=int(succeeded),
        failed=int(not succeeded),
        **fields,
    )


def pod(name="p", *, phase="Succeeded", index=None, containers=(), **fields):
    """A pod with its containers."""
    return Pod(name=name, phase=phase, created=START, index=index, containers=tuple(containers), **fields)


def ended(name="main", *, exit_code=0, reason=None, message="", at=5, init=False):
    """A terminated container."""
    return Container(
        name=name,
        init=init,
        state="terminated",
        reason=("Error" if exit_code else "Completed") if reason is None else reason,
        message=message,
        exit_code=exit_code,
        finished=START + timedelta(seconds=at),
    )
