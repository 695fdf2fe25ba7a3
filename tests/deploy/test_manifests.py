"""What a receiver in a cluster must be: looked up in what kustomize renders, for each way to install it."""

import asyncio
import pathlib

import pytest
import yaml

from webhook.definitions.library import Library
from webhook.metrics import Metrics
from webhook.settings import load

pytestmark = pytest.mark.cluster
WAYS = [".", "token-file", "knative"]
RIGHTS = {
    ("jobhook-jobs", "batch", "jobs"): "create get list watch patch delete",
    ("jobhook-jobs", "", "pods"): "get list",
    ("jobhook-jobs", "", "pods/log"): "get",
    ("jobhook-jobs", "", "events"): "list",
    ("jobhook-jobs", "", "configmaps"): "create get list patch delete",
    ("jobhook", "", "configmaps"): "get list watch create update delete",
}


def of(objects, kind, name="jobhook", namespace=None):
    """The one object of that kind and name."""
    (found,) = [
        each
        for each in objects
        if (each["kind"], each["metadata"]["name"]) == (kind, name)
        and namespace in {None, each["metadata"].get("namespace")}
    ]
    return found


def pods(objects):
    """The pod templates: the receiver's, and the CronJob's."""
    cron = of(objects, "CronJob", "jobhook-cleanup")["spec"]["jobTemplate"]["spec"]["template"]
    return [of(objects, "Deployment")["spec"]["template"], cron]


@pytest.fixture(params=WAYS)
def objects(request, rendered):
    """The objects of one way to install."""
    return rendered(request.param)


def test_pods_may_do_nothing_on_their_node(objects):
    """Non-root by number, a read-only root, no capability, no escalation, the runtime's seccomp profile."""
    for pod in pods(objects):
        of_pod, (container,) = pod["spec"]["securityContext"], pod["spec"]["containers"]
        assert of_pod["runAsNonRoot"] is True
        assert of_pod["runAsUser"] == of_pod["runAsGroup"] == of_pod["fsGroup"] == 10001
        assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod["spec"].keys()


def test_pods_say_what_they_need(objects):
    """Requests for CPU and memory, and a limit of memory and disk."""
    for pod in pods(objects):
        resources = pod["spec"]["containers"][0]["resources"]
        assert {"cpu", "memory", "ephemeral-storage"} <= resources["requests"].keys()
        assert {"memory", "ephemeral-storage"} <= resources["limits"].keys()


def test_two_receivers_on_two_nodes_stay_through_disruptions(objects):
    """Two replicas, spread, one at a time leaving; both selectors and the Service mean the same pods."""
    deployment = of(objects, "Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["replicas"] == 2
    assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    spread = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    budget = of(objects, "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    selectors = [deployment["selector"]["matchLabels"], budget["selector"]["matchLabels"]]
    selectors += [
        of(objects, "Service")["spec"]["selector"],
        *(each["labelSelector"]["matchLabels"] for each in spread),
    ]
    cleanup = pods(objects)[1]["metadata"]["labels"]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not selector.items() <= cleanup.items()


def test_probes_ask_what_they_mean(objects):
    """Alive is asked of the process alone; ready asks the receiver what it thinks."""
    (container,) = pods(objects)[0]["spec"]["containers"]
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 8080}
    (port,) = of(objects, "Service")["spec"]["ports"]
    assert port["targetPort"] == "http"


def test_a_rollout_leaves_time_to_finish(objects):
    """The pod serves on while its address goes, and then has the ten seconds that a stop may take."""
    pod = pods(objects)[0]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause >= 5
    assert pod["terminationGracePeriodSeconds"] >= pause + 10


def test_cleanup_never_piles_up(objects):
    """Forbid, deadlines for the start and for the run, which is over before the next; one try."""
    cron = of(objects, "CronJob", "jobhook-cleanup")["spec"]
    assert cron["concurrencyPolicy"] == "Forbid"
    assert cron["schedule"] == "*/5 * * * *"
    assert cron["startingDeadlineSeconds"] < 300
    job = cron["jobTemplate"]["spec"]
    assert 240 < job["activeDeadlineSeconds"] < 300, "longer than the command's own patience, shorter than the period"
    assert job["backoffLimit"] == 0
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert job["template"]["spec"]["containers"][0]["command"] == ["jobhook", "cleanup"]


@pytest.mark.parametrize("way", [".", "knative"])
def test_cleanup_shows_a_token_that_only_we_take(rendered, way):
    """A projected token with an audience of its own, that of the caller in jobhook.yaml, and no API token at all."""
    objects = rendered(way)
    pod = pods(objects)[1]["spec"]
    assert pod["automountServiceAccountToken"] is False
    (source,) = pod["volumes"][0]["projected"]["sources"]
    token, (mount,) = source["serviceAccountToken"], pod["containers"][0]["volumeMounts"]
    variables = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    assert variables["JOBHOOK_TOKEN_FILE"] == f"{mount['mountPath']}/{token['path']}"
    (caller,) = configuration(objects)["callers"]
    assert caller["service_account"] == f"jobhook/{pod['serviceAccountName']}"
    assert caller["audience"] == token["audience"] == "jobhook"
    assert caller["may"] == ["cleanup"]


def test_without_a_cluster_role_the_token_is_a_file(rendered):
    """The overlay token-file: no right beyond the two namespaces, and the CronJob gets one key of the Secret."""
    objects = rendered("token-file")
    assert not [each for each in objects if each["kind"].startswith("ClusterRole")]
    pod = pods(objects)[1]["spec"]
    assert pod["automountServiceAccountToken"] is False
    (source,) = pod["volumes"][0]["projected"]["sources"]
    assert source == {"secret": {"name": "jobhook", "items": [{"key": "cleanup", "path": "token"}]}}
    (caller,) = configuration(objects)["callers"]
    assert caller["tokens"] == ["/run/secrets/jobhook/cleanup"]
    assert "service_account" not in caller


def configuration(objects):
    """The jobhook.yaml that the receivers read: the ConfigMap's name is the one that they mount."""
    volumes = {each["name"]: each for each in pods(objects)[0]["spec"]["volumes"]}
    return yaml.safe_load(of(objects, "ConfigMap", volumes["config"]["configMap"]["name"])["data"]["jobhook.yaml"])


def test_a_new_configuration_rolls_and_new_definitions_do_not(objects):
    """The name of jobhook.yaml's ConfigMap changes with its content; that of the definitions' stays."""
    volumes = {each["name"]: each for each in pods(objects)[0]["spec"]["volumes"]}
    assert volumes["config"]["configMap"]["name"].startswith("jobhook-config-")
    assert volumes["definitions"]["configMap"]["name"] == "jobhook-definitions"
    assert of(objects, "ConfigMap", "jobhook-definitions")["data"]


def test_paths_fit_together(objects):
    """What the environment and jobhook.yaml name is what is mounted, read-only."""
    (container,) = pods(objects)[0]["spec"]["containers"]
    mounts = {each["name"]: each for each in container["volumeMounts"]}
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert variables["JOBHOOK_CONFIG"] == f"{mounts['config']['mountPath']}/jobhook.yaml"
    assert variables["JOB_DEFINITIONS_CONFIG_PATH"] == mounts["definitions"]["mountPath"]
    assert variables["JOB_NAMESPACE"] == "jobhook-jobs"
    for source in configuration(objects)["sources"].values():
        assert all(pathlib.PurePath(name).is_relative_to(mounts["secrets"]["mountPath"]) for name in source["secrets"])
    assert all(mounts[name]["readOnly"] for name in ("config", "definitions", "secrets"))


def test_both_namespaces_hold_their_pods_to_the_strictest_standard(objects):
    """PodSecurity `restricted`, enforced."""
    for name in ("jobhook", "jobhook-jobs"):
        labels = of(objects, "Namespace", name)["metadata"]["labels"]
        for mode in ("enforce", "audit", "warn"):
            assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_nobody_talks_to_the_receiver_unasked(objects):
    """Its own CronJob and labelled namespaces reach it; nobody from outside reaches Jobs or the CronJob."""
    receiver = of(objects, "NetworkPolicy")["spec"]
    assert receiver["podSelector"]["matchLabels"].items() <= pods(objects)[0]["metadata"]["labels"].items()
    (rule,) = receiver["ingress"]
    assert rule["ports"] == [{"port": "http", "protocol": "TCP"}]
    asking = [each["podSelector"]["matchLabels"] for each in rule["from"] if "podSelector" in each]
    assert [each.items() <= pods(objects)[1]["metadata"]["labels"].items() for each in asking] == [True]
    assert {"namespaceSelector": {"matchLabels": {"jobhook.dev/access": "true"}}} in rule["from"]
    cleanup = of(objects, "NetworkPolicy", "jobhook-cleanup")["spec"]
    assert "ingress" not in cleanup
    assert set(cleanup["policyTypes"]) == {"Ingress", "Egress"}
    jobs = of(objects, "NetworkPolicy", "jobhook-jobs", "jobhook-jobs")["spec"]
    assert jobs["podSelector"] == {}
    assert jobs["ingress"] == [{"from": [{"podSelector": {}}]}]


def test_our_own_objects_do_not_look_like_our_jobs(objects):
    """The label by which the receiver knows its own is on none of the manifests' objects: it would delete them."""
    for each in objects:
        assert "app.kubernetes.io/managed-by" not in each["metadata"].get("labels", {}), each["metadata"]["name"]
    for pod in pods(objects):
        assert "app.kubernetes.io/managed-by" not in pod["metadata"]["labels"]


def test_rights_are_those_of_the_table(objects):
    """Word for word; nobody else is bound to anything, and no rule names secrets or a wildcard."""
    granted = {}
    for role in objects:
        if role["kind"] == "Role":
            assert role["metadata"]["name"] == "jobhook"
            for rule in role["rules"]:
                ((group,), (resource,)) = rule["apiGroups"], rule["resources"]
                granted[role["metadata"]["namespace"], group, resource] = " ".join(rule["verbs"])
        if role["kind"] == "ClusterRole":
            assert role["rules"] == [
                {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}
            ]
        if role["kind"].endswith("Binding"):
            assert role.get("subjects", []) == [
                {"kind": "ServiceAccount", "name": "jobhook", "namespace": "jobhook"}
            ] or (role["kind"] == "SinkBinding")
    assert granted == RIGHTS


def test_the_knative_overlay_takes_events_at_its_root_and_binds_its_sink(rendered):
    """The Trigger posts to `/`, but not our own completions; the SinkBinding means the Deployment."""
    objects = rendered("knative")
    trigger, binding = of(objects, "Trigger"), of(objects, "SinkBinding")
    assert trigger["metadata"]["namespace"] == binding["metadata"]["namespace"] == "jobhook"
    subscriber = trigger["spec"]["subscriber"]
    assert subscriber == {"ref": {"apiVersion": "v1", "kind": "Service", "name": "jobhook"}, "uri": "/"}
    assert trigger["spec"]["filters"] == [{"not": {"prefix": {"type": "dev.jobhook.job."}}}]
    assert trigger["spec"]["broker"] == binding["spec"]["sink"]["ref"]["name"]
    assert binding["spec"]["subject"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "jobhook"}
    assert configuration(objects)["events"] == {"auth": "none"}
    reaching = of(objects, "NetworkPolicy")["spec"]["ingress"][0]["from"]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "knative-eventing"}}} in reaching


@pytest.mark.parametrize("way", WAYS)
def test_the_configuration_is_one_that_the_receiver_takes(rendered, way, tmp_path):
    """Each jobhook.yaml is read whole by the product's own reader, with the Secret's files in place."""
    text = yaml.safe_dump(configuration(rendered(way)))
    (tmp_path / "jobhook.yaml").write_text(text.replace("/run/secrets/jobhook", str(tmp_path)))
    for name in ("github", "cleanup"):
        (tmp_path / name).write_text(f"a-secret-of-the-test-{name}")
    settings = load({"JOBHOOK_CONFIG": str(tmp_path / "jobhook.yaml"), "JOBHOOK_CLUSTER": "kubernetes"})
    assert settings.sources.keys() == {"github"}
    assert not settings.warnings


def test_the_first_definition_compiles(hello, tmp_path):
    """The definition that is shipped is one."""
    (tmp_path / "hello.yaml").write_text(hello("busybox:1"))
    library = Library(tmp_path, metrics=Metrics(), records=None)
    asyncio.run(library.load())
    assert [definition.name for definition in library.current] == ["hello"]
