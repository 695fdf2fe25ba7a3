"""One real receiver for all hostile rows, its memory watched, and honest requests served meanwhile."""

import pathlib
import sys

import pytest
from driving import Receiver, Sink, config

sys.path.append(str(pathlib.Path(__file__).parent))

ANY = """
name: any
on:
  - {type: com.example.honest}
  - {type: {prefix: com.github.}, via: github}
params:
  ref: {from: "event.data.ref | default('none')"}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        containers: [{name: one, image: busybox, command: ["true"], args: [{{ ref }}]}]
"""
LOOP = """
name: loop
on: [{type: com.example.list}]
params:
  items: {from: event.data.items, type: json}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: one
            image: busybox
            command: ["true"]
            args: [{% for item in items %}"{{ item }}", {% endfor %}]
"""


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """A receiver with short limits of time, else as it comes; two sources, and a caller for each."""
    sink, folder = Sink(), tmp_path_factory.mktemp("hostile")
    settings = config(sink, limits={"answer": "3s"})
    settings["events"] = {"auth": "bearer", "origins": ["events.example.com"]}
    settings["sources"]["shared"] = settings["sources"]["github"]
    made = Receiver(folder, definitions={"any.yaml": ANY, "loop.yaml": LOOP}, config=settings).start()
    yield made
    assert made.stop() == 0
    faults = [line for line in made.lines() if "exception" in line or line["event"] in {"request.fault", "task.broke"}]
    assert not faults
    assert "Traceback" not in made.log.read_text()
    sink.close()


@pytest.fixture
def guarded(receiver):
    """The same, with honest requests all the while and afterwards, and at most 40 MiB more memory."""
    from honest import Honest

    with Honest(receiver):
        yield receiver
