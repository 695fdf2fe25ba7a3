"""Which parts of Jinja2's language may be written: a list of node types, and a remedy for the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from jinja2 import nodes

from .filters import FILTERS
from .problems import NotTemplate
from .tests import TESTS

_ALLOWED = frozenset(
    {
        *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.With, nodes.Assign, nodes.Scope),
        *(nodes.Const, nodes.Name, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword),
        *(nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.CondExpr),
        *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Concat),
        *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow),
    }
)
_FILTER = "write it as a filter within {{ … }}, such as {{ value | upper }}"
_REFUSED: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Macro: ("macro is not allowed", "write the text where it is needed, or loop over a list with for"),
    nodes.CallBlock: ("call is not allowed", "write the text where it is needed"),
    nodes.FilterBlock: ("filter blocks are not allowed", _FILTER),
    nodes.AssignBlock: ("set with a block is not allowed", "write {% set name = expression %}"),
    nodes.Include: ("include is not allowed", "write the text where it is needed"),
    nodes.Import: ("import is not allowed", "write the text where it is needed"),
    nodes.FromImport: ("import is not allowed", "write the text where it is needed"),
    nodes.Extends: ("extends is not allowed", "write the whole template in one text"),
    nodes.Block: ("block is not allowed", "write the whole template in one text"),
    nodes.ScopedEvalContextModifier: ("autoescape is not allowed", "leave it out: values never become YAML"),
    nodes.NSRef: ("namespaces are not allowed", "set a plain name"),
    nodes.Call: (
        "nothing can be called",
        'use a filter or a test: mapping | items, text | split("/"), text is startingwith "…", text[:7]',
    ),
}
_NAMED = {"map": 0, "select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
"""Filters that call a filter or a test, and which of their arguments names it."""
TAGS = "for, if, set, with, raw"
_RESERVED = frozenset({"self", "super", "caller", "varargs", "kwargs", "loop"})


def check(tree: nodes.Template) -> None:
    """Refuse what may not be written.

    Raises:
        NotTemplate: the first such part, with its line and a remedy.
    """
    for node in walk(tree):
        if type(node) not in _ALLOWED:
            problem, remedy = _REFUSED.get(type(node), (f"{type(node).__name__.lower()} is not allowed", ""))
            raise NotTemplate(problem, line=node.lineno, remedy=remedy)
        if isinstance(node, nodes.Filter):
            _known(node.name, FILTERS, "filter", node.lineno)
            _named(node)
        elif isinstance(node, nodes.Test):
            _known(node.name, TESTS, "test", node.lineno)
        elif isinstance(node, nodes.For) and node.recursive:
            raise NotTemplate("recursive loops are not allowed", line=node.lineno, remedy="write a loop in a loop")
        elif isinstance(node, nodes.Name) and node.ctx == "load" and node.name in _RESERVED - {"loop"}:
            raise NotTemplate(f"{node.name} is no variable here", line=node.lineno)


def walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """A node and all that is in it, in the order of the text; without recursion, as a text may nest deep."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(list(current.iter_child_nodes())))


def path_of(node: nodes.Node) -> tuple[str, ...] | None:
    """The names of a plain path such as `event.data.after`, or None for any other expression."""
    names: list[str] = []
    while not isinstance(node, nodes.Name):
        if isinstance(node, nodes.Getattr):
            names.append(node.attr)
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            names.append(node.arg.value)
        else:
            return None
        node = node.node
    return (node.name, *reversed(names))


def wanted(node: nodes.Node) -> tuple[tuple[str, ...], frozenset[str]] | None:
    """A plain path and the texts of which it must hold one, where a condition asks that before all else: else None."""
    while isinstance(node, nodes.And):
        node = node.left  # what comes after it is not even evaluated where it does not hold
    if not isinstance(node, nodes.Compare) or len(node.ops) != 1 or (path := path_of(node.expr)) is None:
        return None
    operator, other = node.ops[0].op, node.ops[0].expr
    if operator == "in" and isinstance(other, nodes.List | nodes.Tuple):
        listed = other.items
    elif operator == "eq":
        listed = [other]
    else:
        return None
    texts = [item.value for item in listed if isinstance(item, nodes.Const) and isinstance(item.value, str)]
    return (path, frozenset(texts)) if len(texts) == len(listed) else None


def guarded(tree: nodes.Template) -> frozenset[str]:
    """The variables that the text itself provides for being absent: under `default`, or asked `is defined`."""
    found = set()
    for node in walk(tree):
        guards = isinstance(node, nodes.Filter) and node.name in {"default", "d"}
        guards |= isinstance(node, nodes.Test) and node.name in {"defined", "undefined"}
        if guards and isinstance(node, nodes.Filter | nodes.Test) and isinstance(node.node, nodes.Name):
            found.add(node.node.name)
    return frozenset(found)


def _named(node: nodes.Filter) -> None:
    """Look also at the filter or the test that `map`, `select` and their kin call by its name."""
    kind, names = ("filter", FILTERS) if node.name == "map" else ("test", TESTS)
    position = _NAMED.get(node.name)
    if position is None:
        return
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise NotTemplate(f"{node.name} takes no * or **", line=node.lineno, remedy="write out its arguments")
    if len(node.args) <= position:
        return
    name = node.args[position]
    if not isinstance(name, nodes.Const) or not isinstance(name.value, str):
        remedy = f"write the name of a {kind} in quotes"
        raise NotTemplate(f"{node.name} wants the name of a {kind}", line=node.lineno, remedy=remedy)
    _known(name.value, names, kind, node.lineno)


def _known(name: str, names: Collection[str], kind: str, line: int) -> None:
    if name not in names:
        near = get_close_matches(name, names, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(names))}"
        raise NotTemplate(f"there is no {kind} {name}", line=line, remedy=remedy)
