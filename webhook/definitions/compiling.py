"""One definition as it is written → a `Definition`, or all that is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from pydantic import ValidationError

from .. import yaml
from ..json import dump_sorted
from ..manifests import Allow
from . import model
from .declared import compile_params, implied_params
from .definition import Definition, Example
from .faults import faults
from .files import Entry
from .findings import Findings, together
from .plans import Plans
from .rules import compile_rules
from .template import Source

_ANCESTOR_ALLOWS = frozenset({Allow.IMAGE, Allow.COMMAND})


def validate(entry: Entry) -> model.Document:
    """Check an entry's shape; an entry of the older form becomes a document without rules.

    Raises:
        DefinitionError: with all that is wrong.
    """
    shape = model.Ancestor if entry.ancestor else model.Document
    try:
        document = shape.model_validate(yaml.value(entry.node))
    except yaml.NotYaml as error:
        raise entry.fault(error.problem, "put it in quotes") from error
    except ValidationError as error:
        raise together(list(faults(error, shape, node=entry.node, path=entry.file))) from error
    return document if isinstance(document, model.Document) else model.Document.model_construct(**dict(document))


def compile_definition(entry: Entry, document: model.Document, source: Source) -> Definition:
    """Compile an entry whose template was read.

    Raises:
        DefinitionError: with all that is wrong.
    """
    findings = Findings(entry)
    rules = compile_rules(document.on or (), findings)
    params = compile_params(document, findings)
    allow = _ANCESTOR_ALLOWS if entry.ancestor else frozenset(document.allow)
    plans = Plans(allow=allow, digits=entry.ancestor)
    template, problems = source.compile(None if entry.ancestor else {*params, "event"})
    findings.problems += problems
    if template is not None:
        findings.problems += source.check(template, plans)
    if findings.problems or template is None:
        raise together(findings.problems)
    return Definition(
        name=document.name,
        description=document.description or "",
        rules=rules,
        params=implied_params(template) if entry.ancestor else params,
        retention=_retention(document.retention),
        event=document.event,
        allow=allow,
        labels=document.labels,
        annotations=document.annotations,
        tests=tuple(_example(test) for test in document.tests),
        source=source.text,
        template=template,
        plans=plans,
        digest=hashlib.sha256(dump_sorted([yaml.value(entry.node), source.text])).hexdigest(),
        ancestor=entry.ancestor,
        path=entry.file,
        line=entry.node.line,
    )


def _example(test: model.Test) -> Example:
    return Example(event=test.event, expect=test.expect if isinstance(test.expect, dict) else None)


def _retention(written: model.Retention | None) -> Mapping[str, timedelta]:
    if written is None:
        return {}
    return {name: period for name in model.Retention.model_fields if (period := getattr(written, name)) is not None}
