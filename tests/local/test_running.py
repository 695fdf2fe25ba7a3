"""Jobs that run: what becomes of them is what Kubernetes would make of them."""

import asyncio
import json
import os
import sys

import pytest

from webhook.clusters.local import Backoff
from webhook.errors import ManifestRefused, NotFound
from webhook.job import State
from webhook.ports import Record


@pytest.mark.parametrize(
    ("script", "code", "reason", "outcome"),
    [
        ("exit 0", 0, "Completed", "CompletionsReached"),
        ("exit 3", 3, "Error", "BackoffLimitExceeded"),
        ("exit 128", 128, "Error", "BackoffLimitExceeded"),
        ("exit 255", 255, "Error", "BackoffLimitExceeded"),
        ("kill -9 $$$$", 137, "Error", "BackoffLimitExceeded"),
        ("kill -TERM $$$$", 143, "Error", "BackoffLimitExceeded"),
    ],
)
def test_an_exit_code_decides(machine, script, code, reason, outcome):
    """The code, or 128 and the signal, its reason, and the Job's condition."""

    async def scenario(cluster):
        job, (pod,) = await machine.run(cluster, machine.job("a", script))
        (container,) = pod.containers
        assert (container.state, container.exit_code, container.reason) == ("terminated", code, reason)
        assert job.end is not None
        assert job.end.reason == outcome
        assert (job.succeeded, job.failed, job.active, job.ready) == ((1, 0, 0, 0) if code == 0 else (0, 1, 0, 0))
        assert pod.phase == ("Succeeded" if code == 0 else "Failed")
        status = (await cluster.jobs.manifest("a"))["status"]
        assert ("completionTime" in status) == (code == 0)
        assert job.created <= job.started <= container.started <= container.finished <= job.end.at

    machine.play(scenario)


def test_a_command_that_is_not_there_cannot_start(machine):
    """StartError, exit code 128 and which it was; a warning tells it too."""

    async def scenario(cluster):
        job, (pod,) = await machine.run(cluster, machine.job("a", container={"command": ["no-such-program"]}))
        (container,) = pod.containers
        assert (container.exit_code, container.reason) == (128, "StartError")
        assert "no-such-program" in container.message
        warnings = await cluster.jobs.warnings("a")
        assert [(w.about, w.reason) for w in warnings] == [
            (f"Pod/{pod.name}", "Failed"),
            ("Job/a", "BackoffLimitExceeded"),
        ]
        assert job.state is State.FAILED

    machine.play(scenario)


def test_states_come_in_their_order(machine):
    """Pending, running, succeeded; never back."""

    async def scenario(cluster):
        states = []

        async def follow():
            async for change in cluster.jobs.follow():
                if change.job:
                    states.append(change.job.state)

        task = asyncio.create_task(follow())
        await machine.run(cluster, machine.job("a", "sleep 0.2"))
        await machine.wait_for(lambda: State.SUCCEEDED in states)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        order = [State.PENDING, State.RUNNING, State.SUCCEEDED]
        assert sorted(set(states), key=states.index) == order
        assert states == sorted(states, key=order.index)

    machine.play(scenario)


def test_a_failure_is_tried_again(machine):
    """As often as backoffLimit says, each time as a pod of its own, until one succeeds."""

    async def scenario(cluster):
        counter = machine.folder / "counter"
        script = f"echo x >> {counter}; test $(wc -l < {counter}) -eq 3"
        job, pods = await machine.run(cluster, machine.job("a", script, backoffLimit=5))
        assert job.state is State.SUCCEEDED
        assert (job.failed, job.succeeded) == (2, 1)
        assert [pod.phase for pod in pods] == ["Failed", "Failed", "Succeeded"]
        assert len({pod.name for pod in pods}) == 3
        assert sorted(pods, key=lambda pod: pod.created) == list(pods)

    machine.play(scenario)


def test_tries_end_at_the_limit(machine):
    """backoffLimit 2 makes three tries."""

    async def scenario(cluster):
        job, pods = await machine.run(cluster, machine.job("a", "exit 1", backoffLimit=2))
        assert (job.failed, len(pods)) == (3, 3)
        assert job.end is not None
        assert job.end.reason == "BackoffLimitExceeded"

    machine.play(scenario)


def test_restart_on_failure_stays_in_the_pod(machine):
    """The container runs again in its pod, with the pod's folder; the output of the run before can be had."""

    async def scenario(cluster):
        script = "echo run >> runs; wc -l < runs; test $(wc -l < runs) -eq 3"
        manifest = machine.job("a", script, backoffLimit=4, pod={"restartPolicy": "OnFailure"})
        job, (pod,) = await machine.run(cluster, manifest)
        assert job.state is State.SUCCEEDED
        assert pod.containers[0].restarts == 2
        assert (await machine.log(cluster, pod.name)).strip() == "3"
        assert (await machine.log(cluster, pod.name, previous=True)).strip() == "2"

    machine.play(scenario)


def test_restarts_end_at_the_limit(machine):
    """With OnFailure, backoffLimit bounds the restarts, and the Job fails."""

    async def scenario(cluster):
        manifest = machine.job("a", "exit 7", backoffLimit=2, pod={"restartPolicy": "OnFailure"})
        job, (pod,) = await machine.run(cluster, manifest)
        assert job.end is not None
        assert job.end.reason == "BackoffLimitExceeded"
        assert (pod.phase, pod.containers[0].exit_code) == ("Failed", 7)

    machine.play(scenario)


def test_a_deadline_ends_a_job(machine):
    """SIGTERM can be heard; the pod and its log stay, and the Job says why."""

    async def scenario(cluster):
        script = 'trap "echo heard; exit 5" TERM; echo up; while :; do sleep 0.05; done'
        job, (pod,) = await machine.run(cluster, machine.job("a", script, activeDeadlineSeconds=1, backoffLimit=9))
        assert job.end is not None
        assert job.end.reason == "DeadlineExceeded"
        assert pod.containers[0].exit_code == 5
        lines = (await machine.log(cluster, pod.name)).splitlines()
        assert (lines[0], lines[-1]) == ("up", "heard")

    machine.play(scenario)


def test_a_deadline_kills_what_does_not_listen(machine):
    """After terminationGracePeriodSeconds comes SIGKILL."""

    async def scenario(cluster):
        script = 'trap "" TERM; while :; do sleep 0.05; done'
        pod = {"terminationGracePeriodSeconds": 1}
        job, (pod,) = await machine.run(cluster, machine.job("a", script, pod=pod, activeDeadlineSeconds=1))
        assert job.end is not None
        assert job.end.reason == "DeadlineExceeded"
        assert pod.containers[0].exit_code == 137

    machine.play(scenario)


CANCEL = {"spec": {"activeDeadlineSeconds": 0, "suspend": False}}


def test_cancelling_ends_a_running_job(machine):
    """A patch of the deadline to 0 is how a Job is ended without deleting it."""

    async def scenario(cluster):
        await cluster.jobs.create(machine.job("a", "sleep 100"))
        await machine.until(cluster, "a", lambda job: job.state is State.RUNNING)
        await cluster.jobs.patch("a", CANCEL, resource_version=None)
        job = await machine.ended(cluster, "a")
        assert job.end.reason == "DeadlineExceeded"
        assert (await cluster.jobs.pods("a"))[0].containers[0].exit_code == 143

    machine.play(scenario)


def test_cancelling_a_suspended_job_starts_nothing(machine):
    """It fails at once, and no pod was ever made."""

    async def scenario(cluster):
        await cluster.jobs.create(machine.job("a", "touch /dev/null", suspend=True))
        await cluster.jobs.patch("a", CANCEL, resource_version=None)
        job = await machine.ended(cluster, "a")
        assert (job.end.reason, job.failed) == ("DeadlineExceeded", 0)
        assert list(await cluster.jobs.pods("a")) == []

    machine.play(scenario)


def test_a_suspended_job_waits(machine):
    """It runs once it is resumed, and its start counts from then."""

    async def scenario(cluster):
        waits = await cluster.jobs.create(machine.job("a", suspend=True))
        await machine.run(cluster, machine.job("b"))
        assert (await cluster.jobs.read("a")).state is State.QUEUED
        assert (waits.started, list(await cluster.jobs.pods("a"))) == (None, [])
        await cluster.jobs.patch("a", {"spec": {"suspend": False}}, resource_version=None)
        job = await machine.ended(cluster, "a")
        assert job.state is State.SUCCEEDED
        assert job.started > job.created
        conditions = (await cluster.jobs.manifest("a"))["status"]["conditions"]
        assert ("Suspended", "False", "JobResumed") in [(c["type"], c["status"], c["reason"]) for c in conditions]

    machine.play(scenario)


def test_suspending_ends_the_pods(machine):
    """They do not count as failures; the Job runs anew when it is resumed."""

    async def scenario(cluster):
        flag = machine.folder / "flag"
        await cluster.jobs.create(machine.job("a", f"test -e {flag} || sleep 100"))
        await machine.until(cluster, "a", lambda job: job.state is State.RUNNING)
        await cluster.jobs.patch("a", {"spec": {"suspend": True}}, resource_version=None)
        await machine.until(cluster, "a", lambda job: job.suspended and not job.active)
        assert list(await cluster.jobs.pods("a")) == []
        flag.touch()
        await cluster.jobs.patch("a", {"spec": {"suspend": False}}, resource_version=None)
        job = await machine.ended(cluster, "a")
        assert (job.state, job.failed) == (State.SUCCEEDED, 0)

    machine.play(scenario)


def test_an_indexed_job_runs_every_index(machine):
    """Each pod knows its index, by variable and by expansion; a failed one is tried again."""

    async def scenario(cluster):
        tried = machine.folder / "tried"
        script = f'echo $JOB_COMPLETION_INDEX "$1"; test $JOB_COMPLETION_INDEX != 2 || ! mkdir {tried} 2>/dev/null'
        container = {"command": ["sh", "-c", script, "sh", "arg-$(JOB_COMPLETION_INDEX)"]}
        manifest = machine.job(
            "a", container=container, completionMode="Indexed", completions=4, parallelism=2, backoffLimit=3
        )
        job, pods = await machine.run(cluster, manifest)
        assert (job.state, job.succeeded, job.failed) == (State.SUCCEEDED, 4, 1)
        assert sorted(pod.index for pod in pods) == [0, 1, 2, 2, 3]
        for pod in pods:
            assert await machine.log(cluster, pod.name) == f"{pod.index} arg-{pod.index}\n"
            assert pod.name.startswith(f"a-{pod.index}-")
        assert (await cluster.jobs.manifest("a"))["status"]["completedIndexes"] == "0-3"

    machine.play(scenario)


def test_parallel_pods_run_together(machine):
    """Two tries of one Job can wait for each other."""

    async def scenario(cluster):
        meet = machine.folder / "meet"
        script = f"echo x >> {meet}; until test $(wc -l < {meet}) -ge 2; do sleep 0.02; done"
        job, _ = await machine.run(cluster, machine.job("a", script, parallelism=2, completions=2))
        assert (job.state, job.succeeded) == (State.SUCCEEDED, 2)

    machine.play(scenario, pods=2)


def test_more_jobs_than_turns_wait(machine):
    """The limit of pods holds over all Jobs, and all of them are served."""

    async def scenario(cluster):
        running = machine.folder / "running"
        running.mkdir()
        script = f"mkdir {running}/$$$$; ls {running} | wc -l; sleep 0.1; rmdir {running}/$$$$"
        names = [f"a{number}" for number in range(8)]
        await asyncio.gather(*(cluster.jobs.create(machine.job(name, script)) for name in names))
        for name in names:
            await machine.ended(cluster, name)
            (pod,) = await cluster.jobs.pods(name)
            assert int(await machine.log(cluster, pod.name)) <= 2

    machine.play(scenario, pods=2)


def test_a_failure_policy_ends_a_job(machine):
    """FailJob by exit code spares the other tries."""

    async def scenario(cluster):
        rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}
        manifest = machine.job("a", "exit 42", backoffLimit=5, podFailurePolicy={"rules": [rule]})
        job, pods = await machine.run(cluster, manifest)
        assert job.end is not None
        assert (job.end.reason, len(pods)) == ("PodFailurePolicy", 1)
        assert "exit code 42" in job.end.message

    machine.play(scenario)


def test_init_containers_come_first(machine):
    """One after another, then the containers; a failing one fails the pod."""

    async def scenario(cluster):
        def container(name, script):
            return {"name": name, "command": ["sh", "-c", script]}

        inits = [container("one", "echo 1 >> order"), container("two", "echo 2 >> order")]
        job, (pod,) = await machine.run(cluster, machine.job("a", "cat order", pod={"initContainers": inits}))
        assert job.state is State.SUCCEEDED
        assert await machine.log(cluster, pod.name) == "1\n2\n"
        assert [(c.name, c.init) for c in pod.containers] == [("one", True), ("two", True), ("main", False)]
        inits = [container("one", "exit 4"), container("two", "exit 0")]
        job, (pod,) = await machine.run(cluster, machine.job("b", pod={"initContainers": inits}))
        assert job.state is State.FAILED
        assert [c.state for c in pod.containers] == ["terminated", "waiting", "waiting"]

    machine.play(scenario)


def test_containers_run_together(machine):
    """All of a pod's containers count: one that fails fails the pod, when all have ended."""

    async def scenario(cluster):
        second = {"name": "second", "command": ["sh", "-c", "until test -e up; do sleep 0.02; done; exit 6"]}
        manifest = machine.job("a", "touch up; sleep 0.1")
        manifest["spec"]["template"]["spec"]["containers"].append(second)
        job, (pod,) = await machine.run(cluster, manifest)
        assert job.state is State.FAILED
        assert [c.exit_code for c in pod.containers] == [0, 6]

    machine.play(scenario)


def test_variables_are_as_on_kubernetes(machine):
    """Values in their order with `$(NAME)`, the pod's fields, and nothing of the receiver's own environment."""

    async def scenario(cluster):
        def field(path):
            return {"fieldRef": {"fieldPath": path}}

        env = [
            {"name": "A", "value": "1"},
            {"name": "B", "value": "$(A)-$$(A)-$(LATER)"},
            {"name": "LATER", "value": "x"},
            {"name": "POD", "valueFrom": field("metadata.name")},
            {"name": "NAMESPACE", "valueFrom": field("metadata.namespace")},
            {"name": "UID", "valueFrom": field("metadata.uid")},
            {"name": "LABEL", "valueFrom": field("metadata.labels['team']")},
            {"name": "NOTE", "valueFrom": field("metadata.annotations['example.org/note']")},
            {"name": "NONE", "valueFrom": field("metadata.labels['none']")},
            {"name": "JOB", "valueFrom": field("metadata.labels['batch.kubernetes.io/job-name']")},
        ]
        template = {"metadata": {"labels": {"team": "blue"}, "annotations": {"example.org/note": "$(A)\nü"}}}
        container = {
            "command": [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"],
            "env": env,
        }
        _, (pod,) = await machine.run(cluster, machine.job("a", container=container, template=template))
        seen = json.loads(await machine.log(cluster, pod.name))
        assert (seen["A"], seen["B"], seen["LATER"]) == ("1", "1-$(A)-$(LATER)", "x")
        assert (seen["POD"], seen["NAMESPACE"], seen["LABEL"]) == (pod.name, "default", "blue")
        assert (seen["NOTE"], seen["NONE"], seen["JOB"]) == ("$(A)\nü", "", "a")
        assert seen["UID"]
        assert seen["HOME"].startswith(str(machine.folder))
        ours = {variable["name"] for variable in env}
        assert set(seen) - ours <= {"PATH", "LANG", "HOME", "TMPDIR", "JOBHOOK_TERMINATION_LOG", "LC_CTYPE", "PWD"}

    os.environ["A_SECRET_OF_THE_RECEIVER"] = "x"
    try:
        machine.play(scenario)
    finally:
        del os.environ["A_SECRET_OF_THE_RECEIVER"]


def test_the_event_file_is_found(machine):
    """A downwardAPI volume becomes a file, and its path in a variable and in arguments becomes the real one."""

    async def scenario(cluster):
        text = json.dumps({"id": "1", "data": 'a "b"\nü'})
        volume = {
            "name": "event",
            "downwardAPI": {
                "items": [
                    {"path": "event.json", "fieldRef": {"fieldPath": "metadata.annotations['jobhook.dev/event-data']"}}
                ]
            },
        }
        container = {
            "command": ["sh", "-c", 'cat "$JOBHOOK_EVENT_FILE"; cat "$1"', "sh", "/var/run/jobhook/event.json"],
            "env": [{"name": "JOBHOOK_EVENT_FILE", "value": "/var/run/jobhook/event.json"}],
            "volumeMounts": [{"name": "event", "mountPath": "/var/run/jobhook", "readOnly": True}],
        }
        template = {"metadata": {"annotations": {"jobhook.dev/event-data": text}}}
        manifest = machine.job("a", container=container, pod={"volumes": [volume]}, template=template)
        job, (pod,) = await machine.run(cluster, manifest)
        assert job.state is State.SUCCEEDED
        assert await machine.log(cluster, pod.name) == text + text

    machine.play(scenario)


def test_a_payload_record_is_a_volume(machine):
    """A configMap volume holds a record's data; one that is not there fails the pod and says so."""

    async def scenario(cluster):
        await cluster.payloads.create(
            Record(name="a-event", data={"event.json": b'{"x": 1}', "bin": bytes(range(256))})
        )
        volumes = [
            {"name": "all", "configMap": {"name": "a-event"}},
            {"name": "one", "configMap": {"name": "a-event", "items": [{"key": "bin", "path": "deep/file"}]}},
            {"name": "empty", "emptyDir": {}},
        ]
        container = {
            "command": ["sh", "-c", 'cat "$A"/event.json; wc -c < "$B"/deep/file; touch "$C"/x; ls "$C"'],
            "env": [{"name": name, "value": f"/mnt/{name}"} for name in "ABC"],
            "volumeMounts": [
                {"name": volume["name"], "mountPath": f"/mnt/{name}"}
                for name, volume in zip("ABC", volumes, strict=True)
            ],
        }
        job, (pod,) = await machine.run(cluster, machine.job("a", container=container, pod={"volumes": volumes}))
        assert job.state is State.SUCCEEDED
        assert (await machine.log(cluster, pod.name)).split() == ['{"x":', "1}256", "x"]
        missing = [{"name": "all", "configMap": {"name": "nowhere"}}]
        job, (pod,) = await machine.run(cluster, machine.job("b", pod={"volumes": missing}))
        assert (job.state, pod.reason) == (State.FAILED, "FailedMount")
        assert "nowhere" in pod.message

    machine.play(scenario)


def test_a_working_folder_is_found_or_made(machine, tmp_path):
    """One of this machine is used as it is; another is made inside the pod; none is the pod's own, and empty."""

    async def scenario(cluster):
        places = {}
        for name, folder in {"a": str(tmp_path), "b": "/no/such/folder", "c": None, "d": "sub"}.items():
            container = {"workingDir": folder} if folder else {}
            _, (pod,) = await machine.run(cluster, machine.job(name, "pwd -P; ls | wc -l", container=container))
            places[name] = (await machine.log(cluster, pod.name)).split()
        assert places["a"][0] == str(tmp_path.resolve())
        for name, end in {"b": "/work/no/such/folder", "c": "/work", "d": "/work/sub"}.items():
            assert places[name][0].startswith(str(machine.folder.resolve()))
            assert places[name][0].endswith(end)
            assert places[name][1] == "0"

    machine.play(scenario)


@pytest.mark.parametrize(
    ("script", "policy", "message"),
    [
        ('printf "done: 5" > "$JOBHOOK_TERMINATION_LOG"', None, "done: 5"),
        ('printf result > "${JOBHOOK_TERMINATION_LOG:-/dev/termination-log}"; exit 1', None, "result"),
        ("echo last words; exit 1", None, ""),
        ("echo last words; exit 1", "FallbackToLogsOnError", "last words\n"),
        ("echo last words", "FallbackToLogsOnError", ""),
        ('echo x; printf own > "$JOBHOOK_TERMINATION_LOG"; exit 1', "FallbackToLogsOnError", "own"),
        ('head -c 9000 /dev/zero | tr "\\0" a > "$JOBHOOK_TERMINATION_LOG"', None, "a" * 4096),
        ("seq 1000; exit 1", "FallbackToLogsOnError", "".join(f"{n}\n" for n in range(921, 1001))),
        ('rm "$JOBHOOK_TERMINATION_LOG"; mkfifo "$JOBHOOK_TERMINATION_LOG"', None, ""),
        ('ln -sf /etc/passwd "$JOBHOOK_TERMINATION_LOG"', None, ""),
        ('printf "\\377ok" > "$JOBHOOK_TERMINATION_LOG"', None, "\ufffdok"),
    ],
)
def test_a_termination_message_is_read(machine, script, policy, message):
    """From its file, by its policy from the log, at most 4096 bytes; nothing odd in its place is followed."""

    async def scenario(cluster):
        container = {"terminationMessagePolicy": policy} if policy else {}
        _, (pod,) = await machine.run(cluster, machine.job("a", script, container=container))
        assert pod.containers[0].message == message

    machine.play(scenario)


def test_the_termination_path_is_mapped(machine):
    """A container that takes the path as an argument writes to the real one."""

    async def scenario(cluster):
        container = {"command": ["sh", "-c", 'echo ok > "$1"', "sh", "/out/msg"], "terminationMessagePath": "/out/msg"}
        _, (pod,) = await machine.run(cluster, machine.job("a", container=container))
        assert pod.containers[0].message == "ok\n"

    machine.play(scenario)


@pytest.mark.parametrize(
    ("container", "pod", "reason", "names"),
    [
        ({"command": None, "args": ["x"]}, {}, "NoCommand", "main"),
        ({"command": []}, {}, "NoCommand", "images are not pulled"),
        (
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
            {},
            "Unsupported",
            "secretKeyRef",
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]},
            {},
            "Unsupported",
            "podIP",
        ),
        ({"envFrom": [{"secretRef": {"name": "s"}}]}, {}, "Unsupported", "envFrom"),
        ({}, {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}, "Unsupported", "secret"),
        ({}, {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "Unsupported", "hostPath"),
        (
            {},
            {"volumes": [{"name": "v", "configMap": {"name": "c", "items": [{"key": "k", "path": "../../x"}]}}]},
            "Unsupported",
            "../../x",
        ),
    ],
)
def test_what_cannot_be_had_here_fails_at_once(machine, container, pod, reason, names):
    """Before a process starts, with the reason and what it was."""

    async def scenario(cluster):
        job, pods = await machine.run(cluster, machine.job("a", container=container, pod=pod, backoffLimit=6))
        assert job.end is not None
        assert (job.end.reason, list(pods)) == (reason, [])
        assert names in job.end.message

    machine.play(scenario)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"successPolicy": {"rules": []}}, "successPolicy"),
        ({"backoffLimitPerIndex": 1}, "backoffLimitPerIndex"),
        ({"podFailurePolicy": {"rules": [{"action": "FailIndex"}]}}, "podFailurePolicy"),
        ({"parallelism": 2**31}, "parallelism"),
    ],
)
def test_refusals_name_the_field(machine, change, names):
    """The message says which field and why."""

    async def scenario(cluster):
        with pytest.raises(ManifestRefused, match=names):
            await cluster.jobs.create(machine.job("a", **change))

    machine.play(scenario)


def test_sidecars_are_refused(machine):
    """An init container that restarts always would be left out, which would change what the Job does."""

    async def scenario(cluster):
        init = [{"name": "proxy", "command": ["true"], "restartPolicy": "Always"}]
        with pytest.raises(ManifestRefused, match="not on the local cluster"):
            await cluster.jobs.create(machine.job("a", pod={"initContainers": init}))

    machine.play(scenario)


def test_a_time_to_live_is_honoured(machine):
    """ttlSecondsAfterFinished deletes the Job, as Kubernetes would."""

    async def scenario(cluster):
        await machine.run(cluster, machine.job("a", ttlSecondsAfterFinished=1))
        async with asyncio.timeout(20):
            while True:
                try:
                    await cluster.jobs.read("a")
                except NotFound:
                    return
                await asyncio.sleep(0.05)

    machine.play(scenario)


def test_another_controllers_job_is_left_alone(machine):
    """A Job that names another controller is not run here."""

    async def scenario(cluster):
        await cluster.jobs.create(machine.job("a", managedBy="example.org/other"))
        await machine.run(cluster, machine.job("b"))
        assert (await cluster.jobs.read("a")).state is State.PENDING

    machine.play(scenario)


def test_kubernetes_backs_off_longer():
    """The default back-off is Kubernetes' own."""
    assert [Backoff().delay(number).total_seconds() for number in (1, 2, 3, 4, 20)] == [10, 20, 40, 80, 360]
