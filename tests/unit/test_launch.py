"""Launch: what each answer of the store means, with a store that answers by a script."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from changed import replace

from webhook import definitions, marks
from webhook.clusters.objects import JobObject
from webhook.clusters.reading import read_job
from webhook.errors import ClusterUnavailable, JobExists, ManifestRefused, NotFound, NotPermitted
from webhook.events import Arrival, Event
from webhook.fates import Clashed, Launched, Postponed, Refused
from webhook.json import convert
from webhook.launch import Launcher
from webhook.metrics import Metrics

DEFINITION = """
name: one
on: [{type: t}]
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      spec:
        restartPolicy: Never
        containers: [{name: c, image: i}]
"""
ARRIVAL = Arrival(
    event=Event(id="1", source="/s", type="t", extensions={"correlationid": "c", "traceparent": "00-1-2-01"}),
    via="events",
    identity="1",
    received=datetime(2026, 1, 1, tzinfo=UTC),
    hops=3,
)


class Store:
    """Answer creates and reads by a script: an exception, a function of the stored Job, or "store" for the real thing."""

    namespace = "jobs"

    def __init__(self, *creates, reads=()):
        self.creates, self.reads = list(creates), list(reads)
        self.stored = None
        self.calls = []

    async def create(self, manifest):
        self.calls.append("create")
        answer = self.creates.pop(0) if self.creates else "store"
        if answer == "lost":  # the store acts, and its answer is lost
            self.stored = self._job(manifest)
            raise ClusterUnavailable("the connection was cut")
        if isinstance(answer, Exception):
            self.stored = self.stored or self._job(manifest)
            raise answer
        if self.stored is not None:
            raise JobExists("it is there")
        self.stored = self._job(manifest)
        return self.stored

    async def read(self, name):
        self.calls.append("read")
        answer = self.reads.pop(0) if self.reads else None
        if isinstance(answer, Exception):
            raise answer
        return answer(self.stored) if answer else self.stored

    def _job(self, manifest):
        whole = manifest | {
            "metadata": manifest["metadata"]
            | {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
        }
        return read_job(convert(whole, JobObject))


class Memory:
    """Remember what it is told to."""

    def __init__(self, *answers):
        self.answers = list(answers)

    async def remembers(self, key, *, deadline):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def launch(tmp_path):
    """Launch the arrival on a store, within a deadline in seconds."""
    (tmp_path / "one.yaml").write_text(DEFINITION)
    loaded = definitions.load(tmp_path)

    def run(store, *, arrival=ARRIVAL, seconds=0.5, memory=None):
        async def main():
            launcher = Launcher(
                store, definitions=lambda: loaded, signature="jobhook", metrics=Metrics(), memory=memory
            )
            [fate] = await launcher.launch(arrival, deadline=asyncio.get_running_loop().time() + seconds)
            return fate

        return asyncio.run(main())

    return run


def test_a_new_job_costs_one_create_and_bears_its_marks(launch):
    """Labels find it, annotations recognise and explain it."""
    store = Store()
    fate = launch(store)
    assert isinstance(fate, Launched)
    assert (fate.created, store.calls) == (True, ["create"])
    labels, annotations = store.stored.labels, store.stored.annotations
    assert (labels[marks.MANAGED_BY], labels[marks.DEFINITION], labels[marks.COMPLETION]) == (
        "jobhook",
        "one",
        "pending",
    )
    assert len(annotations[marks.KEY]) == 64
    assert annotations[marks.HOPS] == "3"
    assert annotations[marks.RECEIVED_AT] == "2026-01-01T00:00:00Z"
    cause = marks.Cause.load(annotations)
    assert (cause.id, cause.source, cause.type, cause.via, cause.correlationid, cause.traceparent) == (
        "1",
        "/s",
        "t",
        "events",
        "c",
        "00-1-2-01",
    )


def test_a_store_that_never_answers_is_waited_for_until_the_deadline(launch):
    """It may pass later: whether it acted, a repeat will tell."""

    class Silent(Store):
        async def create(self, manifest):
            self.calls.append("create")
            await asyncio.Event().wait()

    store = Silent()
    fate = launch(store, seconds=0.05)
    assert fate == Postponed(definition="one", reason="the cluster did not answer in time")
    assert store.calls == ["create"]


def test_the_same_event_is_a_duplicate_by_one_read(launch):
    """Same key, another receipt."""
    store = Store()
    first, again = launch(store), launch(store)
    assert again == replace(first, created=False)
    assert store.calls == ["create", "create", "read"]


def test_a_lost_answer_is_found_out_by_the_receipt(launch):
    """The store acted and its answer was lost: the repeat knows its own Job, and says created."""
    store = Store("lost")
    fate = launch(store, seconds=5)
    assert isinstance(fate, Launched)
    assert fate.created
    assert store.calls == ["create", "create", "read"]


def test_another_key_under_the_name_is_an_alarm(launch):
    """A collision, or a forged Job: nothing is told as launched."""
    store = Store(JobExists("it is there"), reads=[lambda job: replace(job, annotations={marks.KEY: "0" * 64})])
    assert isinstance(launch(store), Clashed)


def test_a_job_that_is_being_deleted_is_postponed(launch):
    """Its name is not free yet."""
    store = Store(JobExists("it is there"), reads=[lambda job: replace(job, deleting=True)])
    assert isinstance(launch(store), Postponed)


def test_a_job_that_went_between_the_calls_is_created_after_all(launch):
    """409, then 404: once more."""
    store = Store(JobExists("it is there"), "store", reads=[NotFound("gone")])
    store.stored = None

    async def create(manifest, real=store.create):
        try:
            return await real(manifest)
        finally:
            if len(store.calls) == 1:
                store.stored = None

    store.create = create
    fate = launch(store)
    assert isinstance(fate, Launched)
    assert fate.created


def test_a_strangers_job_under_the_name_is_an_alarm(launch):
    """409 and 404 twice: somebody else's Job has it."""
    store = Store(*[JobExists("it is there")] * 3, reads=[NotFound("no such Job of ours")] * 3)
    fate = launch(store)
    assert isinstance(fate, Clashed)
    assert "another's" in fate.reason


def test_a_blink_is_waited_for_and_an_outage_is_not(launch):
    """Within the deadline it is tried again; at its end the sender is told to come again."""
    assert isinstance(launch(Store(ClusterUnavailable("x", sent=False)), seconds=5), Launched)
    away = Store(*[ClusterUnavailable("away", retry_after=timedelta(seconds=7))] * 50)
    fate = launch(away)
    assert isinstance(fate, Postponed)
    assert fate.retry_after == timedelta(seconds=7)
    assert away.calls == ["create"]


def test_a_missing_right_is_told_at_once(launch):
    """Nobody grants it within a request."""
    store = Store(*[NotPermitted("no")] * 5)
    assert isinstance(launch(store, seconds=60), Postponed)
    assert store.calls == ["create"]


def test_what_is_refused_for_good_is_refused_with_the_stores_words(launch):
    """And not tried again."""
    store = Store(ManifestRefused("spec.x: unknown field"))
    assert launch(store) == Refused(definition="one", reason="spec.x: unknown field")
    assert store.calls == ["create"]


def test_what_is_remembered_is_gone_or_a_duplicate_by_one_read_and_never_created(launch):
    """The ledger outlives the Job."""
    gone = Store(reads=[NotFound("gone")])
    fate = launch(gone, memory=Memory(True))
    assert (fate.created, fate.gone, gone.calls) == (False, True, ["read"])
    there = Store()
    launch(there)
    fate = launch(there, memory=Memory(True))
    assert (fate.created, fate.gone, there.calls) == (False, False, ["create", "read"])
    leaving = Store()
    launch(leaving)
    leaving.reads = [lambda job: replace(job, deleting=True)]
    assert launch(leaving, memory=Memory(True)).gone


def test_a_memory_that_cannot_be_asked_postpones(launch):
    """A launch might be the second one."""
    store = Store()
    assert isinstance(launch(store, memory=Memory(ClusterUnavailable("stale"))), Postponed)
    assert store.calls == []


def test_a_job_swept_between_the_calls_is_remembered(launch):
    """409, then 404, and the sweep had written its key down: gone, and not created again."""
    store = Store(JobExists("it is there"), reads=[NotFound("swept"), NotFound("swept")])
    fate = launch(store, memory=Memory(False, True))
    assert (fate.created, fate.gone) == (False, True)
    assert store.calls == ["create", "read", "read"]
