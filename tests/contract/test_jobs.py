"""What every cluster promises of its Jobs (`ports.Jobs`), but for running them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from webhook.errors import Conflict, Expired, JobExists, ManifestRefused, NotFound
from webhook.job import State
from webhook.marks import MANAGED_BY


def test_a_created_job_is_there(play):
    """`create` answers the Job as it is stored, and `read` and `manifest` find it."""

    async def scenario(there):
        manifest = there.manifest(labels={"team": "a"}, annotations={"example.org/note": "übung\n"})
        before = datetime.now(UTC) - timedelta(minutes=5)
        job = await there.jobs.create(manifest)
        assert (job.name, job.namespace) == (manifest["metadata"]["name"], there.jobs.namespace)
        assert job.uid
        assert job.resource_version
        assert job.labels["team"] == "a"
        assert job.annotations["example.org/note"] == "übung\n"
        assert before < job.created < before + timedelta(minutes=10)
        assert (job.state, job.end, job.deleting) == (State.QUEUED, None, False)
        read = await there.jobs.read(job.name)
        assert (read.uid, read.annotations["example.org/note"]) == (job.uid, "übung\n")
        whole = await there.jobs.manifest(job.name)
        assert whole["metadata"]["uid"] == job.uid
        assert whole["spec"]["template"]["spec"]["containers"][0]["command"] == ["true"]

    play(scenario)


def test_the_given_manifest_is_not_changed(play):
    """The caller may create it again, to repeat what got no answer."""

    async def scenario(there):
        manifest = there.manifest()
        text = str(manifest)
        await there.jobs.create(manifest)
        assert str(manifest) == text

    play(scenario)


def test_a_name_is_taken_once(play):
    """A second create of a name raises JobExists, and leaves the first Job as it is."""

    async def scenario(there):
        manifest = there.manifest(annotations={"example.org/n": "1"})
        first = await there.jobs.create(manifest)
        again = there.manifest(first.name, annotations={"example.org/n": "2"})
        with pytest.raises(JobExists):
            await there.jobs.create(again)
        assert (await there.jobs.read(first.name)).annotations["example.org/n"] == "1"

    play(scenario)


def test_a_strangers_name_is_taken_too(play):
    """An object of that name is in the way, whoever made it."""

    async def scenario(there):
        stranger = there.manifest(signature="stranger")
        await there.plant(stranger)
        with pytest.raises(JobExists):
            await there.jobs.create(there.manifest(stranger["metadata"]["name"]))

    play(scenario)


def test_concurrent_creates_make_one(play):
    """Of many that come at once, one creates and all others hear so."""

    async def scenario(there):
        manifest = there.manifest()
        answers = await asyncio.gather(*(there.jobs.create(manifest) for _ in range(30)), return_exceptions=True)
        made = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert len(made) == 1
        assert sum(isinstance(answer, JobExists) for answer in answers) == 29

    play(scenario)


def _change(path, value):
    def change(manifest):
        *way, last = path
        inside = manifest
        for step in way:
            inside = inside[step]
        inside[last] = value

    return change


POD = ("spec", "template", "spec")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_change(("apiVersion",), "batch/v2"), id="apiVersion"),
        pytest.param(_change(("metadata", "name"), "Not_A_Label"), id="name"),
        pytest.param(_change(("metadata", "name"), "x" * 64), id="long name"),
        pytest.param(_change(("metadata", "namespace"), "another-namespace"), id="namespace"),
        pytest.param(_change(("metadata", "labels", "a b"), "x"), id="label name"),
        pytest.param(_change(("metadata", "labels", "a"), "x" * 64), id="label value"),
        pytest.param(_change(("metadata", "annotations", "a"), "x" * (256 * 1024)), id="annotations"),
        pytest.param(_change((*POD, "restartPolicy"), "Always"), id="restartPolicy"),
        pytest.param(_change((*POD, "containers"), []), id="containers"),
        pytest.param(_change((*POD, "containers"), "none"), id="containers' type"),
        pytest.param(_change((*POD, "containers"), [{"name": "a", "image": "i"}] * 2), id="same names"),
        pytest.param(_change((*POD, "containers", 0, "name"), "A_B"), id="container name"),
        pytest.param(_change((*POD, "containers", 0, "env"), [{"name": "A", "value": 5}]), id="env value"),
        pytest.param(_change(("spec", "backoffLimit"), -1), id="backoffLimit"),
        pytest.param(_change(("spec", "backoffLimit"), "three"), id="backoffLimit's type"),
        pytest.param(_change(("spec", "parallelism"), -1), id="parallelism"),
        pytest.param(_change(("spec", "completions"), 1.5), id="completions' type"),
        pytest.param(
            lambda manifest: manifest["spec"].update(completionMode="Indexed", parallelism=2),
            id="Indexed without completions",
        ),
        pytest.param(_change(("spec", "activeDeadlineSeconds"), -5), id="deadline"),
    ],
)
def test_what_is_no_job_is_refused(play, change):
    """The store refuses it for good, and nothing is created."""

    async def scenario(there):
        manifest = there.manifest()
        name = manifest["metadata"]["name"]
        change(manifest)
        with pytest.raises(ManifestRefused):
            await there.jobs.create(manifest)
        with pytest.raises(NotFound):
            await there.jobs.read(name)

    play(scenario)


@pytest.mark.parametrize("signature", ["stranger", ""])
def test_a_strangers_job_is_as_good_as_absent(play, signature):
    """No method that takes a name does anything to a Job without our label."""

    async def scenario(there):
        manifest = there.manifest(signature=signature)
        name = manifest["metadata"]["name"]
        await there.plant(manifest)
        for attempt in (
            there.jobs.read(name),
            there.jobs.manifest(name),
            there.jobs.patch(name, {"metadata": {"annotations": {"a": "b"}}}, resource_version=None),
            there.jobs.delete(name, uid="0"),
            there.jobs.pods(name),
            there.jobs.warnings(name),
        ):
            with pytest.raises(NotFound):
                await attempt
        assert name not in {job.name for job in (await there.jobs.list()).jobs}

    play(scenario)


def test_what_is_not_there_is_not_found(play):
    """Reads and changes of an unknown name, and the log of an unknown pod, raise NotFound."""

    async def scenario(there):
        name = there.name("absent")
        for attempt in (
            there.jobs.read(name),
            there.jobs.manifest(name),
            there.jobs.patch(name, {}, resource_version=None),
            there.jobs.delete(name, uid="0"),
            there.jobs.pods(name),
            there.jobs.warnings(name),
            anext(there.jobs.log(name, "main")),
            anext(there.jobs.log(name, "main", follow=True)),
        ):
            with pytest.raises(NotFound):
                await attempt

    play(scenario)


def test_pages_hold_every_job_of_ours_once(play):
    """Every page keeps to the selection, also behind the first; the last has no token."""

    async def scenario(there):
        ours = {(await there.jobs.create(there.manifest(labels={"set": "x"}))).name for _ in range(7)}
        for number in range(7):
            await there.plant(there.manifest(signature="stranger", labels={"set": "x"}))
            await there.jobs.create(there.manifest(labels={"set": f"y{number}"}))
        found, after, pages = [], None, 0
        while True:
            page = await there.jobs.list({"set": "x"}, limit=3, after=after)
            assert len(page.jobs) <= 3
            found += [job.name for job in page.jobs]
            pages, after = pages + 1, page.next
            if after is None:
                break
        assert sorted(found) == sorted(ours)
        assert pages >= 3

    play(scenario)


def test_a_list_selects_by_all_labels(play):
    """Labels are compared for equality, and all of them count."""

    async def scenario(there):
        both = await there.jobs.create(there.manifest(labels={"a": "1", "b": "2"}))
        await there.jobs.create(there.manifest(labels={"a": "1", "b": "3"}))
        await there.jobs.create(there.manifest(labels={"b": "2"}))
        page = await there.jobs.list({"a": "1", "b": "2"})
        assert [job.name for job in page.jobs] == [both.name]
        assert page.next is None
        assert len((await there.jobs.list()).jobs) == 3
        assert not (await there.jobs.list({"a": "none"})).jobs

    play(scenario)


@pytest.mark.parametrize("token", ["", "nonsense", "djI6eA==", "ü"])
def test_a_token_that_is_none_of_ours_has_expired(play, token):
    """A caller begins anew on Expired, whatever it sent."""

    async def scenario(there):
        await there.jobs.create(there.manifest())
        with pytest.raises(Expired):
            await there.jobs.list(limit=1, after=token)

    play(scenario)


def test_a_merge_patch_merges(play):
    """Null removes, other values replace, and what is not named stays (RFC 7386)."""

    async def scenario(there):
        job = await there.settled(there.manifest(labels={"a": "1", "b": "2"}, annotations={"x": "1", "y": "2"}))
        patch = {"metadata": {"labels": {"a": None, "c": "3"}, "annotations": {"x": "9", "z": "8", "none": None}}}
        patched = await there.jobs.patch(job.name, patch, resource_version=job.resource_version)
        read = await there.jobs.read(job.name)
        for seen in (patched, read):
            assert {name: seen.labels.get(name) for name in "abc"} == {"a": None, "b": "2", "c": "3"}
            assert {name: seen.annotations.get(name) for name in "xyz"} == {"x": "9", "y": "2", "z": "8"}
            assert seen.labels[MANAGED_BY] == job.labels[MANAGED_BY]
        assert patched.resource_version == read.resource_version != job.resource_version
        assert patched.uid == job.uid

    play(scenario)


def test_a_stale_patch_conflicts(play):
    """With a resourceVersion that is not the Job's any more nothing is changed; without one it is."""

    async def scenario(there):
        job = await there.settled(there.manifest())
        first = {"metadata": {"annotations": {"a": "1"}}}
        second = {"metadata": {"annotations": {"a": "2"}}}
        await there.jobs.patch(job.name, first, resource_version=job.resource_version)
        with pytest.raises(Conflict):
            await there.jobs.patch(job.name, second, resource_version=job.resource_version)
        assert (await there.jobs.read(job.name)).annotations["a"] == "1"
        assert (await there.jobs.patch(job.name, second, resource_version=None)).annotations["a"] == "2"

    play(scenario)


def test_one_of_many_claims_wins(play):
    """Concurrent patches with one resourceVersion: exactly one is taken."""

    async def scenario(there):
        job = await there.settled(there.manifest())
        claims = [
            there.jobs.patch(
                job.name, {"metadata": {"annotations": {"claim": str(n)}}}, resource_version=job.resource_version
            )
            for n in range(20)
        ]
        answers = await asyncio.gather(*claims, return_exceptions=True)
        (won,) = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert sum(isinstance(answer, Conflict) for answer in answers) == 19
        assert (await there.jobs.read(job.name)).annotations["claim"] == won.annotations["claim"]

    play(scenario)


@pytest.mark.parametrize(
    "patch",
    [
        {"spec": {"completions": 5}},
        {"spec": {"completionMode": "Indexed", "completions": 5}},
        {"spec": {"selector": {"matchLabels": {"a": "b"}}}},
        {"spec": {"activeDeadlineSeconds": -1}},
        {"spec": {"suspend": "yes"}},
        {"metadata": {"labels": {"a": "not a value"}}},
        {"metadata": {"annotations": {"a": 5}}},
    ],
)
def test_a_patch_that_may_not_be_is_refused(play, patch):
    """Immutable fields and values that are none raise ManifestRefused, and the Job stays as it was."""

    async def scenario(there):
        job = await there.jobs.create(there.manifest())
        with pytest.raises(ManifestRefused):
            await there.jobs.patch(job.name, patch, resource_version=None)
        assert (await there.jobs.read(job.name)).labels == job.labels

    play(scenario)


def test_a_delete_is_of_that_very_job(play):
    """The uid must be the Job's, and so must the resourceVersion where one is given; afterwards it is not found."""

    async def scenario(there):
        job = await there.settled(there.manifest())
        newer = await there.jobs.patch(job.name, {"metadata": {"annotations": {"a": "1"}}}, resource_version=None)
        with pytest.raises(Conflict):
            await there.jobs.delete(job.name, uid="00000000-0000-0000-0000-000000000000")
        with pytest.raises(Conflict):
            await there.jobs.delete(job.name, uid=job.uid, resource_version=job.resource_version)
        assert (await there.jobs.read(job.name)).uid == job.uid
        await there.jobs.delete(job.name, uid=job.uid, resource_version=newer.resource_version)
        with pytest.raises(NotFound):
            await there.jobs.read(job.name)
        with pytest.raises(NotFound):
            await there.jobs.delete(job.name, uid=job.uid)

    play(scenario)


def test_a_name_is_free_again_after_a_delete(play):
    """The new Job of that name is another one, with a uid of its own."""

    async def scenario(there):
        job = await there.jobs.create(there.manifest())
        await there.jobs.delete(job.name, uid=job.uid)
        again = await there.jobs.create(there.manifest(job.name))
        assert again.uid != job.uid
        with pytest.raises(Conflict):
            await there.jobs.delete(job.name, uid=job.uid)

    play(scenario)


@pytest.mark.parametrize(("succeeded", "state"), [(True, State.SUCCEEDED), (False, State.FAILED)])
def test_an_end_is_read(play, succeeded, state):
    """A finished Job says how, why and when; a patch does not undo it."""

    async def scenario(there):
        job = await there.jobs.create(there.manifest())
        await there.finish(job.name, succeeded=succeeded)
        read = await there.jobs.read(job.name)
        assert read.state is state
        assert read.end is not None
        assert (read.end.succeeded, bool(read.end.reason)) == (succeeded, True)
        assert abs(read.end.at - datetime.now(UTC)) < timedelta(minutes=5)
        patched = await there.jobs.patch(
            job.name, {"metadata": {"labels": {"a": "b"}}, "status": {"conditions": None}}, resource_version=None
        )
        assert patched.end == read.end

    play(scenario)


def test_a_job_without_pods_has_none(play):
    """A suspended Job has no pods and no warnings."""

    async def scenario(there):
        job = await there.jobs.create(there.manifest())
        assert list(await there.jobs.pods(job.name)) == []
        assert list(await there.jobs.warnings(job.name)) == []

    play(scenario)


def test_a_ping_is_answered(play):
    """A store that can be reached answers, and is known to have done so from then on."""

    async def scenario(there):
        await there.jobs.ping()
        assert timedelta(0) <= there.cluster.age() < timedelta(minutes=1)

    play(scenario)


def test_installations_do_not_see_each_other(play):
    """Another signature on the same store has Jobs of its own."""

    async def scenario(there):
        job = await there.jobs.create(there.manifest())
        with pytest.raises(NotFound):
            await there.other.jobs.read(job.name)
        assert not (await there.other.jobs.list()).jobs

    play(scenario)
