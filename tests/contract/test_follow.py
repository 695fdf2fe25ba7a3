"""What every cluster promises of following its Jobs and its records."""

import asyncio

from webhook.job import State
from webhook.ports import Record, Seen


def test_a_follow_lists_first(play):
    """LISTING, every selected Job as PRESENT, SYNCED; in this order, and no other Job."""

    async def scenario(there):
        ours = {(await there.jobs.create(there.manifest(labels={"set": "x"}))).name for _ in range(5)}
        await there.jobs.create(there.manifest(labels={"set": "y"}))
        await there.plant(there.manifest(signature="stranger", labels={"set": "x"}))
        async with there.watch(there.jobs, {"set": "x"}) as watch:
            await watch.synced()
            kinds = [step.seen for step in watch.steps]
            assert kinds[0] is Seen.LISTING
            assert kinds[1:6] == [Seen.PRESENT] * 5
            assert kinds[6] is Seen.SYNCED
            assert watch.names() == ours

    play(scenario)


def test_an_empty_follow_is_synced(play):
    """Nothing to tell is told too."""

    async def scenario(there):
        async with there.watch(there.jobs) as watch:
            await watch.synced()
            assert [step.seen for step in watch.steps[:2]] == [Seen.LISTING, Seen.SYNCED]

    play(scenario)


def test_changes_are_told_as_they_happen(play):
    """A creation, a change and an end come as PRESENT, each with the Job as it then is; a deletion comes as GONE."""

    async def scenario(there):
        async with there.watch(there.jobs) as watch:
            await watch.synced()
            job = await there.jobs.create(there.manifest())
            await watch.tells(Seen.PRESENT, job.name)
            await there.jobs.patch(job.name, {"metadata": {"annotations": {"a": "1"}}}, resource_version=None)
            await watch.tells(Seen.PRESENT, job.name, lambda told: told.annotations.get("a") == "1")
            await there.finish(job.name, succeeded=True)
            await watch.tells(Seen.PRESENT, job.name, lambda told: told.state is State.SUCCEEDED)
            await there.jobs.delete(job.name, uid=job.uid)
            await watch.tells(Seen.GONE, job.name)

    play(scenario)


def test_leaving_the_selection_is_gone(play):
    """A Job that stops bearing the labels is GONE, and PRESENT again when it bears them again."""

    async def scenario(there):
        job = await there.jobs.create(there.manifest(labels={"state": "pending"}))
        async with there.watch(there.jobs, {"state": "pending"}) as watch:
            await watch.synced()
            await there.jobs.patch(job.name, {"metadata": {"labels": {"state": "done"}}}, resource_version=None)
            await watch.tells(Seen.GONE, job.name)
            before = len(watch.steps)
            await there.jobs.patch(job.name, {"metadata": {"labels": {"state": "pending"}}}, resource_version=None)
            await watch.until(lambda steps: any(step.seen is Seen.PRESENT for step in steps[before:]), "back again")

    play(scenario)


def test_strangers_changes_are_not_told(play):
    """What is not selected is not told, neither when it is made nor when it goes."""

    async def scenario(there):
        async with there.watch(there.jobs, {"set": "x"}) as watch:
            await watch.synced()
            await there.plant(there.manifest(signature="stranger", labels={"set": "x"}))
            other = await there.jobs.create(there.manifest(labels={"set": "y"}))
            await there.jobs.delete(other.name, uid=other.uid)
            last = await there.jobs.create(there.manifest(labels={"set": "x"}))
            await watch.tells(Seen.PRESENT, last.name)
            assert watch.names() == {last.name}

    play(scenario)


def _applied(steps):
    """The resourceVersions that a follow's steps lead to, by name."""
    state = {}
    for step in steps:
        if step.seen is Seen.LISTING:
            state = {}
        elif step.seen is Seen.PRESENT:
            state[step.job.name] = step.job.resource_version
        elif step.seen is Seen.GONE:
            state.pop(step.job.name)
    return state


def test_what_is_followed_is_what_is_listed(play):
    """Whatever happens while the list is made: the steps, applied in their order, give the final state."""

    async def scenario(there):
        async def churn(number):
            job = await there.jobs.create(there.manifest(labels={"set": "x"}))
            patch = {"metadata": {"annotations": {"n": str(number)}}}
            await there.jobs.patch(job.name, patch, resource_version=None)
            if number % 3 == 0:
                await there.jobs.delete(job.name, uid=job.uid)
            elif number % 3 == 1:
                await there.jobs.patch(job.name, {"metadata": {"labels": {"set": None}}}, resource_version=None)

        async with there.watch(there.jobs, {"set": "x"}) as watch:
            await asyncio.gather(*(churn(number) for number in range(30)))
            end = await there.jobs.create(there.manifest(labels={"set": "x"}))
            await watch.tells(Seen.PRESENT, end.name)
            await watch.synced()
            # A Job controller may still write into the Jobs: the two need only meet in the end.
            async with asyncio.timeout(20):
                while True:
                    listed = {job.name: job.resource_version for job in (await there.jobs.list({"set": "x"})).jobs}
                    if _applied(watch.steps) == listed:
                        break
                    await asyncio.sleep(0.05)

    play(scenario)


def test_a_closed_follow_leaves_others_alone(play):
    """Each follow is its own; one that was closed does not come back."""

    async def scenario(there):
        async with there.watch(there.jobs) as kept:
            async with there.watch(there.jobs) as closed:
                await closed.synced()
            job = await there.jobs.create(there.manifest())
            await kept.tells(Seen.PRESENT, job.name)
            assert job.name not in closed.names()

    play(scenario)


def test_records_are_followed(play):
    """Records are listed, then told as they are made, changed and deleted; and only those that are selected."""

    async def scenario(there):
        first = await there.records.create(Record(name=there.name(), data={"a": b"1"}, labels={"set": "x"}))
        async with there.watch(there.records, {"set": "x"}) as watch:
            await watch.synced()
            assert watch.names() == {first.name}
            second = await there.records.create(Record(name=there.name(), data={}, labels={"set": "x"}))
            await watch.tells(Seen.PRESENT, second.name)
            await there.records.create(Record(name=there.name(), data={}, labels={"set": "y"}))
            changed = Record(name=first.name, data={"a": b"2"}, labels={"set": "x"}, version=first.version)
            await there.records.replace(changed)
            await watch.tells(Seen.PRESENT, first.name, lambda record: record.data["a"] == b"2")
            await there.records.delete(second.name)
            await watch.tells(Seen.GONE, second.name)
            assert watch.names() == {first.name, second.name}

    play(scenario)
