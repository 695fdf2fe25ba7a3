"""What docs/webhooks.md says of types keeps up with the code."""

import os
import re

import pytest

from webhook.providers.github_types import REPEATS, SHAPES
from webhook.settings import SCHEMES

BEGIN, END = "<!-- types: begin -->\n", "<!-- types: end -->"


@pytest.fixture(scope="module")
def page(project):
    return project / "docs" / "webhooks.md"


def _identity(name):
    actions = REPEATS.get(name)
    if actions is None:
        return "body"
    return f"id ({', '.join(f'`{action}`' for action in sorted(actions))})" if actions else "id"


def _type(name, shape):
    last = shape.suffix.rpartition(".")[2].upper() if shape.suffix else ""
    return f"`{name}.{last}`" if last else f"`{name}`"


def _table():
    lines = ["| type | body must have | subject | known by |", "|---|---|---|---|"]
    for name, shape in sorted(SHAPES.items()):
        if name == "ping":
            continue
        must = ", ".join(f"`{key}`" for key in shape.must)
        subject = f"`{shape.subject}`" if shape.subject else "–"
        lines.append(f"| {_type(name, shape)} | {must} | {subject} | {_identity(name)} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_githubs_types_is_that_of_the_code(page):
    """Written anew where JOBHOOK_WRITE_DOCS is set."""
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    if os.environ.get("JOBHOOK_WRITE_DOCS"):
        page.write_text(before + BEGIN + _table() + END + after)
    else:
        assert table == _table(), "run this test with JOBHOOK_WRITE_DOCS=1"


def test_every_real_type_is_in_the_table(page, outside_data):
    """Each event of the outside payloads has a row."""
    rows = set(re.findall(r"^\| `([a-z0-9_]+)", page.read_text(), re.MULTILINE))
    assert {folder.name for folder in (outside_data / "github" / "api.github.com").iterdir()} - {"ping"} <= rows


def test_every_scheme_is_explained(page):
    """Each one that can be declared is in an example; the old signature of GitHub in words."""
    text = page.read_text()
    declared = set(re.findall(r"scheme: ([a-z0-9-]+)", text))
    assert declared == set(SCHEMES) - {"github-sha1"}
    assert "`github-sha1`" in text


def test_every_link_within_the_page_leads_somewhere(page):
    """Headings as GitHub makes anchors of them."""
    text = page.read_text()
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.*)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors
