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
from .budget import BUDGET, Budget
from .limits import MAX_SOURCE, MAX_TEXT
from .metering import counts, metered
from .problems import Absent, EvaluationFailed, NotTemplate
from .sandbox import VALUES, sandbox
from .skeleton import Skeleton, skeletons

MISSING = object()
"""In the place of what is not there; null is a value."""
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
        wanted: as a condition it can hold, or fail, only where this path holds one of these texts, or is not there.
    """

    source: str
    variables: frozenset[str]
    wanted: tuple[tuple[str, ...], frozenset[str]] | None
    _path: tuple[str, ...] | None
    _run: Run | None
    _counted: bool

    def evaluate(self, variables: Mapping[str, Any], budget: Budget | None = None) -> Any:
        """Evaluate it, within a budget that it shares with others, or one of its own.

        Raises:
            Absent: what it names is not there.
            EvaluationFailed: it cannot be evaluated with these values.
        """
        if self._run is None:
            return self._follow(variables)
        # A comparison with a literal asks for no budget, and making one is a tenth of its cost.
        context = _context({**variables, BUDGET: budget or Budget()} if self._counted else dict(variables))
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

    def holds(self, variables: Mapping[str, Any], budget: Budget | None = None) -> bool:
        """Evaluate it as a condition. Raises as `evaluate`."""
        return bool(self.evaluate(variables, budget))

    def _follow(self, variables: Mapping[str, Any]) -> Any:
        """Walk a plain path: what most expressions are, at a tenth of the cost."""
        value = follow(variables, self._path or ())
        if value is MISSING:
            raise Absent(f"{self.source[:100]} is not there")
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

    def render(self, variables: Mapping[str, Any], budget: Budget | None = None) -> tuple[str, list[Any]]:
        """Render the text, with a token for every value, and the values in the order of their tokens.

        Raises:
            Absent: a value that it needs is not there.
            EvaluationFailed: it cannot be rendered with these values, or would grow out of bounds.
        """
        values: list[Any] = []
        context = _context({**variables, VALUES: values, BUDGET: budget or Budget()})
        try:
            text = _bounded(self._run(context))
        except UndefinedError as error:
            raise Absent(_reason(error)) from error
        except _FAILURES as error:
            raise EvaluationFailed(_reason(error)) from error
        return text, values


def follow(variables: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """What stands at a plain path, or `MISSING`."""
    value: Any = variables
    for name in path:
        # An event's data are dicts, and asking an abstract class costs five times as much.
        if not (type(value) is dict or isinstance(value, Mapping)) or name not in value:
            return MISSING
        value = value[name]
    return value


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
        variables = frozenset(node.name for node in grammar.walk(expression) if isinstance(node, nodes.Name))
        path, wanted = grammar.path_of(expression), grammar.wanted(expression)
        tree = metered(tree)
        run = None if path is not None else _compile(tree)
        return Expression(source, variables, wanted, path, run, counts(tree))


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
        return Template(variables, guarded, outlines, _compile(metered(tree)))


def _expression(source: str) -> nodes.Expr:
    parser = Parser(_SANDBOX, source, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError("something stands after the expression", parser.stream.current.lineno)
    return expression


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
    tree.set_environment(_SANDBOX)
    return _SANDBOX.from_string(tree).root_render_func


def _context(variables: dict[str, Any]) -> Context:
    return _SANDBOX.context_class(_SANDBOX, variables, None, {})


def _bounded(parts: Iterator[str]) -> str:
    """Join what is put out, a few hundred parts at a time, so that it is never much more than allowed."""
    text, more = "", list(islice(parts, _PARTS))
    while more:
        if len(text) + sum(map(len, more)) > MAX_TEXT:
            raise EvaluationFailed(f"the rendered text has more than {MAX_TEXT} characters")
        text += "".join(more)
        more = list(islice(parts, _PARTS))
    return text


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "the values nest too deep"
    return ascii(str(error))[1:-1][:160] or type(error).__name__
