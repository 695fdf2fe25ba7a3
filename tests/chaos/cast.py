"""What the receivers of a run are told: definitions by fate, tiny retentions, three sinks."""

DEFINITION = """
name: {name}
on:
  - type: com.example.chaos.{name}
    source: /chaos
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    backoffLimit: 0
    {deadline}
    template:
      metadata:
        annotations: {annotations}
      spec:
        restartPolicy: Never
        containers:
          - {{name: main, image: any}}
"""

DEFINITIONS = {
    "succeeds.yaml": DEFINITION.format(
        name="succeeds", deadline="", annotations='{fake-node/run-seconds: "0.5", fake-node/message: \'{"n": 1}\'}'
    ),
    "fails.yaml": DEFINITION.format(
        name="fails", deadline="", annotations='{fake-node/exit-code: "3", fake-node/message: "it broke"}'
    ),
    "never-starts.yaml": DEFINITION.format(
        name="never-starts",
        deadline="activeDeadlineSeconds: 4",
        annotations="{fake-node/waiting-reason: ImagePullBackOff}",
    ),
}


def config(sinks, *, settle):
    """The jobhook.yaml: sinks by name are given up after an hour, so never within a run."""
    patience = {"timeout": "2s", "retry": {"for": "1h", "first": "200ms", "longest": "2s"}}
    declared = [{"name": sink.name, "url": sink.url, **patience} for sink in sinks]
    for one in declared:
        if one["name"] == "failures":
            one |= {"mode": "structured", "types": ["dev.jobhook.job.failed.v1"]}
    return {
        "callers": [{"name": "chaos", "tokens": ["token"], "may": ["events", "read", "write", "cleanup"]}],
        "sinks": declared,
        "retention": {"succeeded": "0s", "failed": "1s", "cancelled": "0s"},
        "remember": "1d",
        "settle": f"{settle}s",
        "limits": {"answer": "5s"},
    }


def strangers():
    """Jobs of other people, finished without a pod, with marks that look more and more like ours."""
    labels = [
        {},
        {"app.kubernetes.io/managed-by": "jobhook2"},
        {"app.kubernetes.io/name": "jobhook", "jobhook.dev/completion": "delivered"},
        {"app.kubernetes.io/managed-by": "jobhook"},
    ]
    return [stranger(f"theirs-{number}", labels[number % 4]) for number in range(40)]


def stranger(name, labels):
    """One such Job."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "completions": 0,
            "parallelism": 0,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}},
        },
    }
