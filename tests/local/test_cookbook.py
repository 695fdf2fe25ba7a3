"""The cookbook's definitions that need no image, run for real on this machine."""

import asyncio

import pytest
from changed import replace

from webhook.checking import check
from webhook.definitions import DefinitionSet
from webhook.launch import Launcher
from webhook.metrics import Metrics

SAYS = {
    "build-on-push": ["building 0d1a26e67d8f"],
    "preview": [
        'deploying 0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c as pr-17.preview.example.com: Faster; rm -rf "$HOME" $(id) {{ 7*7 }}'
    ],
    "preview-down": ["removing pr-17.preview.example.com"],
    "convert": ["converting beach.png", 'converting the "dunes".png', "converting $(HOME)/sea.png"],
    "import": ["importing incoming/orders 2026-01-31.csv"],
    "deploy": ["deploying registry.example.com/shop:0d1a26e67d8f"],
    "reindex-catalogue": ["building the index of catalogue in 3 shards"],
}


@pytest.fixture(scope="module")
def called(project):
    """The definitions, each with a sample that calls it."""
    trials = check(project / "docs/cookbook").trials
    return {definition.name: (definition, trial.arrival) for _, definition, trial in trials if trial.arrival}


def launched(definition, machine, arrival):
    """Launch, and wait for the end: the Job, and what its pods have said."""

    async def scenario(cluster):
        launcher = Launcher(
            cluster.jobs,
            definitions=lambda: DefinitionSet((definition,)),
            signature="jobhook",
            metrics=Metrics(),
            payloads=cluster.payloads,
        )
        (fate,) = await launcher.launch(arrival, deadline=asyncio.get_running_loop().time() + 10)
        job = await machine.ended(cluster, fate.name)
        pods = await cluster.jobs.pods(fate.name)
        return job, [await machine.log(cluster, pod.name, pod.containers[0].name) for pod in pods]

    return machine.play(scenario)


@pytest.mark.parametrize("name", SAYS)
def test_a_recipe_runs(called, machine, name):
    """It succeeds, and says what it should, with every value as it was sent."""
    definition, arrival = called[name]
    job, said = launched(definition, machine, arrival)
    assert job.state == "succeeded"
    assert sorted(text.strip() for text in said) == sorted(SAYS[name])


def test_an_exit_code_ends_the_import_at_once(called, machine):
    """42 says that the data is wrong: one try, where four more were allowed."""
    definition, arrival = called["import"]
    broken = replace(arrival, event=replace(arrival.event, subject="incoming/broken.csv"))
    job, said = launched(definition, machine, broken)
    assert (job.state, len(said)) == ("failed", 1)
