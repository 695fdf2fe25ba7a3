"""docs/deploy.md, held to what is there: its commands, its examples, its table of rights."""

import hashlib
import hmac
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

IMAGE = "registry.example.com/acme/jobhook:0.1.0"


@pytest.fixture(scope="module")
def page(project):
    return (project / "docs/deploy.md").read_text()


@pytest.fixture
def checkout(project, tmp_path):
    """A copy of what the commands of the page touch."""
    for name in ("manifests", "definitions", "webhook/cli/samples"):
        shutil.copytree(project / name, tmp_path / name)
    return tmp_path


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def run(command, folder):
    done = subprocess.run(["bash", "-ec", command], check=False, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kustomize(throwaway, folder):
    return list(yaml.safe_load_all(throwaway.kubectl("kustomize", str(folder))))


def images(objects):
    """The images of the Deployment and the CronJob."""
    return re.findall(
        r"'image': '([^']+)'", str([each for each in objects if each["kind"] in {"Deployment", "CronJob"}])
    )


def test_the_first_event_takes_ten_lines(page, checkout):
    """Ten, each a command; every file that they name is there, or made by a line before."""
    lines = blocks(page, "sh")[0].splitlines()
    assert len(lines) == 10
    made = {"deploy/kustomization.yaml", "github-secret"}
    named = set(re.findall(r"(?<![\w./$-])((?:[\w-]+/)*[\w-]+\.(?:yaml|json)|github-secret)\b", "\n".join(lines)))
    assert {"manifests/base/namespaces.yaml", "webhook/cli/samples/github-push.json"} <= named
    assert [name for name in named - made if not (checkout / name).exists()] == []


@pytest.mark.cluster
def test_the_first_lines_make_a_kustomization_with_your_image(page, checkout, throwaway):
    """The lines without docker and cluster are run: both pods get the image that was built and pushed."""
    first, second = blocks(page, "sh")[0].splitlines()[:2]
    run(f"{first.partition(' && ')[0]}\n{second}", checkout)
    assert images(kustomize(throwaway, checkout / "deploy")) == [IMAGE, IMAGE]


def test_the_signature_is_the_one_that_github_would_send(page, checkout):
    """openssl's line, run, against HMAC-SHA256 of the sample under the secret without its line's end."""
    lines = blocks(page, "sh")[0].splitlines()
    run(lines[2], checkout)
    told = run(f"{lines[7]}\necho $SIGNATURE", checkout).strip()
    secret = (checkout / "github-secret").read_bytes().removesuffix(b"\n")
    body = (checkout / "webhook/cli/samples/github-push.json").read_bytes()
    assert told == hmac.new(secret, body, hashlib.sha256).hexdigest()
    assert "sha256=$SIGNATURE" in lines[8]


@pytest.mark.cluster
def test_the_examples_of_a_kustomization_are_ones(page, checkout, throwaway):
    """Definitions and jobhook.yaml of one's own take the shipped ones' places; the overlays are named as they are."""
    definitions, config = (block for block in blocks(page, "yaml") if "configMapGenerator" in block)
    whole = yaml.safe_load(definitions)
    whole["configMapGenerator"] += yaml.safe_load(config)["configMapGenerator"]
    deploy = checkout / "deploy"
    shutil.copytree(checkout / "definitions", deploy / "definitions")
    (deploy / "jobhook.yaml").write_text("retention: {succeeded: 2h}\n")
    for way in ("../manifests", "../manifests/token-file", "../manifests/knative"):
        assert f"`resources: [{way}]`" in page or f"resources: [{way}]\n" in page
        (deploy / "kustomization.yaml").write_text(yaml.safe_dump(whole | {"resources": [way]}))
        objects = kustomize(throwaway, deploy)
        maps = {each["metadata"]["name"]: each["data"] for each in objects if each["kind"] == "ConfigMap"}
        assert maps.pop("jobhook-definitions").keys() == {"build.yaml", "nightly.yaml"}
        assert list(maps.values()) == [{"jobhook.yaml": "retention: {succeeded: 2h}\n"}]
        assert images(objects) == [IMAGE, IMAGE]


@pytest.mark.cluster
def test_the_table_explains_every_right(page, rendered):
    """Each right that the manifests grant has its row, and no row explains one that they do not."""
    table = page.partition("## Rights, one by one")[2].partition("\n## ")[0]
    explained, namespace = set(), ""
    for row in re.findall(r"^\|(.*)\|$", table, re.MULTILINE)[2:]:
        place, right = (cell.strip() for cell in row.split("|")[:2])
        namespace = place.strip("`") or namespace
        for part in re.findall(r"([a-z/]+) ((?:`[a-z]+`(?:, )?)+)", right):
            explained |= {(namespace, part[0], verb) for verb in re.findall("[a-z]+", part[1])}
    granted = {
        (role["metadata"].get("namespace", "(cluster)"), resource, verb)
        for role in rendered()
        if role["kind"] in {"Role", "ClusterRole"}
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert explained == granted


def test_the_right_to_a_template_is_the_one_of_the_manifests(page, project):
    """The page shows manifests/templates/rights.yaml, word for word."""
    (block,) = (block for block in blocks(page, "yaml") if "resourceNames" in block)
    assert block == (project / "manifests/templates/rights.yaml").read_text()


@pytest.mark.cluster
def test_the_right_to_a_template_is_enough(page, throwaway, rights, rendered, tmp_path):
    """The page's Role, by a ConfigMap's name: that template is read and watched, and its neighbour is not."""
    own, jobs, theirs = (throwaway.namespace() for _ in range(3))
    (block,) = (block for block in blocks(page, "yaml") if "resourceNames" in block)
    role = list(yaml.safe_load_all(block.replace("namespace: acme", f"namespace: {theirs}")))
    role[1]["subjects"][0]["namespace"] = own
    throwaway.apply(*rights.moved(rendered(), own=own, jobs=jobs), *role)
    who = f"--as=system:serviceaccount:{own}:jobhook"
    for name, verb, allowed in (
        ("build-template", "get", "yes"),
        ("build-template", "watch", "yes"),
        ("build-template", "list", "no"),
        ("another", "get", "no"),
        ("another", "watch", "no"),
    ):
        asked = ("--namespace", theirs, "auth", "can-i", verb, f"configmaps/{name}", who)
        try:
            told = throwaway.kubectl(*asked).strip()
        except AssertionError:  # kubectl's way to say no
            told = "no"
        assert told == allowed


def test_links_lead_somewhere(page, project):
    """Every relative link names a file, and every anchor a heading of the page."""
    headings = {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
        for line in re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", page):
        if target.startswith("#"):
            assert target[1:] in headings, target
        else:
            assert (project / "docs" / pathlib.PurePath(target.partition("#")[0])).exists(), target
