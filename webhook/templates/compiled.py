"""Expressions and templates, compiled once and evaluated often."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes
from jinja2.parser import Parser
from jinja2.runtime import Context

from ..errors import JobhookError
from . import grammar
from .limits import MAX_SOURCE, MAX_TEXT
from .problems import Absent, EvaluationFailed, NotTemplate
from .sandbox import CHARGED, COUNTED, VALUES, sandbox
from .skeleton import Skeleton, skeletons
from .tokens import Values

_RESULT = "result"
_PARTS = 256
_SANDBOX = sandbox()
_FAILURES = (
    *(TemplateError, JobhookError, ArithmeticError, AssertionError, AttributeError, LookupError),
    *(TypeError, ValueError, RecursionError),
)
"""What an expression of the operator's may raise on a stranger's values."""

Run = Callable[[Context], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Expression:
    """One Jinja2 expression.

    Attributes:
        source: as it was written.
        variables: the names that it reads.
    """

    source: str
    variables: frozenset[str]
    _path: tuple[str, ...] | None
    _run: Run | None

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """Evaluate it.

        Raises:
            Absent: what it names is not there.
            EvaluationFailed: it cannot be evaluated with these values.
        """
        if self._run is None:
            return self._follow(variables)
        context = _context(dict(variables))
        try:
            for _ in self._run(context):
                pass
            value = context.vars[_RESULT]
            if isinstance(value, Undefined):
                str(value)  # raises, with the name of what is missing
        except UndefinedError as error:
            raise Absent(_reason(error)) from error
        except _FAILURES as error:
            raise EvaluationFailed(_reason(error)) from error
        return value

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Evaluate it as a condition. Raises as `evaluate`."""
        return bool(self.evaluate(variables))

    def _follow(self, variables: Mapping[str, Any]) -> Any:
        """Walk a plain path: what most expressions are, at a tenth of the cost."""
        value: Any = variables
        for name in self._path or ():
            # An event's data are dicts, and asking an abstract class costs five times as much.
            if not (type(value) is dict or isinstance(value, Mapping)) or name not in value:
                raise Absent(f"{self.source[:100]} is not there")
            value = value[name]
        return value


@dataclass(frozen=True, slots=True)
class Template:
    """A text with Jinja2 in it.

    Attributes:
        variables: the names that it reads.
        guarded: those of them whose absence it provides for (`default`, `is defined`).
        skeletons: what it puts out, as far as that can be told without an event.
    """

    variables: frozenset[str]
    guarded: frozenset[str]
    skeletons: tuple[Skeleton, ...]
    _run: Run

    def render(self, variables: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Render the text, with a token for every value, and the values in the order of their tokens.

        Raises:
            Absent: a value that it needs is not there.
            EvaluationFailed: it cannot be rendered with these values, or would grow out of bounds.
        """
        values = Values()
        context = _context({**variables, VALUES: values})
        try:
            text = _bounded(self._run(context))
        except UndefinedError as error:
            raise Absent(_reason(error)) from error
        except _FAILURES as error:
            raise EvaluationFailed(_reason(error)) from error
        return text, values


def compile_expression(source: str) -> Expression:
    """Compile an expression, as it stands between `{{` and `}}`.

    Raises:
        NotTemplate: it is none, or uses what is not allowed.
    """
    with _translated(source):
        expression = _expression(source)
        tree = nodes.Template([nodes.Assign(nodes.Name(_RESULT, "store", lineno=1), expression, lineno=1)], lineno=1)
        tree.set_environment(_SANDBOX)
        grammar.check(tree)
        _join_texts(tree)
        variables = frozenset(node.name for node in grammar.walk(expression) if isinstance(node, nodes.Name))
        path = grammar.path_of(expression)
        return Expression(source, variables, path, None if path is not None else _compile(tree))


def compile_template(source: str) -> Template:
    """Compile a template.

    Raises:
        NotTemplate: it is none, is too long, or uses what is not allowed; with the line.
    """
    with _translated(source):
        tree = _SANDBOX.parse(source)
        grammar.check(tree)
        variables = frozenset(meta.find_undeclared_variables(tree))
        guarded, outlines = grammar.guarded(tree), skeletons(tree)
        _join_texts(tree)
        _meter(tree)
        return Template(variables, guarded, outlines, _compile(tree))


def _expression(source: str) -> nodes.Expr:
    parser = Parser(_SANDBOX, source, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError("something stands after the expression", parser.stream.current.lineno)
    return expression


def _join_texts(tree: nodes.Template) -> None:
    """Let `~` join texts as they are put out elsewhere: `true`, nothing for null, and never Python's own of a list."""
    for node in list(grammar.walk(tree)):
        if isinstance(node, nodes.Concat):
            node.nodes = [_filtered(item, "string") for item in node.nodes]
    tree.set_environment(_SANDBOX)


def _meter(tree: nodes.Template) -> None:
    """Count what loops, filters, slices and `in` go through."""
    for node in list(grammar.walk(tree)):
        if isinstance(node, nodes.For):
            node.iter = _filtered(node.iter, COUNTED)
        elif isinstance(node, nodes.Filter | nodes.Getitem) and isinstance(node.node, nodes.Expr):
            if isinstance(node, nodes.Filter) or isinstance(node.arg, nodes.Slice):
                node.node = _filtered(node.node, CHARGED)
        elif isinstance(node, nodes.Operand) and node.op in {"in", "notin"}:
            node.expr = _filtered(node.expr, CHARGED)
    tree.set_environment(_SANDBOX)


def _filtered(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


@contextmanager
def _translated(source: str) -> Iterator[None]:
    """Say in our words what keeps a source from being compiled. Raises NotTemplate."""
    if len(source) > MAX_SOURCE:
        raise NotTemplate(f"longer than {MAX_SOURCE} characters", remedy="split it")
    try:
        yield
    except TemplateSyntaxError as error:
        problem = str(error.message or "not understood").rstrip(".")
        remedy = f"the tags are {grammar.TAGS}" if "unknown tag" in problem else ""
        raise NotTemplate(problem[:1].lower() + problem[1:], line=error.lineno, remedy=remedy) from error
    except (TemplateError, RecursionError, SyntaxError, MemoryError) as error:
        # CPython's compiler, too, limits how deep code may nest.
        raise NotTemplate("nested too deep, or too large to compile", remedy="write it in smaller parts") from error


def _compile(tree: nodes.Template) -> Run:
    return _SANDBOX.from_string(tree).root_render_func


def _context(variables: dict[str, Any]) -> Context:
    return _SANDBOX.context_class(_SANDBOX, variables, None, {})


def _bounded(parts: Iterator[str]) -> str:
    """Join what is put out, a few hundred parts at a time, so that it is never much more than allowed."""
    text = "".join(islice(parts, _PARTS))
    while len(text) <= MAX_TEXT:
        more = "".join(islice(parts, _PARTS))
        if not more:
            return text
        text += more
    raise EvaluationFailed(f"the rendered text has more than {MAX_TEXT} characters")


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "the values nest too deep"
    return ascii(str(error))[1:-1][:160] or type(error).__name__
