"""Completions come round inside: a definition on our own types is a next step."""

from driving import ECHO, config, until

FIRST = ECHO.replace("name: echo", "name: first", 1)
SECOND = """
name: second
on:
  - type: dev.jobhook.job.succeeded.v1
    via: jobs
    when: event.data.job.definition == "first"
params:
  result: {from: event.data.result}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: second
            image: busybox
            command: [sh, -c, 'printf "%s" "after $1" > "$JOBHOOK_TERMINATION_LOG"', second]
            args: [{{ result }}]
"""
LOOP = SECOND.replace('\n    when: event.data.job.definition == "first"', "").replace(
    "name: second\n", "name: loop\n", 1
)


def test_a_completion_launches_the_next_step(receivers, sink, tmp_path):
    """The chain keeps its first cause: causation points one step back, correlation to the beginning."""
    definitions = {"first.yaml": FIRST, "second.yaml": SECOND}
    receiver = receivers(tmp_path, definitions=definitions, config=config(sink)).start()
    first = receiver.send(id="the-beginning").json["jobs"][0]["name"]
    told = sink.wait(first)
    until(lambda: len(sink.events) == 2, what="two completions")
    [second] = [event for event in sink.events if event["subject"] != first]
    assert second["data"]["result"] == "after com.example.test /test - 0"
    assert second["causationid"] == told["id"]
    assert second["correlationid"] == told["correlationid"] == "the-beginning"
    assert (told["jobhookhops"], second["jobhookhops"]) == ("1", "2")


def test_a_loop_ends_after_sixteen_hops(receivers, sink, tmp_path):
    """A definition that calls itself is stopped by the count on its own Jobs."""
    definitions = {"first.yaml": FIRST, "loop.yaml": LOOP}
    receiver = receivers(tmp_path, definitions=definitions, config=config(sink)).start()
    receiver.send()
    until(lambda: receiver.lines("step.too_many_hops"), what="the end of the loop")
    until(lambda: len(sink.events) == 17, what="all completions")
    assert max(int(event["jobhookhops"]) for event in sink.events) == 17
    assert len(receiver.as_caller("GET", "/jobs").json["jobs"]) == 17
