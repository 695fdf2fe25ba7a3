"""The Jobs of one namespace, on an API server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

from ... import marks
from ...errors import ClusterUnavailable, Conflict, Expired, ManifestRefused, NotFound
from ...job import Job, Pod, WarningEvent
from ...json import dump, load
from ...ports import Change, Manifest, Page
from ..objects import JobList, JobObject
from ..reading import read_job
from . import pods
from .answers import read
from .call import MERGE_PATCH, Call
from .feed import Feed
from .names import WRITE, is_label, is_name, selector
from .transport import Transport
from .watches import Watches

TRIES = 5
"""At a change that depends on what was read, while others change the same Job."""


class KubernetesJobs:
    """`ports.Jobs` over `transport`; every list, watch and look goes by one selector."""

    def __init__(
        self, transport: Transport, watches: Watches, *, namespace: str, signature: str, barred: str | None = None
    ) -> None:
        self._transport, self._watches = transport, watches
        self._namespace, self._signature, self._barred = namespace, signature, barred
        self._path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._create = Call(verb="create", path=self._path, query=WRITE)

    @property
    def namespace(self) -> str:
        """Where the Jobs are."""
        return self._namespace

    async def create(self, manifest: Manifest) -> Job:
        """Create a Job: one POST. Raises JobExists, ManifestRefused."""
        self._bar(manifest)
        return read_job(read(await self._transport.post(self._create, dump(manifest)), JobObject))

    async def dry_run(self, manifest: Manifest) -> None:
        """Let the API server judge a Job that it does not keep, whatever its name. Raises ManifestRefused."""
        self._bar(manifest)
        metadata = {key: value for key, value in manifest["metadata"].items() if key != "name"}
        body = dump({**manifest, "metadata": {**metadata, "generateName": "jobhook-check-"}})
        await self._transport.send(Call(verb="create", path=self._path, query={**WRITE, "dryRun": "All"}, body=body))

    def _bar(self, manifest: Manifest) -> None:
        """Refuse our own service account: its rights over Jobs and records are no Job's."""
        if self._barred is None:
            return
        pod = manifest["spec"]["template"]["spec"]
        for field in ("serviceAccountName", "serviceAccount"):
            if pod.get(field) == self._barred:
                raise ManifestRefused(
                    f"spec.template.spec.{field}: {self._barred} is the receiver's own service account; "
                    f"give Jobs one of theirs"
                )

    async def read(self, name: str) -> Job:
        """Read one Job. Raises NotFound."""
        return read_job(read(await self._get(name), JobObject))

    async def _get(self, name: str) -> bytes:
        call = Call(verb="get", path=self._at(name))
        body = await self._transport.send(call)
        if (read(body, JobObject).metadata.labels or {}).get(marks.MANAGED_BY) != self._signature:
            raise NotFound(f"{name}: no such Job of ours")
        return body

    async def manifest(self, name: str) -> Manifest:
        """Read one Job whole. Raises NotFound."""
        whole: Manifest = load(await self._get(name))
        return whole

    async def list(
        self, labels: Mapping[str, str] | None = None, *, limit: int = 500, after: str | None = None
    ) -> Page:
        """List a page. Raises Expired."""
        if not all(is_label(value) for value in (labels or {}).values()):
            return Page(())  # no label can have such a value
        query = {"labelSelector": selector(self._signature, labels), "limit": str(limit)}
        if after is not None:
            if not after:  # to the API server that would be the first page
                raise Expired("an empty token")
            query["continue"] = after
        page = read(await self._transport.send(Call(verb="list", path=self._path, query=query)), JobList)
        return Page([read_job(item) for item in page.items or ()], page.metadata.after or None)

    async def follow(self, labels: Mapping[str, str] | None = None) -> AsyncGenerator[Change]:
        """Follow without end."""
        feed = Feed(self._path, {"labelSelector": selector(self._signature, labels)}, JobObject, read_job)
        steps = self._watches.follow("jobs", feed)
        async with aclosing(steps):
            async for seen, job in steps:
                yield Change(seen, job)

    async def patch(self, name: str, patch: Mapping[str, Any], *, resource_version: str | None) -> Job:
        """Change a Job by a merge patch. Raises NotFound, Conflict, ManifestRefused."""
        if resource_version is not None:
            # A version can only come from a reading, and what was read was ours: no second look.
            return await self._patch(name, patch, resource_version)
        for _ in range(TRIES):
            seen = await self.read(name)
            try:
                return await self._patch(name, patch, seen.resource_version)
            except Conflict:
                continue
        raise ClusterUnavailable(f"patch {name}: others change it all the time", sent=False)

    async def _patch(self, name: str, patch: Mapping[str, Any], version: str) -> Job:
        body = dump({**patch, "metadata": {**patch.get("metadata", {}), "resourceVersion": version}})
        call = Call(verb="patch", path=self._at(name), query=WRITE, body=body, content_type=MERGE_PATCH)
        return read_job(read(await self._transport.send(call), JobObject))

    async def delete(self, name: str, *, uid: str, resource_version: str | None = None) -> None:
        """Delete a Job and its pods. Raises NotFound, Conflict."""
        if resource_version is not None:
            await self._delete(name, uid, resource_version)  # as `patch`: no second look
            return
        for _ in range(TRIES):
            seen = await self.read(name)
            if seen.uid != uid:
                raise Conflict(f"{name}: it is another Job by now")
            try:
                await self._delete(name, uid, seen.resource_version)
            except Conflict:
                continue
            return
        raise ClusterUnavailable(f"delete {name}: others change it all the time", sent=False)

    async def _delete(self, name: str, uid: str, version: str) -> None:
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",  # the API's default for Jobs would leave the pods behind
            "preconditions": {"uid": uid, "resourceVersion": version},
        }
        await self._transport.send(Call(verb="delete", path=self._at(name), body=dump(options)))

    async def pods(self, name: str) -> Sequence[Pod]:
        """The pods of one Job, oldest first. Raises NotFound."""
        return await pods.of_job(self._transport, await self.read(name))

    async def log(
        self,
        pod: str,
        container: str,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        timestamps: bool = False,
        previous: bool = False,
        follow: bool = False,
    ) -> AsyncGenerator[bytes]:
        """The output of one container as it comes. Raises NotFound."""
        if not is_name(pod):
            raise NotFound(f"{pod[:80]!r}: no such pod of ours")
        owner = await pods.owner(self._transport, self._namespace, pod)
        if (await self.read(owner.name)).uid != owner.uid:
            raise NotFound(f"{pod}: no such pod of ours")
        call = pods.log_call(
            self._namespace,
            pod,
            container,
            tail=tail,
            since=since,
            timestamps=timestamps,
            previous=previous,
            follow=follow,
        )
        async with self._transport.stream(call) as stream:
            while piece := await stream.read():
                yield piece

    async def warnings(self, name: str) -> Sequence[WarningEvent]:
        """Warning Events about a Job and the pods that it has, oldest first. Raises NotFound."""
        return await pods.warnings(self._transport, await self.read(name))

    async def ping(self) -> None:
        """Read a Job that is not there: that asks the store itself, and needs no right that we lack."""
        try:
            await self.read("jobhook-ping")
        except NotFound:
            return

    def _at(self, name: str) -> str:
        if not is_name(name):
            raise NotFound(f"{name[:80]!r}: no such Job of ours")
        return f"{self._path}/{name}"
