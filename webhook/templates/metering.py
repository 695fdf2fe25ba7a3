"""A checked tree → one whose loops, slices, comparisons and `~` count what they go through (filters and tests do)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from .budget import SHORT
from .grammar import walk
from .sandbox import LOOPED, SLICED, TEXT, WALKED

_TESTS = {"eq": "eq", "ne": "ne", "gt": "gt", "gteq": "ge", "lt": "lt", "lteq": "le", "in": "in", "notin": "in"}
_NODES = 2
"""Nodes of a loop's body that take one step each turn."""
_FEW = 16
_COUNTING = (nodes.Filter, nodes.Test, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)


def metered(tree: nodes.Template) -> nodes.Template:
    """Rewrite a tree; it means the same."""
    rewritten: nodes.Template = _Metering().visit(tree)
    return rewritten


def counts(tree: nodes.Template) -> bool:
    """Whether anything in a rewritten tree may ask for the budget."""
    return any(isinstance(node, _COUNTING) for node in walk(tree))


class _Metering(NodeTransformer):
    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 # as NodeTransformer calls it
        size = sum(1 for part in node.iter_child_nodes(exclude=("iter", "else_")) for _ in walk(part))
        self.generic_visit(node)
        node.iter = _filtered(node.iter, LOOPED, [nodes.Const(1 + size // _NODES, lineno=node.lineno)])
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 # as NodeTransformer calls it
        """Let `~` join texts as they are put out elsewhere: `true`, nothing for null, never a list."""
        self.generic_visit(node)
        node.nodes = [_filtered(item, TEXT) for item in node.nodes]
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802 # as NodeTransformer calls it
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        none = nodes.Const(None, lineno=node.lineno)
        return _filtered(node.node, SLICED, [part or none for part in (node.arg.start, node.arg.stop, node.arg.step)])

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802 # as NodeTransformer calls it
        self.generic_visit(node)
        first, *more = node.ops
        if more:
            # A chain asks its later operands only where the earlier ones hold, which no test can do.
            node.expr = _filtered(node.expr, WALKED)
            for operand in node.ops:
                operand.expr = _filtered(operand.expr, WALKED)
            return node
        if _plain(node.expr, first):
            return node
        test = nodes.Test(node.expr, _TESTS[first.op], [first.expr], [], None, None, lineno=node.lineno)
        return nodes.Not(test, lineno=node.lineno) if first.op == "notin" else test


def _plain(left: nodes.Expr, operand: nodes.Operand) -> bool:
    """Whether the definition's own text bounds the cost, as it does for `event.data.ref == "refs/heads/main"`."""
    if operand.op not in {"in", "notin"}:
        return _short(left) or _short(operand.expr)
    if isinstance(operand.expr, nodes.List | nodes.Tuple):
        return len(operand.expr.items) <= _FEW and _all_short(operand.expr.items)
    return _short(operand.expr)


def _all_short(items: Iterable[nodes.Expr]) -> bool:
    return all(_short(item) for item in items)


def _short(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Const) and (not isinstance(node.value, str) or len(node.value) <= SHORT)


def _filtered(node: Any, name: str, arguments: list[nodes.Expr] | None = None) -> nodes.Filter:
    return nodes.Filter(node, name, arguments or [], [], None, None, lineno=node.lineno)
