"""Templates in ConfigMaps: `jobhook serve` with no more than the manifests' rights, and edits on a real API server."""

import json

import pytest
from driving import Receiver, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

NAME = "build-template"
TEMPLATE = """\
apiVersion: batch/v1
kind: Job
metadata: {annotations: {edition: EDITION}}
spec:
  suspend: true
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: none, command: ["true"]}]}}
"""


class Serving:
    """A receiver whose one definition takes its template from a ConfigMap, and the hands that edit it."""

    def __init__(self, cluster, folder, kubeconfig, *, own, jobs, templates):
        self.cluster, self.jobs, self.templates = cluster, jobs, templates
        definition = f"name: build\non: [{{type: com.example.test}}]\nspec_config_map_name: {NAME}\n"
        definition += f"spec_config_map_namespace: {templates}\n"
        environ = {"JOBHOOK_CLUSTER": "kubernetes", "KUBECONFIG": str(kubeconfig)}
        environ |= {"JOB_NAMESPACE": jobs, "JOBHOOK_NAMESPACE": own}
        caller = {"name": "test", "tokens": ["token"], "may": ["events"]}
        self.receiver = Receiver(
            folder, definitions={"build.yaml": definition}, config={"callers": [caller]}, environ=environ
        )

    def edit(self, text):
        """Write the ConfigMap."""
        meta = {"name": NAME, "namespace": self.templates}
        self.cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {NAME: text}})

    def edition(self):
        """Send an event, and answer which edition of the template its Job is of."""
        answer = self.receiver.send()
        assert answer.status == 202, answer.body
        (job,) = answer.json["jobs"]
        shown = self.cluster.kubectl("--namespace", self.jobs, "get", "job", job["name"], "-o", "json")
        return json.loads(shown)["metadata"]["annotations"]["edition"]

    def warnings(self):
        """What /readyz warns of; the receiver is ready all the while."""
        answer = self.receiver.ask("GET", "/readyz")
        assert answer.status == 200, answer.body
        return answer.json.get("warnings", [])

    def stale(self):
        """The metric that tells of a broken edit."""
        told = self.receiver.ask("GET", "/metrics").body.decode()
        return "jobhook_definitions_stale 1.0\n" in told

    def reloads(self):
        return len(self.receiver.lines("definitions.reloaded"))

    def loads(self, act):
        """Do something, and wait until the receiver has loaded what came of it."""
        before = self.reloads()
        act()
        until(lambda: self.reloads() > before, what="a reload")


def template(edition):
    return TEMPLATE.replace("EDITION", edition)


@pytest.fixture
def serving(applied, counting, rendered, rights, tmp_path):
    """A receiver as the account of the manifests, without some rights, behind the proxy that counts."""
    started = []

    def start(*lost):
        own, jobs, templates = (applied.namespace() for _ in range(3))
        whole = rendered() + rendered("templates")
        less = rights.without(whole, *lost) if lost else whole
        applied.apply(*rights.moved(less, own=own, jobs=jobs, templates=templates))
        kubeconfig = rights.kubeconfig(tmp_path, own, url=counting.url)
        here = Serving(applied, tmp_path, kubeconfig, own=own, jobs=jobs, templates=templates)
        here.edit(template("first"))
        started.append(here.receiver)
        here.receiver.start()
        return here

    yield start
    for receiver in started:
        receiver.stop()


def test_an_edit_is_used_by_the_next_event(serving, counting):
    """Each edit once it is loaded; a broken one, and a deletion, leave the last good template, ready, with a warning."""
    here = serving()
    assert here.edition() == "first"
    here.loads(lambda: here.edit(template("second")))
    assert here.edition() == "second"

    here.edit("{% if")
    until(lambda: any(f"ConfigMap {here.templates}/{NAME}:1" in each for each in here.warnings()), what="a warning")
    assert here.stale()
    assert [line["level"] for line in here.receiver.lines("definitions.broken")] == ["error"]
    assert here.edition() == "second"

    here.cluster.kubectl("--namespace", here.templates, "delete", "configmap", NAME)
    missing = f"there is no ConfigMap {here.templates}/{NAME} with a key {NAME}"
    until(lambda: any(missing in each for each in here.warnings()), what="a warning of what is gone")
    assert here.edition() == "second"

    here.loads(lambda: here.edit(template("third")))
    assert here.edition() == "third"
    assert (here.warnings(), here.stale()) == ([], False)

    here.receiver.stop()
    assert counting.denied == set()
    used = {(right.resource, right.verb) for right in counting.used if right.namespace == here.templates}
    assert used == {("configmaps", "get"), ("configmaps", "watch")}


def test_a_definition_may_name_one_that_is_not_there_yet(serving):
    """The edit of the files is kept back with a warning, and is whole once the ConfigMap is made."""
    here = serving()
    here.cluster.kubectl("--namespace", here.templates, "delete", "configmap", NAME)
    file = here.receiver.definitions / "build.yaml"
    until(here.warnings, what="a warning")
    here.loads(lambda: file.write_text(f"name: other\nspec: |\n{indented(template('own'))}"))
    assert here.warnings() == []
    definition = f"name: build\non: [{{type: com.example.test}}]\nspec_config_map_name: {NAME}\n"
    file.write_text(definition + f"spec_config_map_namespace: {here.templates}\n")
    until(here.warnings, what="a warning")
    here.loads(lambda: here.edit(template("late")))
    assert here.edition() == "late"


def indented(text):
    return "".join(f"  {line}\n" for line in text.splitlines())


def test_without_the_right_to_watch_a_template_it_is_read_now_and_then(serving, rendered, rights):
    """Ready, with a warning that names the right, said once in the log; edits are found later, and at once when it is granted."""
    here = serving("acme", "configmaps", "watch")
    denied = f'configmaps "{NAME}" is forbidden'
    until(lambda: any(denied in each and "cannot watch" in each for each in here.warnings()), what="a warning")
    here.loads(lambda: here.edit(template("second")))
    here.loads(lambda: here.edit(template("third")))
    assert here.edition() == "third"
    assert any("it is read now and then" in each for each in here.warnings())
    assert len(here.receiver.lines("watch.forbidden")) == 1

    own = here.receiver.environ["JOBHOOK_NAMESPACE"]
    granted = rights.moved(rendered("templates"), own=own, jobs=here.jobs, templates=here.templates)
    here.cluster.apply(*granted)
    until(lambda: not here.warnings(), what="the end of the warnings")
    here.loads(lambda: here.edit(template("fourth")))
    assert here.edition() == "fourth"


@pytest.mark.parametrize("way", ["restart", "kill"])
def test_edits_are_seen_over_a_restart_of_the_api_server(private_cluster, tmp_path, way):
    """The receiver lives on with the last good template; what is edited afterwards is loaded."""
    jobs = private_cluster.namespace()
    here = Serving(
        private_cluster,
        tmp_path,
        private_cluster.kubeconfig,
        own=jobs,
        jobs=jobs,
        templates=private_cluster.namespace(),
    )
    here.edit(template("first"))
    for number in range(3):  # what was written last is older than the API server's memory after its restart
        private_cluster.kubectl("--namespace", jobs, "create", "configmap", f"other-{number}")
    here.receiver.start()
    try:
        here.loads(lambda: here.edit(template("second")))
        private_cluster.ctl(way, "kube-apiserver")
        if way == "kill":
            until(lambda: here.receiver.lines("watch.interrupted"), what="word of the lost watch")
            assert here.receiver.ask("GET", "/healthz").status == 200
            private_cluster.ctl("start", "kube-apiserver")
        here.loads(lambda: until(lambda: edited(here, "third"), what="the API server taking an edit"))
        until(lambda: here.receiver.ask("GET", "/readyz").status == 200, what="readiness")
        assert here.edition() == "third"
    finally:
        here.receiver.stop()


def edited(here, edition):
    try:
        here.edit(template(edition))
    except AssertionError:  # kubectl's, while the API server comes up
        return False
    return True
