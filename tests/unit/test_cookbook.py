"""The cookbook: every file of it is right, does what its page says, and keeps the schema; and the page is complete."""

import re

import jsonschema
import pytest

from webhook import routing, yaml
from webhook.checking import check
from webhook.definitions.loading import MAX_DEFINITIONS
from webhook.definitions.model import NOT_YET, Document, Parameter
from webhook.definitions.schema import definition_schema
from webhook.launch import MAX_JOBS
from webhook.manifests import MAX_NODES, Allow
from webhook.manifests.leaves import MAX_ARGUMENT, MAX_ELEMENTS
from webhook.manifests.places import _JOB_INTEGERS, _NEVER
from webhook.rendering.payload import MAX_ANNOTATION, MAX_ENV, MAX_FILE
from webhook.rendering.rendered import MAX_VALUES
from webhook.templates import limits
from webhook.templates.filters import FILTERS
from webhook.templates.grammar import TAGS
from webhook.templates.tests import TESTS


@pytest.fixture(scope="module")
def page(project):
    """The reference."""
    return (project / "docs/definitions.md").read_text()


@pytest.fixture(scope="module")
def files(project):
    """The cookbook's files."""
    return sorted((project / "docs/cookbook").glob("*.yaml"))


def test_the_cookbook_is_right(project):
    """No finding, and every definition that an event calls is tried with at least one."""
    found = check(project / "docs/cookbook")
    assert found.findings == ()
    assert found.definitions >= 10
    tried = {definition.name for _, definition, trial in found.trials if trial.rendered is not None}
    submitted = {"reindex-search"}
    assert len(tried | submitted) == found.definitions


def test_every_file_names_the_schema_and_keeps_it(project, files):
    """So that editors help with a copy, too."""
    schema = jsonschema.Draft202012Validator(definition_schema())
    for file in files:
        text = file.read_text()
        _, _, named = text.splitlines()[0].partition("# yaml-language-server: $schema=")
        assert (file.parent / named).resolve() == (project / "docs/definition.schema.json").resolve()
        for node in yaml.documents(text):
            schema.validate(yaml.value(node))


def test_the_page_names_ten_cases_and_shows_what_is_in_them(page, files):
    """Each file has its line, and what the page quotes is in one of them as it stands."""
    assert len(files) == 10
    _, _, cookbook = page.partition("\n## Cookbook\n")
    assert sorted(set(re.findall(r"\(cookbook/([\w-]+\.yaml)\)", cookbook))) == [file.name for file in files]
    whole = "\n".join(file.read_text() for file in files)
    quoted = re.findall(r"```yaml\n(.*?)```", cookbook, re.DOTALL)
    assert len(quoted) == 3
    for block in quoted:
        assert block in whole


def test_the_page_names_every_key(page):
    """Of definitions and of parameters, and those that are not built yet."""
    for model in (Document, Parameter):
        for name, field in model.model_fields.items():
            assert f"`{field.alias or name}`" in page
    for name in NOT_YET:
        assert f"`{name}`" in page


def test_the_page_names_every_filter_test_and_tag(page):
    """A filter that nobody knows of is of no use."""
    _, _, after = page.partition("**Filters.**")
    filters, _, tests = after.partition("**Tests**")
    for name in FILTERS:
        assert re.search(rf"`{name}[`(]", filters), name
    tests = tests.partition("\n## ")[0]
    others = {"==", "equalto", "!=", ">", "greaterthan", ">=", "<", "lessthan", "<="}
    assert {name for name in TESTS if f"`{name}`" not in tests} == others
    assert all(f"`{tag}`" in page for tag in TAGS.split(", "))


def test_the_page_names_every_place(page):
    """What may be opted in to, and what never."""
    for option in Allow:
        assert f"`allow: [{option.value}]`" in page
    for name in (*_NEVER, *_JOB_INTEGERS):
        assert f"`{name}`" in page


def test_the_page_names_the_limits_as_they_are(page):
    """Numbers that are changed here are changed there."""
    numbers = (MAX_DEFINITIONS, MAX_JOBS, MAX_NODES, MAX_ELEMENTS, MAX_ARGUMENT, MAX_VALUES, limits.MAX_VALUE)
    for number in (
        *numbers,
        limits.MAX_TOKENS,
        limits.MAX_STEPS,
        limits.MAX_WORK,
        limits.MAX_MADE,
        limits.MAX_ITEMS,
        routing.MAX_WORK,
    ):
        assert re.search(rf"(?<![\d,]){number:,}(?![\d,])", page), number
    for size in (MAX_ANNOTATION, MAX_ENV, MAX_FILE, limits.MAX_TEXT, limits.MAX_SOURCE):
        assert f"{size // 1024} KiB" in page


def test_links_of_the_page_lead_somewhere(project, page):
    """To files and to headings, of this page and of others."""
    for target in re.findall(r"\]\(([^)]+)\)", page):
        name, _, heading = target.partition("#")
        if name.startswith("https://"):
            continue
        file = project / "docs" / name if name else project / "docs/definitions.md"
        assert file.exists(), target
        if heading:
            slugs = [
                re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
                for line in file.read_text().splitlines()
                if line.startswith("#")
            ]
            assert heading in slugs, target
