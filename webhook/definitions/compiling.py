"""One definition as it is written → a `Definition`, or all that is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from .. import yaml
from ..errors import DefinitionError
from ..json import dump_sorted
from ..manifests import Allow, BadManifest, BadSyntax, Unfit
from ..templates import Expression, NotTemplate, Skeleton, Template, compile_expression, compile_template
from . import model
from .definition import Condition, Definition, Example, Rule
from .faults import faults, near
from .files import Entry
from .filters import compile_filter
from .params import MAX_LENGTH, Param, Pattern
from .plans import Plans

_ANCESTOR_ALLOWS = frozenset({Allow.IMAGE, Allow.COMMAND})


def validate(entry: Entry) -> model.Document:
    """Check an entry's shape; an entry of the older form becomes a document without rules.

    Raises:
        DefinitionError: with all that is wrong.
    """
    shape = model.Ancestor if entry.ancestor else model.Document
    try:
        value = yaml.value(entry.node)
    except yaml.NotYaml as error:
        raise entry.fault(error.problem, "put it in quotes") from error
    try:
        document = shape.model_validate(value)
    except ValidationError as error:
        raise together(list(faults(error, shape, node=entry.node, path=entry.file))) from error
    return document if isinstance(document, model.Document) else model.Document.model_construct(**dict(document))


def together(errors: list[DefinitionError]) -> DefinitionError:
    """The first error, carrying the others."""
    first, *others = errors
    first.others = tuple(others)
    return first


class Compiler:
    """Compile one entry whose template was read; `problems` takes all that is wrong."""

    def __init__(self, entry: Entry, document: model.Document, source: str, *, template_file: str = "") -> None:
        self._entry, self._document, self._source, self._file = entry, document, source, template_file
        self.problems: list[DefinitionError] = []

    def compile(self) -> Definition:
        """Compile it.

        Raises:
            DefinitionError: with all that is wrong.
        """
        document, entry = self._document, self._entry
        rules = tuple(self._rule(number, rule) for number, rule in enumerate(document.on or ()))
        template = self._template()
        params = self._params(template)
        allow = _ANCESTOR_ALLOWS if entry.ancestor else frozenset(document.allow)
        plans = Plans(allow=allow, digits=entry.ancestor)
        if template is not None:
            self.problems += self._checked(template, plans)
        if self.problems or template is None:
            raise together(self.problems)
        return Definition(
            name=document.name,
            description=document.description or "",
            rules=rules,
            params=params,
            retention=_retention(document.retention),
            event=document.event,
            allow=allow,
            labels=document.labels,
            annotations=document.annotations,
            tests=tuple(
                Example(event=t.event, expect=None if t.expect == "none" else t.expect) for t in document.tests
            ),
            source=self._source,
            template=template,
            plans=plans,
            digest=hashlib.sha256(dump_sorted([yaml.value(entry.node), self._source])).hexdigest(),
            from_cluster=document.spec_config_map_name is not None,
            ancestor=entry.ancestor,
            path=entry.file,
            line=entry.node.line,
        )

    def _fault(self, problem: str, remedy: str, *at: str | int) -> None:
        self.problems.append(self._entry.fault(problem, remedy, *at))

    def _expression(self, source: str, *at: str | int, names: frozenset[str]) -> Expression | None:
        try:
            expression = compile_expression(source)
        except NotTemplate as error:
            self._fault(f"{at[-1]}: {error.problem}", error.remedy or "correct the expression", *at)
            return None
        for name in sorted(expression.variables - names):
            self._fault(f"{at[-1]}: there is no variable {name}", f"write {near_variable(name, names)}", *at)
        return expression

    def _rule(self, number: int, rule: model.Rule) -> Rule:
        written = {name: getattr(rule, name) for name in ("type", "source", "subject", "via")} | (
            rule.model_extra or {}
        )
        self._misspelt(number, rule)
        conditions = tuple(
            Condition(name, condition, compile_filter(condition))
            for name, condition in written.items()
            if condition is not None
        )
        if rule.when is None:
            return Rule(conditions, None)
        return Rule(conditions, self._expression(rule.when, "on", number, "when", names=frozenset({"event"})))

    def _misspelt(self, number: int, rule: model.Rule) -> None:
        """An extension whose name is nearly that of a key is that key, misspelt."""
        known = list(model.Rule.model_fields)
        for name in rule.model_extra or {}:
            remedy = near(name, known)
            if remedy.startswith("did you mean") and name not in _ATTRIBUTES:
                self._fault(
                    f"{name} is no key of a rule, and hardly an extension attribute", remedy, "on", number, name
                )

    def _params(self, template: Template | None) -> dict[str, Param]:
        if self._entry.ancestor:
            if template is None:
                return {}
            names = sorted(template.variables - {"event"})
            return {
                name: Param(name=name, required=name not in template.guarded, omitted=name in template.guarded)
                for name in names
            }
        return {name: self._param(name, param) for name, param in self._document.params.items()}

    def _param(self, name: str, written: model.Parameter) -> Param:
        at = ("params", name)
        has_default = written.default is not None
        if self._document.on and written.from_ is None and not has_default and written.required:
            remedy = "write `from: event.data.…`, a `default`, or `required: false`"
            self._fault(f"{name} has neither from nor default: no event could give it a value", remedy, *at)
        pattern = None
        if written.pattern is not None:
            try:
                pattern = Pattern(written.pattern)
            except ValueError as error:
                self._fault(f"pattern: {error}", "write it without that; the whole text must match", *at, "pattern")
        expression = None
        if written.from_ is not None:
            expression = self._expression(written.from_, *at, "from", names=frozenset({"event"}))
        param = Param(
            name=name,
            description=written.description or "",
            expression=expression,
            type=written.type,
            pattern=pattern,
            max_length=MAX_LENGTH if written.max_length is None else written.max_length,
            enum=tuple(written.enum) if written.enum is not None else None,
            required=written.required and not has_default,
        )
        return self._with_default(param, written.default) if has_default else param

    def _with_default(self, param: Param, default: Any) -> Param:
        try:
            return replace(param, default=param.read(default))
        except Unfit as error:
            self._fault(f"default: {error}", "write one that the parameter takes", "params", param.name, "default")
            return param

    def _template(self) -> Template | None:
        try:
            template = compile_template(self._source)
        except NotTemplate as error:
            self.problems.append(self._in_template(error.problem, error.remedy, error.line, 1))
            return None
        if not self._entry.ancestor:
            names = frozenset({*self._document.params, "event"})
            for name in sorted(template.variables - names):
                line = next((n for n, text in enumerate(self._source.splitlines(), 1) if name in text), 1)
                remedy = f"add it to params, or write {near_variable(name, names)}"
                self.problems.append(self._in_template(f"there is no parameter {name}", remedy, line, 1))
        return template

    def _checked(self, template: Template, plans: Plans) -> Iterator[DefinitionError]:
        """What can be told of the manifest without an event."""
        syntax: list[BadManifest] = []
        for skeleton in template.skeletons:
            try:
                yield from self._unquoted(skeleton, plans)
            except BadSyntax as error:
                syntax.append(error)
            except BadManifest as error:
                # Without its branches taken, a template may lack what they hold.
                if skeleton is template.skeletons[0]:
                    yield self._in_template(error.problem, error.remedy, error.line, error.column)
        if len(syntax) == len(template.skeletons):
            first = syntax[0]
            yield self._in_template(first.problem, first.remedy or "correct the YAML", first.line, first.column)

    def _unquoted(self, skeleton: Skeleton, plans: Plans) -> Iterator[DefinitionError]:
        for number, line, column in plans.of(skeleton.text).scripts:
            if not skeleton.quoted[number]:
                yield self._in_template(
                    "a value within a shell's script",
                    'write {{ … | shquote }}, or pass it as a word after the script and write "$1" there, or in env',
                    line,
                    column,
                )

    def _in_template(self, problem: str, remedy: str, line: int, column: int) -> DefinitionError:
        """An error at a line of the template; conditions above it may have moved that line a little."""
        if self._file:
            return DefinitionError(problem, path=self._file, line=line, column=column, remedy=remedy)
        node = self._entry.node.get("spec")
        if node is None:
            return self._entry.fault(problem, remedy)
        lines = self._entry.lines
        block = lines[node.line - 1][node.column - 1 :][:1] in {"|", ">"} if node.line <= len(lines) else False
        first = lines[node.line] if block and node.line < len(lines) else ""
        indent = len(first) - len(first.lstrip()) if block else node.column
        return DefinitionError(
            problem,
            path=self._entry.file,
            line=node.line + line - (not block),
            column=column + indent,
            remedy=remedy,
        )


_ATTRIBUTES = frozenset({"id", "time", "datacontenttype", "dataschema"})


def near_variable(name: str, names: frozenset[str]) -> str:
    """A variable that may have been meant."""
    found = get_close_matches(name, sorted(names), 1, 0.6)
    return found[0] if found else ("event.data." + name if "event" in names else " or ".join(sorted(names)))


def _retention(written: model.Retention | None) -> Mapping[str, timedelta]:
    if written is None:
        return {}
    return {name: period for name in model.Retention.model_fields if (period := getattr(written, name)) is not None}
