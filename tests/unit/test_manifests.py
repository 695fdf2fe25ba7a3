"""From a rendered text to a Job: strict YAML, the places of values, the kubelet's expansion, and shells."""

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.manifests import Allow, BadManifest, BadSyntax, NotJob, Unfit, escape, plan
from webhook.manifests.expansion import before_value
from webhook.manifests.scripts import check, check_literal
from webhook.manifests.shells import code_words
from webhook.manifests.variables import Reference
from webhook.manifests.words import Code
from webhook.templates import Quoted, compile_template, opt_in

JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {metadata}
spec:
  {spec}
  template:
    spec:
      {pod}
      containers:
        - name: main
          {container}
"""


def job(*, metadata="{}", spec="backoffLimit: 0", pod="restartPolicy: Never", container="image: x"):
    """A Job's text around one thing."""
    text = JOB
    for name, part in (("metadata", metadata), ("spec", spec), ("pod", pod), ("container", container)):
        text = text.replace("{" + name + "}", part)
    return text


def fill(source, *values, allow=(), digits=False):
    """Render a text whose `{{ v0 }}`, `{{ v1 }}` … are the values, and put them in."""
    text, bound = compile_template(source).render({f"v{number}": value for number, value in enumerate(values)})
    return plan(text, allow=allow, digits=digits).fill(bound)


def container_of(manifest):
    return manifest["spec"]["template"]["spec"]["containers"][0]


# --- the text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2", "'a' occurs twice"),
        ("a: {<<: {b: 1}}", "merge keys"),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: !!python/object:os.system x", "tags"),
        ("a: !x 1", "tags"),
        ("a: 1\n---\nb: 2", "second document"),
        ("%YAML 1.1\n---\na: 1", "directives"),
        ("", "nothing"),
        ("a: [1", "expected"),
        ("? [a]\n: b", "key must be a text"),
        ("a: .inf", "no place in JSON"),
        ("[" * 100 + "]" * 100, "nested more than"),
    ],
)
def test_only_strict_yaml_is_taken(text, says):
    """What could say the same thing in two ways, or run something, is no YAML here."""
    with pytest.raises(BadSyntax, match=says):
        plan(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a", "no mapping"),
        ("a", "no mapping"),
        ("kind: Job", "apiVersion is not batch/v1; write apiVersion: batch/v1"),
        ("apiVersion: batch/v1\nkind: CronJob", "kind is not Job"),
        ("apiVersion: batch/v1\nkind: Job", "spec is no mapping"),
        ("apiVersion: batch/v1\nkind: Job\nspec: {}", "spec.template is no mapping"),
        ("apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: []}}", "spec.template.spec is no mapping"),
        ("apiVersion: batch/v1\nkind: Job\nmetadata: x\nspec: {template: {spec: {}}}", "metadata is no mapping"),
    ],
)
def test_only_a_whole_job_is_taken(text, says):
    """A manifest is a batch/v1 Job with a pod template."""
    with pytest.raises(NotJob, match=says.replace(".", r"\.")):
        plan(text)


def test_a_text_may_not_grow_out_of_bounds():
    """More than 10,000 nodes are refused."""
    with pytest.raises(BadManifest, match="more than 10000 nodes"):
        plan(job(spec="x: [" + "1, " * 10_001 + "]"))


def test_what_a_template_writes_out_is_its_own_affair():
    """Fields without values pass untouched, host access included: they are the operator's."""
    manifest = fill(job(pod="hostNetwork: true", container="securityContext: {privileged: true}", spec="suspend: true"))
    assert manifest["spec"]["template"]["spec"]["hostNetwork"] is True
    assert container_of(manifest)["securityContext"] == {"privileged": True}
    assert manifest["spec"]["suspend"] is True


def test_the_name_is_ours():
    """A name in a template, also one from a value, is left out; a namespace is told."""
    text, values = compile_template(job(metadata='{name: "{{ v0 }}", generateName: x, namespace: jobs}')).render(
        {"v0": "x"}
    )
    made = plan(text)
    assert made.namespace == "jobs"
    assert made.fill(values)["metadata"] == {}


def test_manifests_share_nothing():
    """Two fills of one plan are two manifests: changing one leaves the other as it was."""
    made = plan(job(metadata="{labels: {a: b}}"))
    first, second = made.fill([]), made.fill([])
    first["metadata"]["labels"]["a"] = "changed"
    container_of(first)["image"] = "changed"
    assert second["metadata"]["labels"] == {"a": "b"}
    assert container_of(second)["image"] == "x"


# --- the places


SAFE = [
    ("metadata", '{labels: {a: "{{ v0 }}"}}', "x", None),
    ("metadata", "{labels: {a: {{ v0 }}}}", "x", None),
    ("metadata", '{annotations: {a: "{{ v0 }}"}}', "x", None),
    ("spec", "parallelism: {{ v0 }}", 3, None),
    ("spec", "completions: {{ v0 }}", 3, None),
    ("spec", "backoffLimit: {{ v0 }}", 3, None),
    ("spec", "activeDeadlineSeconds: {{ v0 }}", 3, None),
    ("spec", "ttlSecondsAfterFinished: {{ v0 }}", 3, None),
    ("pod", "terminationGracePeriodSeconds: {{ v0 }}", 3, None),
    ("container", "args: [{{ v0 }}]", "x", None),
    ("container", "args: {{ v0 }}", opt_in(["x"]), None),
    ("container", "env: [{name: A, value: '{{ v0 }}'}]", "x", None),
    ("container", "image: {{ v0 }}", "x", Allow.IMAGE),
    ("container", "command: [{{ v0 }}]", "x", Allow.COMMAND),
    ("container", "command: {{ v0 }}", opt_in(["x"]), Allow.COMMAND),
    ("container", "workingDir: {{ v0 }}", "/x", Allow.WORKING_DIR),
    ("container", "resources: {limits: {cpu: {{ v0 }}}}", "1", Allow.RESOURCES),
    ("container", "resources: {{ v0 }}", opt_in({"limits": {"cpu": 1}}), Allow.RESOURCES),
    ("container", "volumeMounts: [{name: a, mountPath: '{{ v0 }}'}]", "/x", Allow.VOLUMES),
    ("container", "securityContext: {runAsUser: {{ v0 }}}", 1000, Allow.SECURITY_CONTEXT),
    ("pod", "securityContext: {fsGroup: {{ v0 }}}", 1000, Allow.SECURITY_CONTEXT),
    ("pod", "serviceAccountName: {{ v0 }}", "x", Allow.SERVICE_ACCOUNT_NAME),
    ("pod", "nodeSelector: {a: {{ v0 }}}", "x", Allow.NODE_SELECTOR),
    ("pod", "nodeSelector: {{ v0 }}", opt_in({"a": "b"}), Allow.NODE_SELECTOR),
    ("pod", "volumes: [{name: a, configMap: {name: {{ v0 }}}}]", "x", Allow.VOLUMES),
]


@pytest.mark.parametrize(("where", "text", "value", "allow"), SAFE)
def test_values_go_where_the_policy_lets_them(where, text, value, allow):
    """The safe places take values; the others with the definition's `allow`, and only with that."""
    assert fill(job(**{where: text}), value, allow=[allow] if allow else [])
    if allow:
        with pytest.raises(BadManifest, match=rf"add `allow: \[{allow.value}\]`"):
            fill(job(**{where: text}), value, allow=set(Allow) - {allow})


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("metadata", "{namespace: '{{ v0 }}'}"),
        ("metadata", "{finalizers: ['{{ v0 }}']}"),
        ("metadata", "{ownerReferences: [{name: '{{ v0 }}'}]}"),
        ("metadata", "{labels: '{{ v0 }}'}"),
        ("metadata", "{labels: {'jobhook.dev/definition': '{{ v0 }}'}}"),
        ("metadata", "{annotations: {'jobhook.dev/hold': '{{ v0 }}'}}"),
        ("metadata", "{labels: {app.kubernetes.io/managed-by: '{{ v0 }}'}}"),
        ("spec", "suspend: {{ v0 }}"),
        ("spec", "managedBy: {{ v0 }}"),
        ("spec", "completionMode: {{ v0 }}"),
        ("spec", "podFailurePolicy: {{ v0 }}"),
        ("pod", "hostNetwork: {{ v0 }}"),
        ("pod", "hostPID: {{ v0 }}"),
        ("pod", "hostIPC: {{ v0 }}"),
        ("pod", "hostUsers: {{ v0 }}"),
        ("pod", "priorityClassName: {{ v0 }}"),
        ("pod", "serviceAccount: {{ v0 }}"),
        ("pod", "nodeName: {{ v0 }}"),
        ("pod", "runtimeClassName: {{ v0 }}"),
        ("pod", "tolerations: {{ v0 }}"),
        ("pod", "volumes: [{name: a, hostPath: {path: '{{ v0 }}'}}]"),
        ("pod", "volumes: [{name: a, hostPath: '{{ v0 }}'}]"),
        ("pod", "volumes: {{ v0 }}"),
        ("pod", "securityContext: {{ v0 }}"),
        ("pod", "hostAliases: [{ip: '{{ v0 }}'}]"),
        ("pod", "imagePullSecrets: [{name: '{{ v0 }}'}]"),
        ("container", "securityContext: {privileged: {{ v0 }}}"),
        ("container", "securityContext: {allowPrivilegeEscalation: {{ v0 }}}"),
        ("container", "securityContext: {capabilities: {add: [{{ v0 }}]}}"),
        ("container", "securityContext: {windowsOptions: {hostProcess: {{ v0 }}}}"),
        ("container", "ports: [{hostPort: {{ v0 }}}]"),
        ("container", "env: [{name: '{{ v0 }}', value: a}]"),
        ("container", "env: [{name: a, valueFrom: {secretKeyRef: {name: '{{ v0 }}', key: a}}}]"),
        ("container", "env: {{ v0 }}"),
        ("container", "envFrom: [{secretRef: {name: '{{ v0 }}'}}]"),
        ("container", "lifecycle: {postStart: {exec: {command: ['{{ v0 }}']}}}"),
        ("container", "livenessProbe: {exec: {command: ['{{ v0 }}']}}"),
        ("container", "imagePullPolicy: {{ v0 }}"),
    ],
)
def test_values_never_go_elsewhere(where, text):
    """Host access, privileges, secrets, and whatever is not on the list: with every `allow` there is."""
    with pytest.raises(BadManifest, match="a value may not go here"):
        fill(job(**{where: text}), True, allow=set(Allow))


def test_the_kind_and_the_keys_are_written_out():
    """A value can be neither the kind nor a key."""
    for text in (
        job().replace("kind: Job", "kind: {{ v0 }}"),
        job(metadata="{labels: {'{{ v0 }}': x}}"),
        job(container="{{ v0 }}: x"),
        job(container="args: [{'{{ v0 }}': x}]"),
    ):
        with pytest.raises(BadManifest, match=r"key|may not go here"):
            fill(text, "Job", allow=set(Allow))


# --- the values


@pytest.mark.parametrize(
    ("text", "value", "arrives"),
    [
        ("args: [{{ v0 }}]", "no", "no"),
        ("args: [{{ v0 }}]", "1e3", "1e3"),
        ("args: [{{ v0 }}]", "~", "~"),
        ("args: [{{ v0 }}]", "0644", "0644"),
        ("args: [{{ v0 }}]", "", ""),
        ("args: [{{ v0 }}]", 42, "42"),
        ("args: [{{ v0 }}]", 1.5, "1.5"),
        ("args: [{{ v0 }}]", True, "true"),
        ("args: [{{ v0 }}]", None, ""),
        ("args: ['{{ v0 }}']", 42, "42"),
        ("args: ['a-{{ v0 }}-b']", False, "a-false-b"),
        ("args: [a-{{ v0 }}]", None, "a-"),
        ("args: ['{{ v0 }}']", opt_in({"a": [1]}), '{"a":[1]}'),
        ("args:\n          - |\n            {{ v0 }}\n            end", "x\n- y", "x\n- y\nend\n"),
        ("args:\n          - >-\n            a {{ v0 }}\n            b", " c ", "a  c  b"),
        ('args: ["\\t{{ v0 }}\\n"]', "\\n", "\t\\n\n"),
        ("args: [{{ v0 }}{{ v0 }}]", "1", "11"),
    ],
)
def test_a_value_keeps_its_text(text, value, arrives):
    """A text is never read as YAML once more, and a number where text belongs is its digits."""
    assert container_of(fill(job(container=text), value))["args"] == [arrives]


@pytest.mark.parametrize(
    ("where", "text", "value", "says"),
    [
        ("container", "args: [{{ v0 }}]", {"a": 1}, r"containers\[0\].args\[0\]: a mapping where a text belongs"),
        ("container", "args: ['{{ v0 }}']", [1], "a list where a text belongs"),
        ("container", "args: {{ v0 }}", ["a"], "a list is needed, from a parameter of `type: json`"),
        ("container", "args: {{ v0 }}", "a", "a list is needed"),
        ("container", "args: {{ v0 }}", opt_in([["a"]]), None),
        ("container", "args: [{{ v0 }}]", "a\0b", "NUL"),
        ("container", "args: [{{ v0 }}]", "\ud800", "surrogate"),
        ("container", "args: [{{ v0 }}]", "x" * 140_000, "131071 bytes"),
        ("container", "args: [{{ v0 }}]", 10**30, "beyond 64 bits"),
        ("container", "args: [{{ v0 }}]", float("inf"), "finite"),
        ("spec", "parallelism: {{ v0 }}", "3", "an integer is needed, not '3'; give the parameter `type: integer`"),
        ("spec", "parallelism: {{ v0 }}", 3.5, "an integer is needed"),
        ("spec", "parallelism: {{ v0 }}", True, "an integer is needed"),
        ("spec", "parallelism: {{ v0 }}", -1, "not between 0 and"),
        ("spec", "parallelism: {{ v0 }}", 2**31, "not between 0 and"),
        ("spec", "parallelism: {{ v0 }}", [1], "an integer is needed"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_place_and_reason(where, text, value, says):
    """What cannot stand somewhere is refused, with the place, and without much of the value."""
    if says is None:
        assert container_of(fill(job(**{where: text}), value))["args"] == ['["a"]']
        return
    with pytest.raises(Unfit, match=says) as refused:
        fill(job(**{where: text}), value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "text", ["parallelism: '{{ v0 }}'", "parallelism: 1{{ v0 }}", "parallelism: '3'\n  x: {{ v0 }}"]
)
def test_an_integer_field_takes_one_plain_value(text):
    """Quotes or more text make a text of it, and that is the template's fault."""
    with pytest.raises(BadManifest):
        fill(job(spec=text), 3)


def test_the_older_form_takes_digits_for_integers():
    """Its parameters have no types: digits stand for an integer, and nothing else does."""
    assert fill(job(spec="parallelism: {{ v0 }}"), "3", digits=True)["spec"]["parallelism"] == 3
    for text in ("03", "-1", "3.0", "", "x", "9" * 11, "٣"):
        with pytest.raises(Unfit):
            fill(job(spec="parallelism: {{ v0 }}"), text, digits=True)


@given(st.text(max_size=100))
def test_any_text_becomes_a_label_value(value):
    """A label is sanitised to what Kubernetes takes, an annotation stays exact."""
    if "\0" in value:
        return
    text = job(metadata='{labels: {a: "x-{{ v0 }}"}, annotations: {b: "{{ v0 }}"}}')
    metadata = fill(text, value)["metadata"]
    label = metadata["labels"]["a"]
    assert len(label) <= 63
    assert label.isascii()
    assert all(letter.isalnum() or letter in "-_." for letter in label)
    assert label[0].isalnum()
    assert label[-1].isalnum()
    assert metadata["annotations"]["b"] == value


def test_a_containers_name_is_checked():
    """The one name that a value may make must be a DNS label: nothing is sanitised into another's name."""
    text = job().replace("name: main", "name: {{ v0 }}")
    assert container_of(fill(text, "ok-1"))["name"] == "ok-1"
    for name in ("No", "", "a" * 64, "a.b", "-a", "a\n"):
        with pytest.raises(Unfit, match="no DNS label"):
            fill(text, name)


# --- the kubelet's expansion


def expand(text, variables):
    """Kubernetes' own algorithm (third_party/forked/golang/expansion/expand.go), character by character."""
    out, at = [], 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            out.append(text[at])
            at += 1
        elif text[at + 1] == "$":
            out.append("$")
            at += 2
        elif text[at + 1] == "(" and ")" in text[at + 2 :]:
            end = text.index(")", at + 2)
            name = text[at + 2 : end]
            out.append(variables.get(name, f"$({name})"))
            at = end + 1
        else:
            out.append(text[at : at + 2])
            at += 2
    return "".join(out)


NASTY = st.text(st.sampled_from("$$$(()){}AB \\'\"`\n%#&*!|>-:,[]{}"), max_size=12) | st.text(max_size=8)
LITERALS = st.text(st.sampled_from("$$()AB x-"), max_size=6)


@settings(max_examples=500)
@given(before=LITERALS, first=NASTY, between=LITERALS, second=NASTY, after=LITERALS)
def test_a_value_arrives_after_the_kubelets_expansion(before, first, between, second, after):
    """Whatever stands around values, they arrive as they were, and the text around as it would around harmless ones."""
    if "\0" in first + second:
        return
    source = f"args: [{quote(before)}]"
    source = source[:-2] + "{{ v0 }}" + quote(between)[1:-1] + "{{ v1 }}" + quote(after)[1:-1] + "']"
    variables = {"A": "SECRET", "B": "SECRET", "": "SECRET"}
    try:
        (word,) = container_of(fill(job(container=source), first, second))["args"]
        (harmless,) = container_of(fill(job(container=source), "<1>", "<2>"))["args"]
    except BadManifest:
        assert "$(" in before + between
        return
    expected = expand(harmless, variables).replace("<1>", first, 1) if "<2>" not in first else None
    if expected is not None:
        head, _, tail = expand(harmless, variables).partition("<2>")
        assert expand(word, variables) == head.replace("<1>", first, 1) + second + tail


def quote(text):
    """A YAML text in single quotes."""
    return "'" + text.replace("'", "''") + "'"


@given(st.text())
def test_escaping_is_undone_by_the_expansion(value):
    """A value alone is what it was."""
    assert expand(escape(value), {"A": "SECRET"}) == value


def test_a_value_within_a_reference_is_refused():
    """`$({{ name }})` would let a stranger choose a variable."""
    for text in ("$({{ v0 }})", "a $(B{{ v0 }}", "$$$({{ v0 }})"):
        with pytest.raises(BadManifest, match="kubelet's own"):
            fill(job(container=f"args: ['{text}']"), "A")
    assert container_of(fill(job(container="args: ['$$({{ v0 }})']"), "A"))["args"] == ["$$(A)"]
    assert before_value("$(A) $") == "$(A) $$"


def test_only_expanded_fields_are_escaped():
    """An annotation, an image, a label know no expansion, and stay exact."""
    manifest = fill(
        job(metadata="{annotations: {a: '{{ v0 }}'}}", container="image: {{ v0 }}"), "$(A)", allow=[Allow.IMAGE]
    )
    assert manifest["metadata"]["annotations"]["a"] == "$(A)"
    assert container_of(manifest)["image"] == "$(A)"
    mounts = "volumeMounts: [{name: a, mountPath: /a, subPathExpr: '{{ v0 }}'}]"
    assert (
        container_of(fill(job(container=mounts), "$(A)", allow=[Allow.VOLUMES]))["volumeMounts"][0]["subPathExpr"]
        == "$$(A)"
    )


# --- shells


def words(*texts):
    """A command line; a number stands for a value, a tuple for a word with values in it."""
    return [text if isinstance(text, tuple) else (text,) for text in texts]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (words("sh", "-c", ("echo ", 0)), {2: Code.SHELL}),
        (words("/bin/sh", "-c", ("echo ", 0)), {2: Code.SHELL}),
        (words("bash", "-lc", ("echo ", 0)), {2: Code.SHELL}),
        (words("sh", "-ec", ("echo ", 0)), {2: Code.SHELL}),
        (words("sh", "-c", "-e", ("echo ", 0)), {3: Code.SHELL}),
        (words("sh", "-c", "--", ("echo ", 0)), {3: Code.SHELL}),
        (words("bash", "--norc", "-eo", "pipefail", "-c", ("echo ", 0)), {5: Code.SHELL}),
        (words("bash", "--rcfile", "x", "-c", ("echo ", 0)), {4: Code.SHELL}),
        (words("zsh", "-c", ("echo ", 0)), {2: Code.SHELL}),
        (words("/usr/bin/env", "-i", "A=1", "dash", "-c", ("echo ", 0)), {5: Code.SHELL}),
        (words("busybox", "sh", "-c", ("echo ", 0)), {3: Code.SHELL}),
        (words("tini", "-g", "--", "ash", "-c", ("echo ", 0)), {5: Code.SHELL}),
        (words("timeout", "5", "sh", "-c", ("echo ", 0)), {4: Code.SHELL}),
        (words("entrypoint", "sh", "-c", ("echo ", 0)), {3: Code.SHELL}),
        (words("su", "-", "nobody", "-c", ("echo ", 0)), {4: Code.SHELL}),
        (words(("bash -c 'echo ", 0, "'")), {0: Code.SHELL}),
        (words("x", ("cd a && sh -ec ", 0)), {1: Code.SHELL}),
        (words("python3", "-c", ("print(", 0, ")")), {2: Code.OTHER}),
        (words("python3.12", "-Ic", ("print(", 0, ")")), {2: Code.OTHER}),
        (words("/usr/bin/perl", "-wle", ("print ", 0)), {2: Code.OTHER}),
        (words("ruby", "-e", ("puts ", 0)), {2: Code.OTHER}),
        (words("node", "--eval", ("x", 0)), {2: Code.OTHER}),
        (words("node", "-p", (0, "")), {2: Code.OTHER}),
        (words("php", "-r", ("x", 0)), {2: Code.OTHER}),
        (words("deno", "eval", ("x", 0)), {2: Code.OTHER}),
        (words("fish", "-c", ("x", 0)), {2: Code.OTHER}),
        (words("awk", ("{print ", 0, "}"), "file"), {1: Code.OTHER}),
        (words("sed", "-e", ("s/a/", 0, "/")), {2: Code.OTHER}),
        (words("jq", ("." , 0)), {1: Code.OTHER}),
        (words("x", "sh", "-c", ("echo ", 0)), {3: Code.SHELL}),
        (words("bash", "-oue", "pipefail", "-c", ("echo ", 0)), {4: Code.SHELL}),
        (words("bash", "-coe", "pipefail", ("echo ", 0)), {3: Code.SHELL}),
        (words("bash", "-rcfile", "x", "-c", ("echo ", 0)), {4: Code.SHELL}),
        (words("bash5", "-c", ("echo ", 0)), {2: Code.SHELL}),
        (words("/opt/bash-static", "-c", ("echo ", 0)), {2: Code.SHELL}),
        (words("SH.EXE", "-c", ("echo ", 0)), {2: Code.SHELL}),
        (words("yash", "-c", ("echo ", 0)), {2: Code.SHELL}),
        (words("osh", "-c", ("echo ", 0)), {2: Code.SHELL}),
        (words("capsh", "--user=x", "--", "-c", ("echo ", 0)), {4: Code.SHELL}),
        (words("ssh", "-p", "22", "host", ("echo ", 0)), {4: Code.SHELL}),
        (words("ssh", ("git@", 0), "ls", 0), {3: Code.SHELL}),
        (words("watch", "-n", "5", ("echo ", 0)), {3: Code.SHELL}),
        (words("parallel", ("echo ", 0), ":::", 0), {1: Code.SHELL}),
        (words("elvish", "-c", ("x", 0)), {2: Code.OTHER}),
        (words("rc", "-c", 0), {2: Code.OTHER}),
        (words("cmd", "/c", ("x", 0)), {2: Code.OTHER}),
        (words("C:\\cmd.exe", "/S", "/C", "echo", 0), {4: Code.OTHER}),
        (words("powershell.exe", "-NoProfile", "-Command", ("x", 0)), {3: Code.OTHER}),
        (words("pwsh", "-co", ("x", 0)), {2: Code.OTHER}),
        (words("osascript", "-e", ("x", 0)), {2: Code.OTHER}),
        (words("uv", "run", "awk", ("x", 0)), {3: Code.OTHER}),
        (words("poetry", "run", "python3.12", "-c", 0), {4: Code.OTHER}),
        (words("x", "node", "-e", 0), {3: Code.OTHER}),
        (words("sh", "-c", 'echo "$1"', "sh", 0), {}),
        (words("tini", "--", "sh", "-c", 'echo "$1"', "sh", 0), {}),
        (words("pwsh", "-File", "x.ps1", 0), {}),
        (words("kubectl", "get", "node", 0), {}),
        (words("sh", "-c", Reference("SCRIPT", valued=False), "sh", 0), {}),
        (words("build", Reference("TOKEN", valued=False), 0), {}),
        (words("build", "--token", Reference("TOKEN", valued=False), "--branch", 0), {}),
        (words("sh", "-ec", "echo", "-c", 0), {}),
        (words("sh", "script.sh", 0), {}),
        (words("python3", "script.py", 0), {}),
        (words("python3", "-c", "import sys", 0), {}),
        (words("python3", "-m", "module", 0), {}),
        (words("perl", "-e", "print", "--", 0), {}),
        (words("awk", "-v", ("x=", 0), "{print x}", 0), {}),
        (words("jq", "--arg", "x", 0, ".a = $x"), {}),
        (words("sed", "s/a/b/", 0), {}),
        (words("env", ("A=", 0), "program", 0), {}),
        (words("build", "node", 0), {}),
        (words("build", "--shell", "sh", 0), {}),
        (words("git", "clone", 0), {}),
        (words(0, 0), {}),
        ([], {}),
    ],
)  # fmt: skip
def test_code_among_words_is_found(line, code):
    """The script after `-c` in all its spellings, and the code of interpreters; data is not taken for code."""
    assert code_words(line) == code


@pytest.mark.parametrize(
    "line",
    [
        words("sh", 0),
        words("sh", "-e", 0),
        words("bash", "-c", 0),
        words("bash", "-c", (0, " x")),
        words("bash", "-c", ("  ", 0)),
        words("sh", (0, "c"), "x"),
        words("sh", ("-", 0), "x"),
        words("env", 0),
        words("env", "-i", 0),
        words("env", ("-S", 0)),
        words("busybox", 0),
        words("python3", 0),
        words("python3", ("-", 0), "x"),
        words("perl", "-e", "code", 0),
        words("perl", ("-e", 0)),
        words("node", ("--eval=", 0)),
        words("tini", "--", "bash", 0),
        words("su", "nobody", "-c", 0),
        words("su", "nobody", ("--command=echo ", 0)),
        words("sudo", "-s", ("echo ", 0)),
        words("bash", "-o", 0, "-c", "x"),
        words("ssh", 0, "x"),
        words("ssh", "-o", 0, "host"),
        words("ssh", "host", 0),
        words("watch", 0),
        words("env", "-S", ("A=b sh -c ", 0)),
        words("x", ("python3 "), "python3", ("-cprint(", 0)),
        words(Reference("SHELL", valued=False), "-c", 0),
        words(Reference("SHELL", valued=False), 0),
        words("x", Reference("SHELL", valued=False), "-ec", ("echo ", 0)),
        words("sh", Reference("C", valued=False), ("echo ", 0)),
        words("python3", Reference("C", valued=False), ("echo ", 0)),
        words("sh", "-c", Reference("TITLE", valued=True)),
        *(
            words(*front, "sh", "-c", 0)
            for front in [
                ["x"],
                ["poetry", "run"],
                ["conda", "run", "-n", "e"],
                ["xvfb-run"],
                ["catatonit"],
                ["s6-setuidgid", "u"],
                ["chpst", "-u", "x"],
                ["taskset", "1"],
                ["numactl", "-N", "0"],
                ["prlimit", "--nofile=1"],
                ["systemd-run"],
                ["mpirun", "-n", "2"],
                ["docker", "run", "i"],
                ["/lib64/ld-linux-x86-64.so.2"],
                ["sh", "-c", 'exec "$@"', "x"],
            ]
        ),
    ],
)
def test_a_value_that_decides_what_runs_is_refused(line):
    """An option, a script's name or a program's name from a stranger is as good as code."""
    with pytest.raises(Unfit, match=r"decides what .* runs"):
        code_words(line)


GOOD = [
    ("echo ", 0), ('echo "$(date)" ', 0), ("a='x'; b=", 0, " # hi"), ('echo \\" ', 0), ("x=$(cat ", 0, ")"),
    ("if [ -n ", 0, " ]; then echo a; fi"), ("echo \"a'b\" ", 0), ("# c\necho ", 0), ("echo a#b ", 0), ("(cd x && ls ", 0, ")"),
    ("echo $((1+2)) ", 0), ("echo ${X} ", 0), ("echo 'a\\' ", 0), ("printf %s ", 0, " ", 1, " | cat"), ("case x in x) echo ", 0, ";; esac"),
    ("echo $(echo $(echo ", 0, "))"), ("a=`date`; echo ", 0), ("echo \\\\", 0), ("# it's\necho ", 0),
]  # fmt: skip
BAD = [
    ("echo '", 0, "'"), ('echo "', 0, '"'), ('echo "$(echo "', 0, '")"'), ("echo `ls ", 0, "`"), ("echo # ", 0), ("# ", 0),
    ("cat <<E\n", 0, "\nE"), ("cat <<-'E'\n", 0, "\nE"), ("echo $", 0), ("echo \\", 0), ("echo $((", 0, "))"), ("((a=", 0, "))"),
    ("echo ${A:-", 0, "}"), ("echo $'\\'' '", 0), ('echo "$(', 0, ')"'), ('echo "\\"', 0, '"'), ("echo 'a\\' 'b ", 0, "'"),
    ('x="$(case a in a) echo "', 0), ('echo "`', 0), ("# it's\necho '", 0, "'"), ("echo a\n# x ", 0), ('echo "${A:-', 0, '}"'),
    ("echo ", 0, " '", 1, "'"),
]  # fmt: skip


@pytest.mark.parametrize("word", GOOD)
def test_a_quoted_word_may_stand_between_words(word):
    """Where a shell expects a word, what `shquote` made is one."""
    check(word)


@pytest.mark.parametrize("word", BAD)
def test_a_quoted_word_may_not_stand_within_quotes_and_the_like(word):
    """Within quotes, comments, here-documents, arithmetic and expansions it would fall apart."""
    with pytest.raises(Unfit, match="within"):
        check(word)


@settings(max_examples=60, deadline=None)
@given(
    value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
    | st.text(st.sampled_from("'\"$(`)\\ \n;#&|<>*?~!{}[]=%x"), max_size=12)
)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_real_shell_reads_a_quoted_word_as_one(shell, value):
    """In each place that is taken, a real shell hands the value on unchanged."""
    for word in [
        ("printf %s ", 0),
        ("x=$(printf %s. ", 0, '); printf %s "${x%.}"'),
        ("(printf %s ", 0, ")"),
        ("x=", 0, '; printf %s "$x"'),
        ("export x=", 0, '; printf %s "$x"'),
        ("for x in ", 0, '; do printf %s "$x"; done'),
        ("set -- ", 0, '; printf %s "$1"'),
        ("f() { printf %s ", 0, "; }; f"),
    ]:
        check(word)
        script = "".join(shlex.quote(value) if piece == 0 else piece for piece in word)
        ended = subprocess.run([shell, "-c", script], capture_output=True, check=True, timeout=30)
        assert ended.stdout == value.encode()


def test_a_script_takes_quoted_values_only():
    """`sh -c` with a value: refused without `shquote`, taken with it, and then escaped for the kubelet, too."""
    text = job(container="command: [sh, -c, 'echo {{ v0 }}']")
    with pytest.raises(BadManifest, match=r"in args, and write .\$1. there"):
        fill(text, "x")
    with pytest.raises(Unfit, match="shquote"):
        fill(text, "x", allow=[Allow.COMMAND])
    text = job(container="command: [sh, -c]\n          args: ['echo {{ v0 }}']")
    with pytest.raises(Unfit, match=r"args\[0\]: a value within a shell's script; write `\{\{ … \| shquote \}\}`"):
        fill(text, "x")
    assert container_of(fill(text, Quoted("'$(A)'")))["args"] == ["echo '$$(A)'"]
    with pytest.raises(BadManifest, match="program's text"):
        fill(job(container="command: [python3, -c]\n          args: ['print({{ v0 }})']"), Quoted("x"))
    with pytest.raises(BadManifest, match="decides what sh runs"):
        fill(job(container="command: [sh, -c]\n          args: {{ v0 }}"), opt_in(["x"]))


# --- variables that the kubelet puts into words

TITLE = "env: [{name: TITLE, value: 'a {{ v0 }}'}]\n          "
CHAIN = "env: [{name: A, value: '{{ v0 }}'}, {name: B, value: 'sh -c $(A)'}, {name: C, value: $(B)}]\n          "
FIELD = "env: [{name: F, valueFrom: {fieldRef: {fieldPath: \"metadata.%s['%s']\"}}}]\n          "
VARIABLES = [
    (TITLE + "command: [sh, -c, 'echo building $(TITLE)']", r"command\[2\]: \$\(TITLE\) within a shell's script"),
    (TITLE + "command: [sh, -c]\n          args: ['echo $(TITLE)']", r"args\[0\]: \$\(TITLE\) within a shell's script"),
    (TITLE + "command: [sh, -c, $(TITLE)]", "decides what sh runs"),
    (TITLE + "command: [sh, $(TITLE), x]", "decides what sh runs"),
    (TITLE + "command: [sh, -c, 'echo $$$(TITLE)']", r"\$\(TITLE\) within a shell's script"),
    (TITLE + "command: [python3, -c, \"print('$(TITLE)')\"]", r"\$\(TITLE\) within a program's text"),
    (TITLE + "command: [$(TITLE)]", r"command\[0\]: \$\(TITLE\) may hold an event's value"),
    (TITLE + "command: [run, $(TITLE)]", r"command\[1\]: \$\(TITLE\) may hold an event's value"),
    (TITLE + "args: [x, 'sh -c \"$(TITLE)\"']", r"\$\(TITLE\) within a shell's script"),
    (TITLE + "livenessProbe: {exec: {command: [sh, -c, 'x $(TITLE)']}}", r"livenessProbe.exec.command\[2\]"),
    (TITLE + "volumeMounts: [{name: a, mountPath: /a, subPathExpr: $(TITLE)}]", r"volumeMounts\[0\].subPathExpr"),
    (
        "env: [{name: S, value: /bin/sh}]\n          command: [$(S), -c]\n          args: ['{{ v0 }}']",
        "decides what /bin/sh runs",
    ),
    (
        "env: [{name: C, value: -c}]\n          command: [sh, $(C)]\n          args: ['{{ v0 }}']",
        "decides what sh runs",
    ),
    (
        "envFrom: [{configMapRef: {name: x}}]\n          command: [$(S), -c]\n          args: ['{{ v0 }}']",
        r"what \$\(S\) runs",
    ),
    (CHAIN + "command: [sh, -c, 'echo $(B)']", r"\$\(B\) within"),
    (CHAIN + "command: [sh, -c, $(C)]", "decides what sh runs"),
    ("command: [sh, -c, 'echo $(CE_SUBJECT)']", r"\$\(CE_SUBJECT\) within"),
    ("command: [sh, -c, 'echo $(JOBHOOK_EVENT)']", r"\$\(JOBHOOK_EVENT\) within"),
    (FIELD % ("annotations", "title") + "command: [sh, -c, 'echo $(F)']", r"\$\(F\) within"),
    (FIELD % ("labels", "branch") + "command: [sh, -c, 'echo $(F)']", r"\$\(F\) within"),
    (FIELD % ("annotations", "jobhook.dev/event-data") + "command: [sh, -c, 'echo $(F)']", r"\$\(F\) within"),
]


def with_annotations(container):
    """A Job whose pod has an annotation and a label with a value, and ones without."""
    return job(container=container).replace(
        "  template:\n",
        "  template:\n    metadata: {annotations: {title: '{{ v0 }}', fixed: x}, labels: {branch: '{{ v0 }}'}}\n",
    )


@pytest.mark.parametrize(("container", "says"), VARIABLES)
def test_no_variable_brings_a_value_into_code(container, says):
    """The kubelet puts variables into words before a shell reads them: `$(NAME)` is as good as the value itself."""
    with pytest.raises(BadManifest, match=says):
        fill(with_annotations(container), "x")


@pytest.mark.parametrize(
    "container",
    [
        TITLE + "command: [sh, -c, 'echo \"$TITLE\" $$(TITLE)']",
        TITLE + "command: [sh, -c, 'echo $$$$(TITLE)']",
        TITLE + "command: [sh, -c, 'echo \"$1\"', sh]\n          args: [$(TITLE)]",
        TITLE + "args: [build, '--title=$(TITLE)', $(CE_SUBJECT)]",
        "env: [{name: T, value: '{{ v0 }}'}, {name: T, value: fixed}]\n          command: [sh, -c, 'echo $(T)']",
        "env: [{name: CE_ID, value: fixed}]\n          command: [sh, -c, 'echo $(CE_ID)']",
        "command: [sh, -c, 'cat $(JOBHOOK_EVENT_FILE) $(date)']",
        FIELD % ("annotations", "fixed") + "command: [sh, -c, 'echo $(F)']",
        "env: [{name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n          command: [sh, -c, 'echo $(S)']",
        TITLE + "lifecycle: {postStart: {exec: {command: [sh, -c, 'x $(TITLE)']}}}",
    ],
)
def test_variables_stay_where_they_are_arguments(container):
    """The shell's own variable, an escaped reference, a plain argument and what no event decides are left alone."""
    assert fill(with_annotations(container), "x")


def test_a_variable_may_be_in_command_where_values_may():
    """`allow: [command]` lets a value in, and so the variable that holds it; a script not even then."""
    assert fill(job(container=TITLE + "command: [run, $(TITLE)]"), "x", allow=[Allow.COMMAND])
    with pytest.raises(BadManifest, match=r"\$\(TITLE\) within a shell's script"):
        fill(job(container=TITLE + "command: [sh, -c, 'run $(TITLE)']"), "x", allow=[Allow.COMMAND])


def test_variables_of_variables_stay_small():
    """Names that double each other's text cost a bounded time, and count as unknown."""
    doubling = ", ".join(f"{{name: A{n}, value: $(A{n - 1})$(A{n - 1})}}" for n in range(1, 60))
    container = f"env: [{{name: A0, value: x}}, {doubling}]\n          command: [sh, -c, 'echo $(A59)']"
    assert fill(job(container=container))


ARGUMENTS = [
    ("export A=", 0, '; echo "$A"'),
    ("cd /src && git checkout ", 0),
    ("A=", 0, " make"),
    ("for f in a ", 0, "; do echo $f; done"),
    ("[ -n ", 0, " ] && echo ", 0),
    ("[ ", 0, " = main ] || exit 0"),
    ("if [ ", 0, " = a ]; then echo ", 0, "; fi"),
    ("cat < ", 0),
    ("echo ", 0, " 2>&1 | tee /tmp/x ", 0),
    ("exec make ", 0),
    ("timeout ", 0, " make ", 0),
    ("sudo -u bob make ", 0),
    ("set -- ", 0, '; echo "$1"'),
    ("f() { echo ", 0, "; }; f"),
    ("diff <(date) ", 0),
    ("echo $((1+2)) ", 0),
    ("(cd x && ls ", 0, ")"),
    ("x=$(cat ", 0, ")"),
    ("case ", 0, " in a) echo ", 0, ";; esac"),
    ("python3 script.py --x ", 0),
    ("jq --arg a ", 0, " .a f"),
    ("echo hi >/tmp/x ", 0),
    ("make \\\n  ", 0),
    ("command -v ", 0),
    ("# a\necho ", 0),
    ("git clone -- ", 0, " &"),
    ("env A=", 0, " make ", 0),
    ("a=`date`; echo ", 0),
    ("`which x` ", 0),
    ("[[ ", 0, " == main ]]"),
    ("true\nprintf '%s' ", 0),
]
AS_CODE = [
    ("true; ", 0),
    ("cd /src && ", 0),
    ("exec ", 0),
    ("exec -a x ", 0),
    ("eval ", 0),
    ("'eval' ", 0),
    ("\\eval ", 0),
    ("command eval ", 0),
    ("builtin . ", 0),
    ("trap ", 0, " EXIT"),
    (". ", 0),
    ("source ", 0),
    ("let ", 0),
    ("echo $[", 0, "]"),
    ("a[", 0, "]=1"),
    ("declare a[", 0, "]=1"),
    ("declare -i a=", 0),
    ("typeset ", 0),
    ("export ", 0),
    ("declare -i x; x=", 0),
    ("[[ ", 0, " -eq 1 ]]"),
    ("test -v ", 0),
    ("[ ", 0, " -eq 1 ]"),
    ("sh -c ", 0),
    ("bash -ec ", 0),
    ("cd x; env A=b bash -c ", 0),
    ("python3 -c ", 0),
    ("ssh host ", 0),
    ("ssh host ls ", 0),
    ("su -c ", 0),
    ("xargs sh -c ", 0),
    ("nohup ", 0),
    ("timeout 5 ", 0),
    ("sudo -u bob ", 0),
    ("env ", 0),
    ("find . -exec ", 0, " ;"),
    ("f() { ", 0, "; }"),
    ("function f { ", 0, "; }"),
    ("if ", 0, "; then a; fi"),
    ("for ", 0, " in a; do b; done"),
    ("x=$(", 0, ")"),
    ("(", 0, ")"),
    (">f ", 0),
    ("2>f ", 0),
    ("echo &>f ", 0),
    ("awk ", 0),
    ("sed -e s/a/", 0, "/"),
    ("! ", 0),
    ("{ ", 0, "; }"),
    ("A=b ", 0),
    ("echo a | ", 0),
    ("echo a &", 0),
    ("case a in a) ", 0, ";; esac"),
    ("read ", 0),
    ("unset ", 0),
    ("printf -v ", 0, " x"),
    ("echo a\n", 0),
    ("bin/", 0),
    ("while ", 0, "; do x; done"),
    ("a | xargs ", 0),
    ("echo $(eval ", 0, ")"),
]


@pytest.mark.parametrize("word", ARGUMENTS)
def test_a_quoted_word_may_be_an_argument(word):
    """Behind a command that takes it as data, in assignments, tests of texts, loops and redirections."""
    check(word)


@pytest.mark.parametrize("word", AS_CODE)
def test_a_quoted_word_may_not_be_read_as_code(word):
    """A command's name, and what eval, arithmetic, subscripts or another shell read, is code however it is quoted."""
    with pytest.raises(Unfit, match="in a shell's script|within"):
        check(word)


EVALUATED = ['eval "$1"', 'trap "rm $1" EXIT', '. "$1"', 'sh -c "$1"', '"$@"', 'x; exec "$1"', 'eval "x ${TITLE}"', 'bash -c "echo $2"',
    'echo "$(eval "$TITLE")"', 'python3 -c "print($1)"', 'source "${1:-x}"', "let x=$1", "[[ $1 -eq 2 ]]", "echo $'\\''; eval $1",
    "cat <<E\n'\nE\neval $1", "# x\neval $*"]  # fmt: skip
READ = ['echo "$1"', '[ "$1" -gt 2 ] && echo', 'local x="$1"; make "$@"', "awk '{print $1}' f; echo \"$2\"", 'exec make "$@"', "# eval $1\nx",
    'for x in "$@"; do echo "$x"; done', "cat <<E\n$1\nE\necho", 'case "$1" in a) echo "$1";; esac', "set -- $1", 'cd "$1" && make',
    "sh -c 'echo $1' x \"$1\"", 'cat <<< "$1"', "eval $3"]  # fmt: skip


@pytest.mark.parametrize("script", EVALUATED)
def test_a_script_may_not_evaluate_what_holds_a_value(script):
    """`eval "$1"` is as good as the value in the script."""
    with pytest.raises(Unfit, match="in a shell's script"):
        check_literal(script, {"1", "2", "@", "*", "TITLE"})


@pytest.mark.parametrize("script", READ)
def test_a_script_may_read_what_holds_a_value(script):
    """Arguments and variables are the way to pass values; here-documents and quotes of its own hide none."""
    check_literal(script, {"1", "2", "@", "*", "TITLE"})


@pytest.mark.parametrize(
    ("container", "where"),
    [
        ("command: [sh, -c, 'eval \"$1\"', x]\n          args: ['{{ v0 }}']", "command"),
        ("command: [sh, -c, '\"$@\"', x]\n          args: ['{{ v0 }}']", "command"),
        ("command: [sh, -c, 'eval \"$2\"', x]\n          args: {{ v0 }}", "command"),
        (TITLE + "command: [sh, -c, 'eval \"$TITLE\"']", "command"),
        ("command: [sh, -c, 'eval \"$CE_SUBJECT\"']", "command"),
        ("args: [tini, --, bash, -ec, 'eval \"$1\"', x, '{{ v0 }}']", "args"),
    ],
)
def test_a_containers_script_is_read_with_its_arguments(container, where):
    """Which arguments and variables hold values is known, and a script that evaluates one is refused."""
    with pytest.raises(BadManifest, match=rf"{where}\[.\]: a value .* in a shell's script"):
        fill(job(container=container), opt_in(["x"]))
    assert fill(job(container='command: [sh, -c, \'eval "$1"; exec "$@"\']\n          args: [x, lit]'))
    assert fill(job(container="command: [sh, -c, 'exec \"$@\"', x, make]\n          args: ['{{ v0 }}']"), "x")
