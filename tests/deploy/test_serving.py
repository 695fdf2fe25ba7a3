"""`jobhook serve` with no more than the service account of the manifests: a whole event, and what each loss costs."""

import json
import os
import subprocess
import sys

import pytest
from driving import Receiver, config, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

COMMIT = "1" * 40
PUSH = {
    "ref": "refs/heads/main",
    "before": "0" * 40,
    "after": COMMIT,
    "commits": [],
    "pusher": {"name": "ada"},
    "repository": {"name": "shop", "full_name": "acme/shop", "html_url": "https://github.com/acme/shop"},
    "sender": {"login": "ada"},
}
BODY = json.dumps(PUSH).encode()
CLEANUP = {"name": "cleanup", "service_account": "jobhook/jobhook-cleanup", "audience": "jobhook", "may": ["cleanup"]}


class Serving:
    """A receiver that reaches its cluster through the counting proxy, as one service account."""

    def __init__(self, receiver, cluster, counting, jobs, token):
        self.receiver, self.cluster, self.counting = receiver, cluster, counting
        self.jobs, self.token = jobs, token

    def push(self):
        return self.receiver.push(BODY)

    def cleanup(self):
        """Run `jobhook cleanup` as the CronJob does; answer its exit code and its report."""
        url = f"http://127.0.0.1:{self.receiver.port}"
        environ = {"PATH": os.environ["PATH"], "JOBHOOK_URL": url, "JOBHOOK_TOKEN_FILE": str(self.token)}
        command = [sys.executable, "-m", "webhook", "cleanup", "--json", "--patience", "1"]
        done = subprocess.run(command, check=False, env=environ, capture_output=True, text=True, timeout=60)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def names(self):
        """The Jobs that there are."""
        told = self.cluster.kubectl("--namespace", self.jobs, "get", "jobs", "-o", "name").split()
        return [name.removeprefix("job.batch/") for name in told]


@pytest.fixture
def serving(request, applied, counting, sink, tmp_path):
    """Start a receiver as the account `jobhook` of these namespaces."""
    hello, rights, started = request.getfixturevalue("hello"), request.getfixturevalue("rights"), []

    def start(own, jobs, *, ready=True, answer="8s"):
        kubeconfig = rights.kubeconfig(tmp_path, own, url=counting.url)
        token = tmp_path / "cleanup-token"
        create = ("--namespace", "jobhook", "create", "token", "jobhook-cleanup", "--audience=jobhook")
        token.write_text(applied.kubectl(*create))
        environ = {"JOBHOOK_CLUSTER": "kubernetes", "KUBECONFIG": str(kubeconfig)}
        environ |= {"JOB_NAMESPACE": jobs, "JOBHOOK_NAMESPACE": own}
        once = config(sink, callers=[CLEANUP], retention={"succeeded": "0s"}, settle="0s", limits={"answer": answer})
        receiver = Receiver(tmp_path, definitions={"hello.yaml": hello(applied.image)}, config=once, environ=environ)
        started.append(receiver)
        receiver.start(ready=ready)
        if not ready:
            until(lambda: receiver.lines("serving"), what="the receiver listening")
            receiver.port = receiver.lines("serving")[-1]["port"]
        return Serving(receiver, applied, counting, jobs, token)

    yield start
    for receiver in started:
        if receiver.process is not None and receiver.process.poll() is None:
            receiver.kill()


def test_a_whole_event_within_the_rights(serving, sink, rendered, rights):
    """Launch, watch, a completion with what the pod said, cleanup by the CronJob's account: no call is beyond the rights."""
    here = serving("jobhook", "jobhook-jobs")
    answer = here.push()
    assert answer.status == 202, answer.body
    (job,) = here.names()
    completion = sink.wait(job)
    assert completion["type"] == "dev.jobhook.job.succeeded.v1"
    assert completion["data"]["result"] == {"commit": COMMIT}
    again = here.push()
    assert again.status == 202
    until(lambda: here.cleanup()[1]["deleted"] == 1 or not here.names(), what="the Job's cleanup")
    assert here.names() == []
    assert here.receiver.stop() == 0
    assert here.counting.denied == set()
    assert here.counting.used <= set(rights.granted(rendered()))
    of_jobs = {right.verb for right in here.counting.used if right.resource == "jobs"}
    assert of_jobs == {"create", "get", "list", "watch", "patch", "delete"}
    of_ledger = {right.verb for right in here.counting.used if right.namespace == "jobhook"}
    assert {"list", "watch", "create"} <= of_ledger
    assert {"pods", "tokenreviews"} <= {right.resource for right in here.counting.used}


@pytest.fixture
def lacking(serving, applied, rendered, rights):
    """Start a receiver whose account lacks one right."""

    def start(*lost, **more):
        own, jobs = applied.namespace(), applied.namespace()
        applied.apply(*rights.moved(rights.without(rendered(), *lost), own=own, jobs=jobs))
        return serving(own, jobs, **more)

    return start


def test_without_creating_jobs_the_sender_is_told_to_come_again(lacking):
    """503 and Retry-After, as the right may be granted meanwhile; nothing was made."""
    here = lacking("jobhook-jobs", "jobs", "create", answer="2s")
    answer = here.push()
    assert (answer.status, here.names()) == (503, [])
    assert int(answer.headers["retry-after"]) > 0


def test_without_getting_jobs_a_repeat_cannot_be_answered(lacking):
    """The first delivery is fine; whether the second is the same can only be read in the Job."""
    here = lacking("jobhook-jobs", "jobs", "get", answer="2s")
    assert [here.push().status, here.push().status] == [202, 503]


@pytest.mark.parametrize(("verb", "status"), [("list", 503), ("watch", 200)])
def test_without_following_jobs_readiness_names_the_right(lacking, verb, status):
    """It shows at the rollout, not weeks later: nothing works without a list; a watch that is refused becomes polling."""
    here = lacking("jobhook-jobs", "jobs", verb, ready=False)

    def told():
        answer = here.receiver.ask("GET", "/readyz")
        return answer.status == status and f'cannot {verb} resource \\"jobs\\"' in answer.body.decode()

    until(told, what="readiness to name the right")


@pytest.mark.parametrize(("resource", "verb"), [("jobs", "patch"), ("pods", "list")])
def test_without_claims_or_pods_no_completion_goes_out(lacking, sink, resource, verb):
    """A completion that could not be claimed, or would lack its result, waits."""
    here = lacking("jobhook-jobs", resource, verb)
    assert here.push().status == 202
    until(lambda: {(right.resource, right.verb) for right in here.counting.denied} == {(resource, verb)})
    assert sink.requests == []


def test_without_deleting_jobs_nothing_is_cleaned_up(lacking, sink):
    """The report counts it, and the Job stays."""
    here = lacking("jobhook-jobs", "jobs", "delete")
    assert here.push().status == 202
    (job,) = here.names()
    sink.wait(job)
    until(lambda: here.cleanup()[1]["errors"] == 1, what="an error in the report")
    assert here.names() == [job]


def test_without_token_reviews_the_cronjob_is_not_known(lacking):
    """Its token cannot be checked, which is no refusal: the next run may be luckier."""
    here = lacking("", "tokenreviews", "create")
    code, told = here.cleanup()
    assert code == 3, told
    assert {right.resource for right in here.counting.denied} == {"tokenreviews"}
