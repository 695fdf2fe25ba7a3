"""A rendered text, parsed once: a Job with leaves that wait for their values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from .. import yaml
from ..templates import Broken, holds_token, split
from . import commands, scripts
from .expansion import before_value
from .leaves import Leaf
from .places import Allow, Kind, Path, kind_at, remedy_at
from .problems import BadManifest, BadSyntax, NotJob, Unfit, bad, show_place
from .variables import Word, valued_fields
from .words import Code

MAX_NODES = 10_000
_POD = ("spec", "template", "spec")
_OUTSIDE = 'pass it as a word after the script, in args, and write "$1" there; or in env, and write "$NAME"'


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rendered text says, whatever its values are.

    Attributes:
        namespace: the one that the text names, or None.
        scripts: for each value within a shell's script: its number, and line and column in the text.
        leaves: those that wait for values.
    """

    namespace: str | None
    scripts: tuple[tuple[int, int, int], ...]
    leaves: tuple[Leaf, ...]
    _make: Maker

    def fill(self, values: Sequence[Any]) -> dict[str, Any]:
        """A new manifest with the values in their places.

        Raises:
            Unfit: a value cannot stand where it should; the message begins with the place.
        """
        filled: dict[str, Any] = self._make(values)
        return filled


Maker = Callable[[Sequence[Any]], Any]


def _maker(node: Any) -> Maker | None:
    """A function that makes a node anew; None for a plain value, which needs none.

    What holds neither values nor further mappings and lists is copied at C's speed.
    """
    if isinstance(node, Leaf):
        return node.put
    if not isinstance(node, dict | list):
        return None
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    makers = tuple((key, maker) for key, item in pairs if (maker := _maker(item)) is not None)

    def make(values: Sequence[Any]) -> Any:
        made: Any = node.copy()
        for key, maker in makers:
            made[key] = maker(values)
        return made

    return make


def plan(text: str, *, allow: Collection[Allow] = (), digits: bool = False) -> Plan:
    """Parse a rendered text strictly and see where its values go.

    `metadata.name` and `generateName` are left out, whatever they hold: the Job's name is ours.

    Args:
        text: with tokens.
        allow: places beyond the safe ones where values may go.
        digits: whether a text of digits may stand for an integer.

    Raises:
        BadSyntax: no YAML of the strict kind.
        BadManifest: no Job, or a value where none may be.
    """
    try:
        root = yaml.document(text)
    except yaml.NotYaml as error:
        raise BadSyntax(error.problem, line=error.line or 1, column=error.column or 1) from error
    builder = _Builder(frozenset(allow), valued_fields(root), digits=digits)
    tree = builder.build(root, ())
    if not isinstance(root, yaml.Mapping) or not isinstance(tree, dict):
        raise NotJob("no mapping", line=root.line, column=root.column, remedy="write a whole Job: apiVersion, …")
    _is_job(root, tree)
    metadata = tree["metadata"] = tree.get("metadata") or {}
    namespace = metadata.pop("namespace", None)
    metadata.pop("name", None)
    metadata.pop("generateName", None)
    make = _maker(tree)
    assert make is not None  # a mapping has one
    return Plan(namespace, tuple(builder.scripts), tuple(builder.leaves), make)


def _is_job(root: yaml.Mapping, tree: dict[str, Any]) -> None:
    for key, wanted in (("apiVersion", "batch/v1"), ("kind", "Job")):
        if tree.get(key) != wanted:
            line, column = yaml.locate(root, (key,))
            raise NotJob(f"{key} is not {wanted}", line=line, column=column, remedy=f"write {key}: {wanted}")
    for path in (("metadata",), ("spec",), ("spec", "template"), _POD):
        node: Any = tree
        for step in path:
            node = node.get(step) if isinstance(node, dict) else None
        if not isinstance(node, dict) and not (path == ("metadata",) and node is None):
            line, column = yaml.locate(root, path)
            raise NotJob(f"{show_place(path)} is no mapping", line=line, column=column)


class _Builder:
    """The walk over a parsed text."""

    def __init__(self, allow: frozenset[Allow], fields: frozenset[str], *, digits: bool) -> None:
        self._allow, self._fields, self._digits = allow, fields, digits
        self._nodes = 0
        self._code: dict[yaml.Node, tuple[Code, Word]] = {}
        self.scripts: list[tuple[int, int, int]] = []
        self.leaves: list[Leaf] = []

    def build(self, node: yaml.Node, path: Path) -> Any:
        """The prototype of a node: plain values, and a `Leaf` where there are values to come."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise BadManifest(f"more than {MAX_NODES} nodes", line=node.line, column=node.column)
        if isinstance(node, yaml.Scalar):
            return self._leaf(node, path) if holds_token(node.text) else _literal(node)
        if isinstance(node, yaml.Sequence):
            return [self.build(item, (*path, position)) for position, item in enumerate(node.items)]
        if len(path) == 5 and path[:3] == _POD and path[3] in {"containers", "initContainers"}:
            self._code |= commands.read(node, path, fields=self._fields, allow=self._allow)
        for key, _ in node.pairs:
            if holds_token(key.text):
                raise BadManifest(
                    f"{show_place(path) or 'the Job'}: a value in a key",
                    line=key.line,
                    column=key.column,
                    remedy="write the key out",
                )
        return {key.text: self.build(item, (*path, key.text)) for key, item in node.pairs}

    def _leaf(self, node: yaml.Scalar, path: Path) -> Any:
        if path in {("metadata", "name"), ("metadata", "generateName")}:
            return None
        kind = kind_at(path, self._allow)
        if kind is None:
            remedy = _OUTSIDE if node in self._code else remedy_at(path)
            raise bad(node, path, "a value may not go here", remedy)
        try:
            parts = split(node.text)
            if node in self._code:
                kind = self._as_code(node, parts)
            if kind in {Kind.EXPANDED, Kind.SCRIPT}:
                parts = tuple(_before_values(parts))
        except (Broken, Unfit) as error:
            raise bad(node, path, str(error)) from error
        whole = node.plain and len(parts) == 1
        if kind in {Kind.INTEGER, Kind.LIST, Kind.TREE} and not whole:
            raise bad(node, path, f"{kind.value} is needed, not a text", "write one {{ … }} without quotes")
        leaf = Leaf(show_place(path), kind, parts, whole, self._digits)
        self.leaves.append(leaf)
        return leaf

    def _as_code(self, node: yaml.Scalar, parts: tuple[str | int, ...]) -> Kind:
        code, word = self._code[node]
        if code is Code.OTHER:
            raise Unfit("a value within a program's text, where nothing can quote it; pass it as an argument or in env")
        scripts.check(word)
        self.scripts += [(part, node.line, node.column) for part in parts if isinstance(part, int)]
        return Kind.SCRIPT


def _literal(node: yaml.Scalar) -> Any:
    try:
        return yaml.scalar(node.text) if node.plain else node.text
    except yaml.NotYaml as error:
        raise BadSyntax(error.problem, line=node.line, column=node.column) from error


def _before_values(parts: Sequence[str | int]) -> list[str | int]:
    following = [*parts[1:], ""]
    return [
        before_value(part) if isinstance(part, str) and isinstance(after, int) else part
        for part, after in zip(parts, following, strict=True)
    ]
