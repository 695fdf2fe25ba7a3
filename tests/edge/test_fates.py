"""Several definitions, mixed fates: what a real API server says of each decides the one status."""

import json

import pytest
from driving import Receiver, Sink, config, until

JOB = """
name: NAME
on: [{type: com.example.test}]
labels: {made-by: NAME}
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    suspend: true
    template:
      spec:
        restartPolicy: Never
        containers: [{name: c, image: i}]
"""
GOOD = JOB.replace("NAME", "good")
UNKNOWN_FIELD = JOB.replace("NAME", "unknown-field").replace("suspend: true", "suspend: true\n    suspended: true")
INVALID = JOB.replace("NAME", "invalid").replace("restartPolicy: Never", "restartPolicy: Sometimes")
DENIED = JOB.replace("NAME", "denied")
LIMITED = JOB.replace("NAME", "limited")


@pytest.fixture
def receiver_with(throwaway, tmp_path):
    """A maker of receivers in one fresh namespace, with the definitions given."""
    namespace = throwaway.namespace()
    sink, made = Sink(), []

    def make(**definitions):
        environ = {"JOBHOOK_CLUSTER": "kubernetes", "KUBECONFIG": str(throwaway.kubeconfig), "JOB_NAMESPACE": namespace}
        files = {f"{name}.yaml": text for name, text in definitions.items()}
        settings = config(sink, limits={"answer": "2s"})
        made.append(Receiver(tmp_path, definitions=files, config=settings, environ=environ).start())
        made[-1].namespace = namespace
        return made[-1]

    yield make
    for receiver in made:
        receiver.stop()
    sink.close()


def _fates(answer):
    return {
        job["definition"]: next(key for key in ("created", "refused", "postponed") if key in job)
        for job in answer.json["jobs"]
    }


def test_refused_for_good_beside_a_good_one_is_422(receiver_with):
    """An unknown field under Strict and an invalid value are for good; the good Job is there; the reasons are the server's."""
    receiver = receiver_with(a=GOOD, b=UNKNOWN_FIELD, c=INVALID)
    answer = receiver.send(id="mixed")
    assert answer.status == 422
    assert _fates(answer) == {"good": "created", "unknown-field": "refused", "invalid": "refused"}
    reasons = {job["definition"]: job.get("refused", "") for job in answer.json["jobs"]}
    assert "suspended" in reasons["unknown-field"]
    assert "restartPolicy" in reasons["invalid"]
    again = receiver.send(id="mixed")
    assert again.status == 422
    assert [job.get("created") for job in again.json["jobs"]].count(False) == 1


def test_what_may_pass_outweighs_what_is_refused(receiver_with, throwaway):
    """Over quota beside invalid: 503 with Retry-After, as a repeat is safe; once there is room, the same event goes on."""
    receiver = receiver_with(a=INVALID, b=LIMITED)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": receiver.namespace},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    throwaway.apply(quota)
    answer = None
    for number in range(100):  # the quota controller takes a moment to know its own quota
        answer = receiver.send(id=f"limited-{number}")
        if "postponed" in _fates(answer).values():
            break
    assert answer.status == 503, answer.body
    assert int(answer.getheader("retry-after")) >= 1
    assert _fates(answer) == {"invalid": "refused", "limited": "postponed"}
    throwaway.kubectl("delete", "resourcequota", "none", "-n", receiver.namespace)
    again = receiver.send(id=answer.json["event"])
    assert again.status == 422
    assert _fates(again) == {"invalid": "refused", "limited": "created"}


def test_an_admission_policy_that_denies_is_for_good(receiver_with, throwaway):
    """Its words reach the sender; the same manifest would be denied again."""
    name = f"deny-{throwaway.namespace()}"
    receiver = receiver_with(a=GOOD, b=DENIED)
    match = {
        "resourceRules": [
            {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": receiver.namespace}},
    }
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": match,
            "validations": [
                {
                    "expression": "object.metadata.?labels['made-by'].orValue('') != 'denied'",
                    "message": "not on a Monday",
                }
            ],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    throwaway.apply(policy, binding)
    try:
        for number in range(200):  # a policy takes a moment to be in force
            answer = receiver.send(id=f"denied-{number}")
            if answer.status == 422:
                break
        assert _fates(answer) == {"good": "created", "denied": "refused"}
        assert "not on a Monday" in json.dumps(answer.json)
    finally:
        throwaway.kubectl("delete", "validatingadmissionpolicybinding", name)
        throwaway.kubectl("delete", "validatingadmissionpolicy", name)


def test_a_batch_tells_each_events_fate(receiver_with):
    """The worst of all events is the status; each event names its Jobs."""
    receiver = receiver_with(a=GOOD)
    events = [
        {"specversion": "1.0", "source": "/b", "id": str(number), "type": type_}
        for number, type_ in enumerate(["com.example.test", "com.example.nobody", "com.example.test"])
    ]
    answer = receiver.as_caller(
        "POST",
        "/events",
        json.dumps(events).encode(),
        {"content-type": "application/cloudevents-batch+json", "accept": "application/json"},
    )
    assert answer.status == 202
    assert [(one["event"], one["source"], len(one["jobs"])) for one in answer.json["events"]] == [
        ("0", "/b", 1),
        ("1", "/b", 0),
        ("2", "/b", 1),
    ]


MANY = "\n---\n".join(JOB.replace("NAME", f"many-{number}").replace("com.example.test", "many") for number in range(51))
AWAY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {},
    "webhooks": [
        {
            "name": "away.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "rules": [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}],
            "objectSelector": {"matchLabels": {"made-by": "away"}},
        }
    ],
}
"""An admission webhook that nobody answers, for the Jobs of one definition: what it is asked about may pass later."""


@pytest.fixture
def mixed(receiver_with, throwaway):
    """A receiver with one type for each fate, once the API server asks the webhook that is away."""
    jobs = {
        name: JOB.replace("NAME", name).replace("com.example.test", name) for name in ("good", "invalid", "away")
    } | {"many": MANY}
    jobs["invalid"] = jobs["invalid"].replace("restartPolicy: Never", "restartPolicy: Sometimes")
    receiver = receiver_with(**jobs)
    away = json.loads(json.dumps(AWAY))
    away["metadata"]["name"] = f"away-{receiver.namespace}"
    away["webhooks"][0]["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": receiver.namespace}}
    throwaway.apply(away)
    numbers = iter(range(200))
    until(lambda: receiver.send(type="away", id=f"try-{next(numbers)}").status == 503, what="the webhook being asked")
    yield receiver
    throwaway.kubectl("delete", "validatingwebhookconfiguration", away["metadata"]["name"])


def test_the_worst_of_a_batch_is_its_status_and_each_fate_is_told(mixed):
    """Later outweighs never, and never outweighs done; what is never for an event as a whole counts as well."""
    told = {"good": "created", "invalid": "refused", "away": "postponed"}
    for types, status in {
        ("good", "invalid"): 422,
        ("good", "many"): 422,
        ("good", "away"): 503,
        ("many", "away"): 503,
        ("away", "invalid", "good"): 503,
        ("many", "good", "away", "invalid"): 503,
    }.items():
        events = [
            {"specversion": "1.0", "source": "/m", "id": f"{number} of {types}", "type": type_}
            for number, type_ in enumerate(types)
        ]
        head = {"content-type": "application/cloudevents-batch+json"}
        answer = mixed.as_caller("POST", "/events", json.dumps(events).encode(), head)
        assert answer.status == status, answer.body
        assert (answer.getheader("retry-after") is not None) == (status == 503)
        for type_, event in zip(types, answer.json["events"], strict=True):
            if type_ == "many":
                assert (event["jobs"], "51 definitions" in event["refused"]) == ([], True)
            else:
                assert told[type_] in event["jobs"][0]
