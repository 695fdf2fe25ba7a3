"""A stranger's values on a real API server, and in a container on a real node."""

import asyncio
import base64
import random
from datetime import UTC, datetime

import pytest
from kubernetes_kind import kubernetes
from nasty import HOSTILE, NAMES, TEMPLATES, as_text, rendered

from webhook.definitions import load
from webhook.errors import ManifestRefused, ValueRefused
from webhook.events import Arrival, Event
from webhook.launch import Launcher
from webhook.metrics import Metrics
from webhook.newjob import new_job
from webhook.rendering import Rendered

SEED = 20260131
PIECES = ["$", "$$", "$(", ")", "(SECRET)", "$(SECRET)", "$(CE_ID)", "${HOME}", "`id`", "\n", "\t", " ", "'", '"', "\\", "-", "a", "é",
          "\U0001f600", "{{", "}}", "%", "\x1b", "\u2028"]  # fmt: skip
PRINTS = """\
name: prints
on: [{type: t}]
event: file
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        automountServiceAccountToken: false
        enableServiceLinks: false
        containers:
          - name: main
            image: IMAGE
            imagePullPolicy: Never
            command:
              - sh
              - -c
              - |
                for value in "$@"; do printf %s "$value" | base64 | tr -d '\\n'; echo; done
                LINES
                echo "JOINED $(printf %s "$JOINED" | base64 | tr -d '\\n')"
              - prints
            args:
              {% for value in event.data.values %}
              - {{ value }}
              {% endfor %}
            env:
              - {name: SECRET, value: it-is-secret}
              - {name: JOINED, value: "$$(SECRET)$(SECRET){{ event.data.values[0] }}$$"}
ENV
"""


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    path = tmp_path_factory.mktemp("nasty") / "templates.yaml"
    path.write_text(TEMPLATES)
    return load(path)


def random_texts(count):
    """The same on every run."""
    chosen = random.Random(SEED)
    return ["".join(chosen.choices(PIECES, k=chosen.randint(1, 9))) for _ in range(count)]


def sent(value):
    event = Event(id="1", source="/s", type="t", datacontenttype="application/json", data={"v": value})
    return Arrival(event=event, via="events", identity="1", received=datetime(2026, 1, 31, tzinfo=UTC))


def test_what_is_rendered_is_taken_by_the_api_server(throwaway, definitions):
    """Every hostile value in every nasty template, and some hundred random ones: no field too many, none refused."""
    values = [value for value in HOSTILE.values() if value] + random_texts(60)

    async def inside():
        async with kubernetes(throwaway, "jobhook") as (cluster, _, _, _):
            tried = 0
            for name in NAMES:
                for value in values:
                    definition = definitions.get(name)
                    try:
                        manifest = rendered(definition, value)
                    except ValueRefused:
                        continue
                    new = new_job(
                        definition,
                        Rendered(manifest, {}),
                        sent(value),
                        receipt="r",
                        namespace=cluster.jobs.namespace,
                        signature="jobhook",
                    )
                    try:
                        await cluster.jobs.dry_run(new.manifest)
                    except ManifestRefused as error:
                        pytest.fail(f"{name}, {value!r:.100}: {error}")
                    tried += 1
            return tried

    assert asyncio.run(inside()) >= 500


@pytest.mark.timeout(200)
def test_values_arrive_in_a_container_as_they_were_sent(throwaway, tmp_path):
    """Arguments and variables, after what a real kubelet expands; a template's own `$(…)` is expanded beside them."""
    values = [as_text(value) for value in HOSTILE.values() if as_text(value)] + random_texts(100)
    count = len(values)
    env = [
        f'              - {{name: V{number}, value: "{{{{ event.data.values[{number}] }}}}"}}'
        for number in range(count)
    ]
    lines = [
        f"""                echo "V{number} $(printf %s "$V{number}" | base64 | tr -d '\\n')\""""
        for number in range(count)
    ]
    text = PRINTS.replace("IMAGE", throwaway.image).replace("ENV", "\n".join(env))
    (tmp_path / "a.yaml").write_text(text.replace("                LINES", "\n".join(lines)))
    definitions = load(tmp_path)
    event = Event(id="the id", source="/s", type="t", datacontenttype="application/json", data={"values": values})
    arrival = Arrival(event=event, via="events", identity="1", received=datetime(2026, 1, 31, tzinfo=UTC))
    said = asyncio.run(said_by(throwaway, definitions, arrival))
    plain = [line for line in said if " " not in line]
    named = dict(line.partition(" ")[::2] for line in said if " " in line)
    assert [decoded(line) for line in plain] == values
    assert [decoded(named[f"V{number}"]) for number in range(count)] == values
    assert decoded(named["JOINED"]) == f"$(SECRET)it-is-secret{values[0]}$"


async def said_by(throwaway, definitions, arrival):
    """Launch on the node, and answer the lines of its log."""
    async with kubernetes(throwaway, "jobhook") as (cluster, _, _, _):
        launcher = Launcher(
            cluster.jobs,
            definitions=lambda: definitions,
            signature="jobhook",
            metrics=Metrics(),
            payloads=cluster.payloads,
        )
        (fate,) = await launcher.launch(arrival, deadline=asyncio.get_running_loop().time() + 30)
        assert getattr(fate, "created", False), fate
        async with asyncio.timeout(120):
            while (await cluster.jobs.read(fate.name)).end is None:
                await asyncio.sleep(0.2)
        (pod,) = await cluster.jobs.pods(fate.name)
        return b"".join([piece async for piece in cluster.jobs.log(pod.name, "main")]).decode().splitlines()


def decoded(text):
    return base64.b64decode(text).decode()
