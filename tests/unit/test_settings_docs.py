"""The reference of the configuration keeps up with what is read."""

import re

import pytest

from webhook import settings
from webhook.settings import environment
from webhook.settings.document import Document


@pytest.fixture(scope="module")
def reference(project):
    return (project / "docs" / "configuration.md").read_text()


def test_every_variable_is_explained(reference):
    """Each variable that is read has a row."""
    rows = set(re.findall(r"^\| `([A-Z_]+)` \|", reference, re.MULTILINE))
    assert rows == set(environment.known())


@pytest.mark.parametrize(
    "model", [Document, settings.Events, settings.Source, settings.Sink, settings.Caller, settings.Limits]
)
def test_every_key_is_explained(reference, model):
    """Each key of the file stands in the reference as code."""
    missing = [name for name in model.model_fields if not re.search(rf"`{name}\b", reference)]
    assert missing == []


def test_its_example_is_read(reference, tmp_path):
    """The example of the reference is a valid file, once its secrets are there."""
    (tmp_path / "run").mkdir()
    for name in ("github", "acme", "ops", "bus"):
        (tmp_path / "run" / name).write_text(f"{name}-0123456789abcdef")
    (example,) = re.findall(r"```yaml\n(.*?)```", reference, re.DOTALL)
    (tmp_path / "jobhook.yaml").write_text(example.replace("/run/secrets/jobhook", "run"))
    found = settings.load({}, folder=tmp_path)
    assert found.warnings == ()
    assert (found.events.auth, list(found.sources), found.sinks[0].name) == ("bearer", ["github", "acme"], "bus")
