"""What a template puts out when every condition holds, or none: enough to check its YAML without an event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jinja2 import nodes

from .grammar import walk
from .tokens import token

_BRANCHING = (nodes.If, nodes.For)


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A text with tokens, as some event might render it.

    Attributes:
        quoted: for each token, whether its expression uses `shquote`.
        exact: every event renders this text, as nothing depends on a condition.
    """

    text: str
    quoted: tuple[bool, ...]
    exact: bool


def skeletons(tree: nodes.Template) -> tuple[Skeleton, ...]:
    """The text of a template without conditions; else the one with each first branch and turn, and that with none."""
    if not any(isinstance(node, _BRANCHING) for node in walk(tree)):
        return (_skeleton(tree, taken=True, exact=True),)
    return (_skeleton(tree, taken=True, exact=False), _skeleton(tree, taken=False, exact=False))


def _skeleton(tree: nodes.Template, *, taken: bool, exact: bool) -> Skeleton:
    parts: list[str] = []
    quoted: list[bool] = []
    for child in _outputs(tree.body, taken=taken):
        if isinstance(child, nodes.TemplateData):
            parts.append(child.data)
        else:
            parts.append(token(len(quoted)))
            quoted.append(any(_is_shquote(node) for node in walk(child)))
    return Skeleton("".join(parts), tuple(quoted), exact)


def _outputs(body: Iterable[nodes.Node], *, taken: bool) -> Iterator[nodes.Expr]:
    for node in body:
        if isinstance(node, nodes.Output):
            yield from node.nodes
        elif isinstance(node, nodes.With):
            yield from _outputs(node.body, taken=taken)
        elif isinstance(node, _BRANCHING):
            yield from _outputs(node.body if taken else node.else_, taken=taken)


def _is_shquote(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Filter) and node.name == "map":
        return any(isinstance(argument, nodes.Const) and argument.value == "shquote" for argument in node.args)
    return isinstance(node, nodes.Filter) and node.name == "shquote"
