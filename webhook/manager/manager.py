"""`JobManager`: submit Jobs and look after them, as the receiver's Job API does, without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..cancel import cancel
from ..errors import ValueRefused
from ..job import Job
from ..json import NotJson, dump
from ..rerun import rerun
from ..submit import Order
from . import ending
from .looking import Looking
from .retention import Retention
from .session import name_of

PATIENCE = 30.0
"""Seconds that a submit waits for a cluster that blinks."""
MAX_KEY = 255


class JobManager(Looking, Retention):
    """Jobs of one namespace that bear one signature, and the definitions that they are made by.

    Made by `JobManagerFactory`. Entering connects and loads the definitions, which are read again whenever their files
    change; leaving disconnects. On the local cluster Jobs are processes of this one: they end when it is left.
    Every call may raise `ClusterUnavailable` (not now; safe to call again).

    >>> import asyncio, os, pathlib, tempfile
    >>> from webhook import JobManagerFactory
    >>> definition = '''
    ... name: greet
    ... params: {whom: {default: world}}
    ... spec: |
    ...   apiVersion: batch/v1
    ...   kind: Job
    ...   spec:
    ...     template:
    ...       spec:
    ...         restartPolicy: Never
    ...         containers: [{name: main, image: busybox, command: [echo, hello], args: [{{ whom }}]}]
    ... '''
    >>> async def main(folder):
    ...     file = pathlib.Path(folder, "greet.yaml")
    ...     _ = file.write_text(definition)
    ...     environ = {"JOBHOOK_CLUSTER": "local", "JOBHOOK_DATA": folder + "/data"}
    ...     factory = JobManagerFactory.from_vars("doctest", "default", str(file), environ=environ)
    ...     async with factory.manager() as manager:
    ...         name = await manager.create_job("greet", {"whom": "you"}, idempotency_key="once")
    ...         assert name == await manager.create_job("greet", {"whom": "you"}, idempotency_key="once")
    ...         job = await manager.wait_job(name)
    ...         print(job.state, [job.definition for job in await manager.list_jobs()])
    ...         print(*(await manager.job_logs(name)).splitlines()[1:], sep="|")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     asyncio.run(main(folder))
    succeeded ['greet']
    hello you|=======
    """

    async def create_job(
        self,
        job_definition_name: str,
        template_args: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        *,
        labels: Mapping[str, str] | None = None,
    ) -> str:
        """Create a Job and answer its name; it exists when this returns.

        Args:
            job_definition_name: one of `definitions`.
            template_args: the definition's parameters by name: texts, numbers, booleans, or with `type: json` any JSON.
            idempotency_key: at most 255 printable characters. The same key of the same caller is the same Job, also
                after that has gone, for as long as `remember` says. None: each call creates one.
            labels: for the Job, beside those of its definition.

        Raises:
            NotFound: there is no such definition.
            ValueRefused: a parameter, a label or the manifest is refused, or the key stands for something else.
            ClusterUnavailable: not within 30 seconds; with a key it is safe to call again.
        """
        params = dict(template_args or {})
        _check(params, idempotency_key)
        order = Order(
            definition=job_definition_name, params=params, labels=labels or {}, by=self._caller, key=idempotency_key
        )
        submitter = self._parts.submitter if idempotency_key is None else self._parts.remembering
        return (await submitter.submit(order, deadline=_deadline())).name

    async def rerun_job(self, job: Job | str, idempotency_key: str | None = None) -> str:
        """Create a Job of the same parameters by today's definition, and answer the new one's name.

        Raises:
            NotFound: the old Job is gone.
            ValueRefused: it does not hold its parameters, or today's definition does not take them.
        """
        _check({}, idempotency_key)
        parts = self._parts
        submitter = parts.submitter if idempotency_key is None else parts.remembering
        launched = await rerun(
            submitter,
            parts.jobs,
            name_of(job),
            by=self._caller,
            key=idempotency_key,
            deadline=_deadline(),
            payloads=parts.cluster.payloads,
        )
        return launched.name

    async def delete_job(self, job: Job | str) -> None:
        """Delete a Job at once with its pods, logs and, if it was not delivered yet, its completion.

        Its idempotency key, or its event, stays known: neither launches it once more. `cancel_job` keeps the Job.

        Raises:
            NotFound: no such Job, or it is another one by now.
        """
        await ending.delete(self._parts.jobs, self._parts.ledger, job)

    async def cancel_job(self, job: Job | str, reason: str = "") -> Job:
        """Order a Job's end; it stays, as `cancelled`, and its completion says by whom and why.

        One that has ended already stays as it is. Raises NotFound.
        """
        return await cancel(self._parts.jobs, name_of(job), by=self._caller, reason=reason, now=datetime.now(UTC))


def _deadline() -> float:
    return asyncio.get_running_loop().time() + PATIENCE


def _check(params: Mapping[str, Any], key: str | None) -> None:
    """Refuse what no store could hold. Raises ValueRefused."""
    if key is not None and not (0 < len(key) <= MAX_KEY and key.isprintable()):
        raise ValueRefused(f"an idempotency key has 1 to {MAX_KEY} printable characters")
    try:
        dump(params)
    except NotJson as error:
        raise ValueRefused(f"the parameters are no JSON: {error}") from error
