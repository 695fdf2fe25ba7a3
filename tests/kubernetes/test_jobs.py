"""Jobs, records and tokens on a real API server."""

import asyncio
import base64
import contextlib
import dataclasses
import datetime as dt
import json

import pytest

from webhook import errors, marks
from webhook.job import State
from webhook.ports import Record, Seen

POLITE = {"metadata": {"annotations": {"x": "y"}}}


def foreign(job, name, label):
    """A Job that is not ours: with another signature, or none."""
    manifest = job(name)
    manifest["metadata"]["labels"] = {marks.MANAGED_BY: label} if label else {}
    return manifest


def test_a_job_and_its_life(real, job):
    """Created, read, changed, listed and deleted; each answer is the Job as it then is."""

    async def run():
        async with real() as cluster:
            jobs = cluster.jobs
            await jobs.ping()
            created = await jobs.create(job("a", labels={"color": "red"}))
            assert (created.name, created.state, created.labels["color"]) == ("a", State.QUEUED, "red")
            assert created.namespace == jobs.namespace
            with pytest.raises(errors.JobExists):
                await jobs.create(job("a"))
            patched = await jobs.patch("a", POLITE, resource_version=None)
            assert patched.annotations["x"] == "y"
            with pytest.raises(errors.Conflict):
                await jobs.patch("a", POLITE, resource_version=created.resource_version)
            assert (await jobs.read("a")).annotations["x"] == "y"
            assert (await jobs.manifest("a"))["spec"]["template"]["spec"]["containers"][0]["name"] == "main"
            assert [found.name for found in (await jobs.list({"color": "red"})).jobs] == ["a"]
            assert list((await jobs.list({"color": "blue"})).jobs) == []
            assert await jobs.pods("a") == []
            with pytest.raises(errors.Conflict):
                await jobs.delete("a", uid="another")
            with pytest.raises(errors.Conflict):
                await jobs.delete("a", uid=created.uid, resource_version=created.resource_version)
            await jobs.delete("a", uid=created.uid)
            for call in (jobs.read("a"), jobs.delete("a", uid=created.uid), jobs.patch("a", {}, resource_version="1")):
                with pytest.raises(errors.NotFound):
                    await call

    asyncio.run(run())


@pytest.mark.parametrize("label", ["jobhook", "jobhook-tes", "jobhook-testt", "", "Jobhook-test"])
def test_a_job_of_somebody_else_is_not_there(real, job, throwaway, namespace, label):
    """Not read, not listed, not followed, not changed, not deleted, no pods and no log; its name is taken all the same."""

    async def run():
        async with real() as cluster:
            jobs = cluster.jobs
            throwaway.kubectl("create", "-n", namespace, "-f", "-", given=foreign(job, "theirs", label))
            before = json.loads(throwaway.kubectl("get", "job", "theirs", "-n", namespace, "-o", "json"))
            uid = before["metadata"]["uid"]
            for call in (
                jobs.read("theirs"),
                jobs.manifest("theirs"),
                jobs.patch("theirs", POLITE, resource_version=None),
                jobs.delete("theirs", uid=uid),
                jobs.pods("theirs"),
                jobs.warnings("theirs"),
            ):
                with pytest.raises(errors.NotFound):
                    await call
            with pytest.raises(errors.JobExists):
                await jobs.create(job("theirs"))
            assert list((await jobs.list()).jobs) == []
            async with contextlib.aclosing(jobs.follow()) as changes:
                assert [(await anext(changes)).seen for _ in range(2)] == [Seen.LISTING, Seen.SYNCED]
            after = json.loads(throwaway.kubectl("get", "job", "theirs", "-n", namespace, "-o", "json"))
            assert after["metadata"].get("annotations") == before["metadata"].get("annotations")
            assert "deletionTimestamp" not in after["metadata"]

    asyncio.run(run())


def test_a_label_that_is_taken_away_between_look_and_delete_saves_the_job(real, job, throwaway, namespace):
    """What stopped being ours after it was read is not deleted: the precondition holds."""

    async def run():
        async with real() as cluster:
            created = await cluster.jobs.create(job("a"))
            throwaway.kubectl("label", "job", "a", "-n", namespace, f"{marks.MANAGED_BY}-")
            with pytest.raises(errors.Conflict):
                await cluster.jobs.delete("a", uid=created.uid, resource_version=created.resource_version)
            with pytest.raises(errors.NotFound):
                await cluster.jobs.delete("a", uid=created.uid)

    asyncio.run(run())


def test_pages_hold_only_ours(real, job, throwaway, namespace):
    """Over several pages with strangers between: each of ours once, none of theirs; an odd token is Expired."""

    async def run():
        async with real() as cluster:
            strangers = [foreign(job, f"job-{n}-theirs", "other") for n in range(12)]
            throwaway.apply(
                *[{**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}} for manifest in strangers]
            )
            await asyncio.gather(*(cluster.jobs.create(job(f"job-{n}")) for n in range(12)))
            found, after, pages = [], None, 0
            while True:
                page = await cluster.jobs.list(limit=5, after=after)
                assert len(page.jobs) <= 5
                found += [entry.name for entry in page.jobs]
                after, pages = page.next, pages + 1
                if after is None:
                    break
            assert sorted(found) == sorted(f"job-{n}" for n in range(12))
            assert pages >= 3
            forged = base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1","rv":1,"start":"x"}').decode()
            for token in ("garbage", "", "a b&c=d", forged):
                with pytest.raises(errors.Expired):
                    await cluster.jobs.list(limit=5, after=token)

    asyncio.run(run())


def test_following_what_happens(real, job, eventually):
    """Created, changed, unlabelled and deleted by others and by us: PRESENT and GONE in order."""

    async def run():
        async with real() as cluster:
            jobs, told = cluster.jobs, []
            await jobs.create(job("old", labels={"step": "one"}))

            async def listen():
                async with contextlib.aclosing(jobs.follow({"step": "one"})) as changes:
                    async for change in changes:
                        told.append(change)

            task = asyncio.create_task(listen())
            await eventually(lambda: Seen.SYNCED in [change.seen for change in told])
            await jobs.create(job("new", labels={"step": "one"}))
            await jobs.create(job("other", labels={"step": "two"}))
            await jobs.patch("old", {"metadata": {"labels": {"step": "two"}}}, resource_version=None)
            new = await jobs.patch("new", POLITE, resource_version=None)
            await jobs.delete("new", uid=new.uid)
            await eventually(lambda: told[-1].seen is Seen.GONE and told[-1].job.name == "new")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            words = [(change.seen, change.job.name if change.job else "") for change in told]
            assert words[:4] == [("listing", ""), ("present", "old"), ("synced", ""), ("present", "old")] or words[
                :3
            ] == [
                ("listing", ""),
                ("present", "old"),
                ("synced", ""),
            ]
            assert ("gone", "old") in words
            assert ("present", "other") not in words
            assert words.index(("present", "new")) < words.index(("gone", "new"))

    asyncio.run(run())


def test_a_job_that_runs(real, job, eventually):
    """A real pod: states, exit code, termination message, its log in all ways, and the Job's end."""
    script = "echo one; echo two; echo oops >&2; echo -n ended > /dev/termination-log; exit 3"

    async def run():
        async with real() as cluster:
            jobs = cluster.jobs
            begun = dt.datetime.now(dt.UTC)
            await jobs.create(job("a", suspend=False, command=["sh", "-c", script]))
            states = []
            async with contextlib.aclosing(jobs.follow()) as changes:
                async for change in changes:
                    if change.job:
                        states.append(change.job)
                        if change.job.end:
                            break
            assert states[-1].state is State.FAILED
            assert states[-1].end.reason == "BackoffLimitExceeded"
            (pod,) = await jobs.pods("a")
            (container,) = pod.containers
            assert (pod.phase, container.state, container.exit_code) == ("Failed", "terminated", 3)
            assert container.message == "ended"
            assert sorted((await log(jobs, pod.name)).split()) == [b"one", b"oops", b"two"]
            assert len((await log(jobs, pod.name, tail=1)).splitlines()) == 1
            assert (await log(jobs, pod.name, timestamps=True)).startswith(str(begun.year).encode())
            assert await log(jobs, pod.name, since=begun + dt.timedelta(hours=1)) == b""
            assert len((await log(jobs, pod.name, since=begun)).splitlines()) == 3
            for wrong in ({"container": "none"}, {"pod": "none"}, {"previous": True}):
                with pytest.raises(errors.NotFound):
                    await log(jobs, **{"pod": pod.name, **wrong})

    asyncio.run(run())


async def log(jobs, pod, container="main", **options):
    async with contextlib.aclosing(jobs.log(pod, container, **options)) as pieces:
        return b"".join([piece async for piece in pieces])


def test_a_log_is_followed_to_its_end(real, job, eventually):
    """Output arrives while the container runs, and the stream ends with it."""

    async def run():
        async with real() as cluster:
            jobs = cluster.jobs
            await jobs.create(job("a", suspend=False, command=["sh", "-c", "echo first; sleep 2; echo last"]))
            while True:
                pods = await jobs.pods("a")
                if pods and pods[0].containers[0].state != "waiting":
                    break
                await asyncio.sleep(0.05)
            got, still_running = b"", None
            async with contextlib.aclosing(jobs.log(pods[0].name, "main", follow=True)) as pieces:
                async for piece in pieces:
                    got += piece
                    if still_running is None:
                        still_running = (await jobs.read("a")).end is None
            assert (got, still_running) == (b"first\nlast\n", True)

    asyncio.run(run())


def test_the_log_of_a_strangers_pod_is_not_there(real, job, throwaway, namespace, eventually):
    """A pod of no Job, of another's Job, and one with a forged label: no log, and no pod of ours."""
    names = []

    def pod(name, **metadata):
        spec = job("x")["spec"]["template"]["spec"]
        names.append(name)
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, **metadata},
            "spec": spec,
        }

    async def run():
        async with real() as cluster:
            jobs = cluster.jobs
            ours = await jobs.create(job("ours"))
            theirs = foreign(job, "theirs", "other")
            theirs["spec"]["suspend"] = False
            throwaway.kubectl("create", "-n", namespace, "-f", "-", given=theirs)
            forged = {
                "labels": {"batch.kubernetes.io/job-name": "ours", "job-name": "ours", marks.MANAGED_BY: "jobhook-test"}
            }
            reference = {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "name": "ours",
                "uid": "00000000-0000-0000-0000-000000000000",
            }
            throwaway.apply(pod("alone"), pod("forged", **forged))
            throwaway.apply(pod("owned", ownerReferences=[reference]))

            def pods_of_theirs():
                found = throwaway.kubectl("get", "pods", "-n", namespace, "-l", "job-name=theirs", "-o", "name").split()
                return [entry.removeprefix("pod/") for entry in found]

            names.extend(await eventually(pods_of_theirs))
            for name in names:
                with pytest.raises(errors.NotFound):
                    await log(jobs, name)
            assert await jobs.pods(ours.name) == []

    asyncio.run(run())


def test_warnings_about_a_job_and_its_pods(real, job, throwaway, namespace, eventually):
    """An image that cannot be had and a pod that may not be made both say why."""

    async def run():
        async with real() as cluster:
            jobs = cluster.jobs
            lost = job("lost", suspend=False)
            lost["spec"]["template"]["spec"]["containers"][0]["image"] = "localhost/never/was:1"
            await jobs.create(lost)
            barred = job("barred", suspend=False)
            barred["spec"]["template"]["spec"]["serviceAccountName"] = "nobody"
            await jobs.create(barred)
            for name, reason, kind in (("lost", "Failed", "Pod/lost-"), ("barred", "FailedCreate", "Job/barred")):
                async with asyncio.timeout(60):
                    while True:
                        found = [warning for warning in await jobs.warnings(name) if warning.reason == reason]
                        if found:
                            break
                        await asyncio.sleep(0.2)
                assert found[0].about.startswith(kind)
                assert found[0].message
            assert await jobs.warnings((await jobs.create(job("quiet"))).name) == []

    asyncio.run(run())


def test_records(real, job, namespace):
    """Stored, read, replaced by version, owned, listed and deleted; text as data, bytes as binaryData."""

    async def run():
        async with real() as cluster:
            records = cluster.records
            record = Record(
                name="ledger-1", data={"text": b"hello", "raw": bytes(range(256))}, labels={"kind": "ledger"}
            )
            stored = await records.create(record)
            assert dataclasses.replace(stored, version="", created=None) == record
            assert stored.version
            assert stored.created.tzinfo is not None
            assert await records.read("ledger-1") == stored
            with pytest.raises(errors.Conflict):
                await records.create(record)
            newer = await records.replace(dataclasses.replace(stored, data={"text": b"more"}, annotations={"a": "b"}))
            assert (newer.data, newer.annotations) == ({"text": b"more"}, {"a": "b"})
            for stale in (stored, record):
                with pytest.raises(errors.Conflict):
                    await records.replace(stale)
            with pytest.raises(errors.NotFound):
                await records.replace(dataclasses.replace(stored, name="none"))
            assert await records.list({"kind": "ledger"}) == [newer]
            assert await records.list({"kind": "other"}) == []
            with pytest.raises(errors.Conflict):
                await records.delete("ledger-1", version=stored.version)
            await records.delete("ledger-1", version=newer.version)
            for call in (records.read("ledger-1"), records.delete("ledger-1"), records.delete("ledger-1", version="1")):
                with pytest.raises(errors.NotFound):
                    await call

    asyncio.run(run())


def test_an_immutable_record_stays(real):
    """Its data cannot be replaced, not even with the right version; it can be owned and deleted."""

    async def run():
        async with real() as cluster:
            stored = await cluster.records.create(Record(name="a", data={"k": b"v"}, immutable=True))
            with pytest.raises(errors.Conflict):
                await cluster.records.replace(dataclasses.replace(stored, data={"k": b"w"}))
            assert (await cluster.records.read("a")).data == {"k": b"v"}
            await cluster.records.delete("a")

    asyncio.run(run())


def test_a_record_goes_with_the_job_that_owns_it(real, job):
    """The owner is a Job by name and uid; when it is deleted, the API server deletes the record."""

    async def run():
        async with real() as cluster:
            owner = await cluster.jobs.create(job("a"))
            await cluster.payloads.create(Record(name="a-event", data={"event.json": b"{}"}, immutable=True))
            await cluster.payloads.own("a-event", (owner.name, owner.uid))
            assert (await cluster.payloads.read("a-event")).owner == ("a", owner.uid)
            await cluster.jobs.delete("a", uid=owner.uid)
            async with asyncio.timeout(30):
                while await cluster.payloads.list():
                    await asyncio.sleep(0.1)

    asyncio.run(run())


def test_a_config_map_of_somebody_else_is_not_a_record(real, throwaway, namespace):
    """Not read, listed, owned, replaced or deleted; as a template any can be read by its name."""
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "t", "namespace": namespace}}

    async def run():
        async with real() as cluster:
            throwaway.apply({**theirs, "data": {"t": "kind: Job\n"}, "binaryData": {"b": "/wA="}})
            records = cluster.records
            for call in (
                records.read("t"),
                records.own("t", ("a", "u")),
                records.own("none", ("a", "u")),
                records.delete("t"),
            ):
                with pytest.raises(errors.NotFound):
                    await call
            assert await records.list() == []
            assert await records.template(namespace, "t", "t") == "kind: Job\n"
            for key in ("none", "b"):
                with pytest.raises(errors.NotFound):
                    await records.template(namespace, "t", key)
            with pytest.raises(errors.NotFound):
                await records.template(namespace, "none", "t")
            kept = json.loads(throwaway.kubectl("get", "configmap", "t", "-n", namespace, "-o", "json"))
            assert "ownerReferences" not in kept["metadata"]

    asyncio.run(run())


def test_who_a_token_belongs_to(real, throwaway, namespace):
    """A service account's token counts for the audience that it was made for, and for no other."""

    async def run():
        async with real() as cluster:
            throwaway.kubectl("create", "serviceaccount", "caller", "-n", namespace)
            token = throwaway.kubectl("create", "token", "caller", "-n", namespace, "--audience=jobhook").strip()
            who = cluster.identities.who
            assert await who(token, "jobhook") == f"system:serviceaccount:{namespace}:caller"
            assert await who(token, "other") is None
            assert await who(token[:-3] + "xxx", "jobhook") is None
            assert await who("x", "jobhook") is None

    asyncio.run(run())
