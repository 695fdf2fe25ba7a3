"""The rules of `on`, compiled."""

from __future__ import annotations

from collections.abc import Sequence

from .faults import one_slip
from .filters import compile_filter
from .findings import Findings
from .model import Rule as Written
from .rule import Condition, Rule

_ATTRIBUTES = frozenset({"id", "time", "datacontenttype", "dataschema"})


def compile_rules(written: Sequence[Written], findings: Findings) -> tuple[Rule, ...]:
    """Compile the rules of one definition; what is wrong goes to `findings`."""
    return tuple(_rule(number, rule, findings) for number, rule in enumerate(written))


def _rule(number: int, rule: Written, findings: Findings) -> Rule:
    extensions = rule.model_extra or {}
    for name in extensions:
        # An extension whose name is nearly that of a key is that key, misspelt.
        meant = next((key for key in Written.model_fields if one_slip(name, key)), None)
        if meant is not None and name not in _ATTRIBUTES:
            problem = f"{name} is no key of a rule, and hardly an extension attribute"
            findings.add(problem, f"did you mean {meant}?", "on", number, name)
    known = {name: getattr(rule, name) for name in ("type", "source", "subject", "via")}
    conditions = tuple(
        Condition(name, condition, compile_filter(condition))
        for name, condition in (known | extensions).items()
        if condition is not None
    )
    when = None if rule.when is None else findings.expression(rule.when, "on", number, "when")
    return Rule(conditions, when)
