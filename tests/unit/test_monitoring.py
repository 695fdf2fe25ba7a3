"""The dashboard and the alerts speak of metrics and labels that there are."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from webhook.metrics import Metrics

SCRAPED = {"namespace", "pod", "container"}
"""Labels that Prometheus adds from Kubernetes."""
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",), "info": ("_info",)}
FUNCTIONS = {"sum", "max", "min", "by", "rate", "increase", "histogram_quantile"}
NAME = re.compile(r"\b(?:jobhook|process)_[a-z_]+\b")
SELECTOR = re.compile(r"\b((?:jobhook|process)_[a-z_]+)\{([^}]*)\}")
TOKEN = re.compile(
    r"""\s*(?:"[^"]*"|\[\$__rate_interval\]|\[\d+[smhd]\]|[A-Za-z_][A-Za-z_0-9]*|\d+(?:\.\d+)?|=~|[-+*/<>=(){},])"""
)


@pytest.fixture(scope="module")
def series():
    """Labels by the name of every series that /metrics can have."""
    metrics = Metrics()
    labels = {
        metric._name: set(metric._labelnames) for metric in vars(metrics).values() if hasattr(metric, "_labelnames")
    }
    return {
        family.name + suffix: labels.get(family.name, set()) | ({"le"} if suffix == "_bucket" else set())
        for family in metrics.registry.collect()
        for suffix in SUFFIXES[family.type]
    }


@pytest.fixture(scope="module")
def rules(project):
    """The rules file, as Prometheus reads it."""
    return yaml.safe_load((project / "manifests/monitoring/rules.yaml").read_text())["spec"]


@pytest.fixture(scope="module")
def dashboard(project):
    return json.loads((project / "manifests/monitoring/dashboard.json").read_text())


@pytest.fixture(scope="module")
def expressions(rules, dashboard):
    """Every expression, with where it stands."""
    found = {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


def syntax(expression):
    """Complain of what is certainly no PromQL: a stray character, an open bracket, an unknown function."""
    at, stack = 0, []
    while at < len(expression.rstrip()):
        found = TOKEN.match(expression, at)
        assert found, f"{expression[at:]!r} in {expression!r}"
        token, at = found[0].strip(), found.end()
        if token in "({":
            stack.append(")" if token == "(" else "}")
        elif token in ")}":
            assert stack.pop() == token, expression
    assert not stack, expression
    assert set(re.findall(r"\b([a-z_]+)\s*\(", expression)) <= FUNCTIONS, expression


def test_every_series_that_is_asked_for_exists(expressions, series):
    """A renamed metric leaves no empty panel and no alert that never fires."""
    for place, expression in expressions.items():
        names = set(NAME.findall(expression)) - {"process"}
        assert names, place
        assert names <= series.keys(), (place, names - series.keys())


def test_every_label_that_is_asked_for_exists(expressions, series):
    """In selectors and in groupings alike."""
    for place, expression in expressions.items():
        for name, selector in SELECTOR.findall(expression):
            asked = set(re.findall(r"([a-z_]+)=", selector))
            assert asked <= series[name] | SCRAPED, (place, name, asked)
        [labels] = {frozenset(series[name]) for name in NAME.findall(expression)}
        for group in re.findall(r"\bby \(([^)]*)\)", expression):
            asked = {label.strip() for label in group.split(",")}
            assert asked <= labels | SCRAPED, (place, asked)


def test_every_metric_of_ours_is_shown(expressions, series):
    """What is counted for nobody need not be counted."""
    shown = {name for expression in expressions.values() for name in NAME.findall(expression)}
    ours = {re.sub("_(bucket|count|sum)$", "", name) for name in series if name.startswith("jobhook_")}
    assert ours - {re.sub("_(bucket|count|sum)$", "", name) for name in shown} == set()


def test_expressions_are_well_formed(expressions):
    """By a small reader of our own; the whole of PromQL is promtool's, below."""
    for expression in expressions.values():
        syntax(expression)


@pytest.mark.parametrize("broken", ["sum(", "rate(x[5m)", "sum by (a) x)", "foo(jobhook_events_total)", "a % b"])
def test_the_small_reader_can_complain(broken):
    """It would be of no use otherwise."""
    with pytest.raises((AssertionError, IndexError)):
        syntax(broken)


def test_alerts_say_what_to_do(rules):
    """Each has a severity, a summary and a description, and a name of its own."""
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    for rule in alerts:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_promtool_takes_the_rules_and_the_panels(rules, dashboard, expressions, tmp_path):
    """Where Prometheus' own tool is at hand, it reads every expression; else the tests above stand alone."""
    file = tmp_path / "rules.yaml"
    panels = [
        {"record": f"panel:number{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(expressions.values())
    ]
    file.write_text(yaml.safe_dump({"groups": [*rules["groups"], {"name": "panels", "rules": panels}]}))
    if program := shutil.which("promtool"):
        done = subprocess.run([program, "check", "rules", file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_panels_do_not_overlap(dashboard):
    """Twenty-four columns, each place taken once."""
    taken = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
