"""Definition files: every form of them, and every mistake with its file, line, column and remedy."""

from datetime import timedelta

import pytest

from webhook.definitions import config_maps, load, loading
from webhook.definitions.model import Document
from webhook.errors import DefinitionError
from webhook.manifests import Allow

SPEC = """\
spec: |
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      spec:
        restartPolicy: Never
        containers:
          - name: main
            image: busybox:1.36
            args: [go{args}]
"""


def spec(*args):
    return SPEC.replace("{args}", "".join(f", {arg}" for arg in args))


@pytest.fixture
def write(tmp_path):
    """Write files into a folder of definitions; answer the folder."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_yaml", ".yaml").replace("_json", ".json")
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)
        return tmp_path

    return write


@pytest.fixture
def problems(write):
    """All errors of one file, as (line, column, problem, remedy)."""

    def problems(text):
        with pytest.raises(DefinitionError) as refused:
            load(write(a_yaml=text))
        errors = [refused.value, *refused.value.others]
        assert all(error.path.endswith("a.yaml") and error.remedy for error in errors), errors
        return [(error.line, error.column, error.problem, error.remedy) for error in errors]

    return problems


def test_everything_of_a_definition_is_read(write):
    """The design's own example, in the order and with the values written."""
    (found,) = load(
        write(
            a_yaml="""\
name: build
description: Build every push to main.
on:
  - type: com.github.push
    via: github
    source: {prefix: https://github.com/acme/}
    tenant: {any: [a, {suffix: b}]}
    when: event.data.ref == "refs/heads/main"
params:
  commit: {from: event.data.after, pattern: "[0-9a-f]{40}"}
  image: {default: "ghcr.io/acme/builder:3"}
retention: {succeeded: 1h, failed: 7d}
event: file
allow: [image]
labels: {team: web, example.com/x: ""}
annotations: {note: "what: ever"}
"""
            + spec("{{ commit }}").replace("busybox:1.36", "{{ image }}")
            + "tests:\n  - {event: samples/push.json, expect: none}\n  - {event: x.json, expect: {kind: Job}}\n"
        )
    )
    assert found.name == "build"
    assert [str(condition) for condition in found.rules[0].conditions] == [
        "type: com.github.push",
        "source: prefix https://github.com/acme/",
        "via: github",
        "tenant: any of (a, suffix b)",
    ]
    assert found.rules[0].when.source == 'event.data.ref == "refs/heads/main"'
    assert list(found.params) == ["commit", "image"]
    assert found.params["commit"].required
    assert not found.params["image"].required
    assert found.retention == {"succeeded": timedelta(hours=1), "failed": timedelta(days=7)}
    assert (found.event, found.allow) == ("file", {Allow.IMAGE})
    assert found.labels == {"team": "web", "example.com/x": ""}
    assert [test.expect for test in found.tests] == [None, {"kind": "Job"}]
    assert len(found.digest) == 64


def test_a_folder_holds_its_own_files_only(write):
    """*.yaml, *.yml and *.json without a dot in front, several documents a file, in their names' order; no sub-folders."""
    folder = write(
        b_yaml=f"name: b1\n{spec()}---\nname: b2\n{spec()}---\n",
        a_json='{"name": "a", "spec": "apiVersion: batch/v1\\nkind: Job\\nspec: {template: {spec: {}}}"}',
        samples__x_yaml="no: definition",
    )
    (folder / "c.yml").write_text(f"name: c\n{spec()}")
    (folder / ".hidden.yaml").write_text("no: definition")
    (folder / "README.md").write_text("# no definition")
    assert load(folder).names == ("a", "b1", "b2", "c")


def test_json_may_be_indented_by_tabs(write):
    """JSON with tabs for indentation is JSON."""
    folder = write(
        a_json='{\n\t"name": "a",\n\t"spec": "apiVersion: batch/v1\\nkind: Job\\nspec: {template: {spec: {}}}"\n}'
    )
    assert load(folder).names == ("a",)


def test_an_empty_folder_is_an_empty_set_and_none_an_error(tmp_path):
    """Nothing to do is fine; a wrong path is not."""
    assert len(load(tmp_path)) == 0
    with pytest.raises(DefinitionError, match="no such folder or file; make it, or name another with JOB_DEFINITIONS"):
        load(tmp_path / "nope")


def test_one_file_may_have_any_name(write):
    """A file that is named is read, whatever its suffix: mounted ConfigMaps' keys have none."""
    folder = write(job_definitions=f"name: a\n{spec()}")
    assert load(folder / "job_definitions").names == ("a",)


MISTAKES = [
    ("nmae: x\n" + spec(), 1, 1, "nmae is no key here", "did you mean name?"),
    ("name: x\nspecs: y\n" + spec(), 2, 1, "specs is no key here", "did you mean spec?"),
    ("name: X y\n" + spec(), 1, 1, "name: 'X y' is no DNS label", "it must match"),
    ("name: " + "a" * 64 + "\n" + spec(), 1, 1, "is no DNS label", "it must match"),
    ("name: 5\n" + spec(), 1, 1, "name must be a text", "put it in quotes"),
    ("name: x\n", 1, 1, "exactly one template", "write one of spec, spec_path or spec_config_map_name"),
    ("name: x\nspec_path: y\n" + spec(), 1, 1, "exactly one template", "write one of"),
    ("name: x\nspec_config_map_name: y\n", 1, 1, "a ConfigMap has a name and a namespace", "write both"),
    ("name: x\nspec: {kind: Job}\n", 2, 1, "spec must be a text", "write `spec: |`"),
    ("name: x\nconcurrency: {group: a}\n" + spec(), 2, 1, "concurrency (groups of Jobs) is not built yet", "leave the key out"),
    ("name: x\nstart_deadline: 10m\n" + spec(), 2, 1, "start_deadline (a deadline for the start) is not built yet", "leave"),
    ("name: x\non: {type: a}\n" + spec(), 2, 1, "on must be a list", "write it in brackets"),
    ("name: x\non: []\n" + spec(), 2, 1, "on is an empty list", "write its items"),
    ("name: x\non: [{}]\n" + spec(), 2, 6, "a rule without conditions", "write at least its type"),
    ("name: x\non:\n  - typ: a\n" + spec(), 3, 5, "typ is no key of a rule", "did you mean type?"),
    ("name: x\non:\n  - soruce: a\n" + spec(), 3, 5, "soruce is no key of a rule", "did you mean source?"),
    ("name: x\non:\n  - my_ext: a\n" + spec(), 3, 5, "'my_ext' is no attribute's name", "lower-case letters"),
    ("name: x\non:\n  - type: [a, b]\n" + spec(), 3, 5, "type must be a text or a filter", "exact, prefix"),
    ("name: x\non:\n  - type: ''\n" + spec(), 3, 5, "type is empty", "write its value"),
    ("name: x\non:\n  - type:\n" + spec(), 3, 5, "type is empty", "leave the key out"),
    ("name: x\non:\n  - type: {prefx: a}\n" + spec(), 3, 12, "prefx is no key here", "did you mean prefix?"),
    ("name: x\non:\n  - type: {prefix: a, suffix: b}\n" + spec(), 3, 5, "a filter has exactly one key", "any and all"),
    ("name: x\non:\n  - type: {any: []}\n" + spec(), 3, 12, "any is an empty list", "write its items"),
    ("name: x\non:\n  - type: {not: {not: {}}}\n" + spec(), 3, 18, "a filter has exactly one key", "exact"),
    ("name: x\non:\n  - type: a\n    when: event.data.x ==\n" + spec(), 4, 5, "when: unexpected 'end", "correct the expression"),
    ("name: x\non:\n  - type: a\n    when: data.x == 1\n" + spec(), 4, 5, "when: there is no variable data", "event.data"),
    ("name: x\non:\n  - type: a\n    when: event.items()\n" + spec(), 4, 5, "when: nothing can be called", "use a filter"),
    ("name: x\nparams: {a: event.data.x}\n" + spec(), 2, 10, "a must be a mapping", "write {from: event.data.…}"),
    ("name: x\nparams: {a: {form: b}}\n" + spec(), 2, 14, "form is no key here", "did you mean from?"),
    ("name: x\nparams: {event: {default: a}}\n" + spec(), 2, 10, "event cannot name a parameter", "choose another name"),
    ("name: x\nparams: {a-b: {default: a}}\n" + spec(), 2, 10, "'a-b' is no name of a parameter", "it must match"),
    ("name: x\nparams: {a: {type: text}}\n" + spec(), 2, 14, "type must be 'string', 'integer'", "write one of these"),
    ("name: x\nparams: {a: {pattern: '(?=x)'}}\n" + spec(), 2, 14, "look-around", "without that"),
    ("name: x\nparams: {a: {pattern: 'a)|(b'}}\n" + spec(), 2, 14, "pattern: unopened group", "without that"),
    ("name: x\nparams: {a: {pattern: '(a)\\1'}}\n" + spec(), 2, 14, "pattern: backreferences are not supported", "without"),
    ("name: x\nparams: {a: {default: 5, pattern: '[a-z]+'}}\n" + spec(), 2, 14, "default: '5'", "write one that the parameter takes"),
    ("name: x\nparams: {a: {default: b, enum: [c]}}\n" + spec(), 2, 14, "default: 'b' is none of 'c'", "write one"),
    ("name: x\nparams: {a: {default: b, type: integer}}\n" + spec(), 2, 14, "default: 'b' is no integer", "write one"),
    ("name: x\nparams: {a: {default: [b]}}\n" + spec(), 2, 14, "default: a list where a text belongs", "write one"),
    ("name: x\non: [{type: a}]\nparams: {a: {}}\n" + spec(), 3, 10, "a has neither from nor default", "required: false"),
    ("name: x\nretention: 3600\n" + spec(), 2, 1, "3600 is no duration", "write the unit: 3600s"),
    ("name: x\nretention: {succeeded: 1.5}\n" + spec(), 2, 13, "1.5 is no duration", "write the unit: 1.5s"),
    ("name: x\nretention: {failed: 7 days}\n" + spec(), 2, 13, "'7 days' is no duration", "such as 90s"),
    ("name: x\nretention: {suceeded: 7d}\n" + spec(), 2, 13, "suceeded is no key here", "did you mean succeeded?"),
    ("name: x\nevent: files\n" + spec(), 2, 1, "event must be 'none', 'env' or 'file'", "did you mean file?"),
    ("name: x\nallow: [hostPath]\n" + spec(), 2, 9, "allow must be 'image', 'command'", "write one of these"),
    ("name: x\nlabels: {jobhook.dev/x: a}\n" + spec(), 2, 10, "jobhook.dev/x is jobhook's own", "choose another name"),
    ("name: x\nlabels: {a: 'b c'}\n" + spec(), 2, 10, "'b c' is no label value", "it must match"),
    ("name: x\nlabels: {a: '{{ b }}'}\n" + spec(), 2, 10, "is not a template", "metadata.labels"),
    ("name: x\nlabels: {a: 5}\n" + spec(), 2, 10, "a must be a text", "put it in quotes"),
    ("name: x\ntests: [{event: a}]\n" + spec(), 2, 9, "expect is missing", "write it"),
    ("name: x\nname: y\n" + spec(), 2, 1, "the key 'name' occurs twice", "keep one of them"),
    ("name: x\na: &b c\n" + spec(), 2, 4, "anchors", "write the value out in each place"),
    ("name: x\na: *b\n" + spec(), 2, 4, "aliases", "write the value out in each place"),
    ("name: x\n<<: 1\n" + spec(), 2, 1, "merge keys", "write the keys out"),
    ("name: x\na: !b c\n" + spec(), 2, 4, "tags are not allowed: !b", "leave the tag out"),
    ("name: é\nb: a\0\n", 2, 5, "control characters are not allowed (U+0000)", "take the character out"),
    ("%YAML 1.2\n---\nname: x\n" + spec(), 1, 1, "directives", "take the line out"),
    ("name: x\nallow: [imag]\n" + spec(), 2, 9, "allow must be 'image'", "did you mean image?"),
    ("name: x\ntests: [{event: a, expect: nope}]\n" + spec(), 2, 20, "expect must be a mapping, or none", "a part of the"),
    (
        "name: x\nparams: {p: {from: event.id, pattern: '(a{1,9999}){1,9999}'}}\n" + spec(),
        2,
        30,
        "pattern: is too large",
        "write smaller repetitions",
    ),
    ("just a text\n", 1, 1, "no definition: a mapping with a name", "sub-folder"),
    ("name: x\n  y: z\n", 2, 4, "mapping values are not allowed", "check the indentation"),
    ("name: x\nspec: {{ a }}\n", 2, 8, "key must be a text", "put {{ … }} in quotes"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[3])
def test_each_mistake_has_its_place_and_a_remedy(problems, mistake):
    """A person finds what is wrong, where it is and what to do, without reading code."""
    text, line, column, problem, remedy = mistake
    found = problems(text)
    assert any((at, beside) == (line, column) and problem in says and remedy in do for at, beside, says, do in found), (
        found
    )


TEMPLATE_MISTAKES = [
    ("args: [go", "args: [{{ a | nope }}", 12, "there is no filter nope"),
    ("args: [go", "args: [{{ a() }}", 12, "nothing can be called"),
    ("args: [go", "args: [{{ nobody }}", 12, "there is no parameter nobody"),
    ("args: [go", "args: {{ a }} [", 12, "a list of texts"),
    (
        "        restartPolicy: Never",
        "        restartPolicy: Never\n        restartPolicy: Always",
        9,
        "'restartPolicy' occurs twice",
    ),
    (
        "        restartPolicy: Never",
        "        hostNetwork: {{ a }}",
        8,
        "spec.template.spec.hostNetwork: a value may not go here",
    ),
    ("image: busybox:1.36", "image: {{ a }}", 11, "add `allow: [image]`"),
    ("args: [go", "command: [sh, -c]\n            args: ['echo {{ a }}'", 13, "a value within a shell's script"),
    ("args: [go", "command: [sh, -c]\n            args: ['echo \"{{ a | shquote }}\"'", 13, "double quotes"),
    ("args: [go", "args: ['$({{ a }})'", 12, "within $(…)"),
    ("kind: Job", "kind: CronJob", 4, "kind is not Job"),
    ("{% if %}", "", None, ""),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), TEMPLATE_MISTAKES[:-1])
def test_a_mistake_in_a_template_has_its_line_in_the_file(problems, old, new, line, says):
    """Whatever does not depend on an event is found when the file is read, at the file's own line."""
    text = ("name: x\n" + spec()).replace(old, new, 1) + "params: {a: {default: b}}\n"
    found = problems(text)
    assert any(at == line and says in problem + do for at, _, problem, do in found), found


def test_branches_are_checked_as_far_as_they_can_be(write, problems):
    """A value in a forbidden place is found within either branch; what only some branches break is not refused."""
    text = "name: x\nparams: {a: {default: b}}\n" + spec()
    either = text.replace("restartPolicy: Never", "{% if a %}restartPolicy: Never{% else %}hostPID: {{ a }}{% endif %}")
    assert "hostPID: a value may not go here" in problems(either)[0][2]
    loop = text.replace("args: [go]", "args: [{% for x in event.data %}{{ x }}, {% endfor %}]")
    both = text.replace("kind: Job", "{% if a %}kind: Job{% endif %}\n  {% if not a %}kind: Job{% endif %}", 1)
    assert load(write(a_yaml=loop)).names == load(write(a_yaml=both)).names == ("x",)
    broken = text.replace("args: [go]", "args: [{% if a %}x{% endif %}")
    assert "expected" in problems(broken)[0][2]


def test_all_that_is_wrong_is_told_at_once(write):
    """One reading tells the errors of every file and every document."""
    folder = write(
        a_yaml=f"name: a\nretention: 5\nallow: [x]\n{spec()}---\nname: b\n{spec('{{ c }}')}",
        b_yaml="name: [",
        c_yaml=f"name: c\n{spec()}---\nname: c\n{spec()}",
    )
    with pytest.raises(DefinitionError) as refused:
        load(folder)
    told = "\n".join(str(error) for error in (refused.value, *refused.value.others))
    for part in ("5 is no duration", "allow must be", "no parameter c", "b.yaml:", "the name c is taken by"):
        assert part in told
    assert len(refused.value.others) == 4


def test_the_older_form_is_a_list_of_templates(write):
    """A list of names and templates: submit-only, its free variables are parameters, image and command may be filled."""
    inline = spec("{{ b }}").replace("\n", "\n  ").replace("spec: |", "spec: |")
    folder = write(
        old_yaml=f"- name: Pi_1\n  {inline}\n- name: file\n  spec_path: templates/t.txt\n"
        "- name: map\n  spec_config_map_name: m\n  spec_config_map_namespace: n\n",
        templates__t_txt="x",
    )
    (folder / "templates" / "t.txt").write_text(
        "apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {containers: "
        "[{name: a, image: {{ image }}, command: [{{ event }}, {{ c | default('x') }}]}]}}}"
    )
    assert config_maps(folder) == {("n", "m")}
    text = "apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {}}}"
    found = load(folder, config_maps={("n", "m"): text})
    assert found.names == ("Pi_1", "file", "map")
    assert all(definition.ancestor and not definition.rules for definition in found)
    assert list(found.get("Pi_1").params) == ["b"]
    params = found.get("file").params
    assert {name: param.required for name, param in params.items()} == {"c": False, "event": True, "image": True}


def test_the_older_form_takes_no_other_keys(problems):
    """Rules belong into a document of their own, and the message says so."""
    assert problems("- name: a\n  on: [{type: b}]\n  spec: x\n")[0][:2] == (2, 3)
    assert "document of its own" in problems("- name: a\n  on: [{type: b}]\n  spec: x\n")[0][3]


def test_a_template_in_a_config_map_that_is_not_there_is_an_error(write):
    """The message names the ConfigMap, its key and the right that is needed."""
    folder = write(a_yaml="name: a\nspec_config_map_name: m\nspec_config_map_namespace: n\n")
    with pytest.raises(DefinitionError, match=r"a.yaml:2:1: there is no ConfigMap n/m with a key m.*resourceNames"):
        load(folder)


def test_a_templates_file_names_its_own_lines(write):
    """An error in a template of its own file is told with that file's name and line."""
    folder = write(a_yaml="name: a\nspec_path: t/job.txt\n", t__job_txt="")
    (folder / "t" / "job.txt").write_text("apiVersion: batch/v1\nkind: Job\nspec: {{ nobody }}\n")
    with pytest.raises(DefinitionError, match=r"t/job.txt:3:1: there is no parameter nobody"):
        load(folder)


@pytest.mark.parametrize(
    "path", ["../secret.txt", "/etc/hostname", "link.txt", "folder/../../secret.txt", "linked/secret.txt"]
)
def test_a_template_is_never_outside_of_the_folder(tmp_path, path):
    """Neither by .., nor by an absolute path, nor by a symbolic link."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "definitions"
    (folder / "folder").mkdir(parents=True)
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "a.yaml").write_text(f"name: a\nspec_path: {path}\n")
    with pytest.raises(DefinitionError, match="outside of the definitions' folder"):
        load(folder)


def test_an_absolute_path_within_the_folder_is_fine(write):
    """The older form's paths were absolute."""
    folder = write(a_yaml="", t_txt=spec().removeprefix("spec: |\n").replace("\n  ", "\n").removeprefix("  "))
    (folder / "a.yaml").write_text(f"- name: a\n  spec_path: {folder / 't_txt'}\n")
    assert load(folder).names == ("a",)


def test_a_missing_template_says_where_it_was_looked_for(write):
    """The folder that relative paths begin at is named."""
    with pytest.raises(DefinitionError, match=r"a.yaml:2:1: there is no file t.txt; it is looked for in "):
        load(write(a_yaml="name: a\nspec_path: t.txt\n"))


def test_a_mounted_config_map_is_read_once(tmp_path):
    """Kubernetes mounts a ConfigMap as links through `..data`, whose own names are no definitions."""
    real = tmp_path / "..2026_01_31"
    real.mkdir()
    (real / "a.yaml").write_text("name: a\nspec_path: job.txt\n")
    (real / "job.txt").write_text("apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {}}}")
    (tmp_path / "..data").symlink_to(real.name)
    for name in ("a.yaml", "job.txt"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert load(tmp_path).names == ("a",)


def test_what_cannot_be_read_is_told(write):
    """No UTF-8, too large: the file is named."""
    folder = write(a_yaml="")
    (folder / "a.yaml").write_bytes("é: 1\né: ".encode() + b"\xff\xfe")
    with pytest.raises(DefinitionError, match=r"a.yaml:2:4: no UTF-8 text; save it as UTF-8"):
        load(folder)
    (folder / "a.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(DefinitionError, match="more than 1048576 bytes"):
        load(folder)


def test_too_many_definitions_are_refused_with_a_remedy(write, monkeypatch):
    """A set has a bound, and who meets it is told what to do."""
    monkeypatch.setattr(loading, "MAX_DEFINITIONS", 1)
    with pytest.raises(DefinitionError, match="more than 1 definitions; take out what is not used"):
        load(write(a_yaml=f"name: a\n{spec()}---\nname: b\n{spec()}"))


def test_a_bare_retention_means_every_outcome(write):
    """`retention: 7d` is succeeded, failed and cancelled."""
    (found,) = load(write(a_yaml=f"name: a\nretention: 1h30m\n{spec()}"))
    assert found.retention == dict.fromkeys(("succeeded", "failed", "cancelled"), timedelta(minutes=90))


def test_the_digest_changes_with_what_a_definition_makes(write):
    """Comments and order of files do not matter; every key and the template's text do."""
    text = f"name: a\n{spec()}"

    def digest(text):
        return load(write(a_yaml=text)).get("a").digest

    same = digest(text)
    assert digest(f"# a comment\n{text}") == same
    for other in (text.replace("busybox", "alpine"), text + "event: env\n", text + "labels: {a: b}\n"):
        assert digest(other) != same


def test_the_schema_describes_every_key(write):
    """A JSON Schema can be made of the models, and no key is without a description."""
    schema = Document.model_json_schema()
    for model in (schema, *schema["$defs"].values()):
        for name, key in model.get("properties", {}).items():
            assert key.get("description"), name
    assert schema["$defs"]["Filter"]["properties"].keys() == {"exact", "prefix", "suffix", "any", "all", "not"}
    assert "from" in schema["$defs"]["Parameter"]["properties"]
