"""Rules that no event can ever satisfy, and rules that hardly mean what they say."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from ..completion import TYPES
from ..definitions import Condition, Definition, Rule
from ..definitions.filters import exact_texts, show
from ..errors import MalformedEvent
from ..events import Event
from ..events import check as check_event
from ..providers.github_types import SHAPES
from ..templates import EvaluationFailed
from .finding import Severity
from .samples import COMPLETIONS, STEPS_DOOR
from .satisfiable import satisfiable

Said = tuple[Severity, str, str, tuple[str | int, ...]]
"""How bad, what is wrong, what to do, and the keys that lead there."""

_GITHUB = "com.github."
_UNSEEN = {"specversion": "it is always 1.0", "data": "ask the data in `when`: event.data…"}
_WITH_ACTION = frozenset(
    {
        *("check_run", "check_suite", "discussion", "discussion_comment", "issue_comment", "issues", "label"),
        *("merge_group", "milestone", "package", "pull_request", "pull_request_review", "pull_request_review_comment"),
        *("pull_request_review_thread", "release", "repository", "workflow_job", "workflow_run"),
    }
)
"""GitHub's events that always have an action, which then is the type's last part."""
_CORE = frozenset({"id", "type", "source", "subject", "time", "datacontenttype", "dataschema"})


def odd_rules(definition: Definition) -> Iterator[Said]:
    """What is odd about a definition's rules."""
    seen: dict[str, int] = {}
    for number, rule in enumerate(definition.rules):
        for condition in rule.conditions:
            yield from _condition(condition, ("on", number, condition.attribute))
        yield from _door(rule, ("on", number, "via"))
        yield from _when(rule, ("on", number, "when"))
        words = " and ".join(sorted(map(str, rule.conditions))) + (f" when {rule.when.source}" if rule.when else "")
        if (earlier := seen.setdefault(words, number)) != number:
            yield Severity.WARNING, f"the rule is the same as rule {earlier + 1}", "leave it out", ("on", number)


def _condition(condition: Condition, at: tuple[str | int, ...]) -> Iterator[Said]:
    name, written = condition.attribute, condition.written
    if name in _UNSEEN:
        yield _never(f"no rule sees {name}", _UNSEEN[name], at)
        return
    if not satisfiable(written):
        yield _never(f"{name}: no text satisfies {show(written)}", "take out what contradicts the rest", at)
        return
    texts = exact_texts(written)
    if texts and name != "via" and (reason := _impossible(name, texts)):
        yield _never(reason, "write one that an event can have", at)
    elif texts and name == "type":
        yield from _types(texts, at)


def _impossible(name: str, texts: frozenset[str]) -> str | None:
    """Why none of the texts can be an attribute of an event, in the words of the specification."""
    reason = None
    for text in sorted(texts):
        core = {"id": "1", "type": "t", "source": "/s"} | ({name: text} if name in _CORE else {})
        try:
            check_event(Event(**core, extensions={} if name in _CORE else {name: text}))
        except MalformedEvent as error:
            reason = str(error)
        else:
            return None
    return reason


def _types(texts: frozenset[str], at: tuple[str | int, ...]) -> Iterator[Said]:
    ours = set(TYPES.values())
    unknown = sorted(text for text in texts if text.startswith(COMPLETIONS) and text not in ours)
    if unknown and len(unknown) == len(texts):
        yield _never(f"jobhook sends no {unknown[0]}", f"there are {', '.join(sorted(ours))}", at)
    for text in sorted(texts):
        name, _, action = text.removeprefix(_GITHUB).partition(".")
        if not text.startswith(_GITHUB) or name == "delivery":
            continue
        if name not in SHAPES:
            near = get_close_matches(name, SHAPES, 1, 0.6)
            remedy = f"did you mean {_GITHUB}{near[0]}?" if near else "see GitHub's list of webhook events"
            yield Severity.WARNING, f"GitHub is not known to send {name}", remedy, at
        elif name in _WITH_ACTION and not action:
            remedy = f"write one, such as {text}.created, or {{prefix: {text}.}}"
            problem = f"the types of GitHub's {name} events end with an action"
            yield _never(problem, remedy, at) if len(texts) == 1 else (Severity.WARNING, problem, remedy, at)


def _door(rule: Rule, at: tuple[str | int, ...]) -> Iterator[Said]:
    vias = next((exact_texts(each.written) for each in rule.conditions if each.attribute == "via"), None)
    types = rule.types()
    if vias == frozenset({STEPS_DOOR}) and types and not any(text.startswith(COMPLETIONS) for text in types):
        remedy = f"by that door come {COMPLETIONS}… alone; leave via out, or name the source"
        yield _never(f"{', '.join(sorted(types))} never comes via {STEPS_DOOR}", remedy, at)


def _when(rule: Rule, at: tuple[str | int, ...]) -> Iterator[Said]:
    if rule.when is None or rule.when.variables:
        return
    try:
        holds = rule.when.holds({})
    except EvaluationFailed as error:
        yield _never(f"when always fails: {error}", "ask something of event", at)
        return
    if holds:
        yield Severity.WARNING, "when holds for every event", "leave it out, or ask something of event", at
    else:
        yield _never("when holds for no event", "ask something of event", at)


def _never(problem: str, remedy: str, at: tuple[str | int, ...]) -> Said:
    return Severity.ERROR, f"the rule can never match: {problem}", remedy, at
