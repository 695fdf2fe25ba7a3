"""What `$(NAME)` brings into a container's words: text that is written out, an event's value, or what is not known."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .. import marks, yaml
from ..templates import holds_token, split
from .expansion import pieces

GIVEN = ("CE_ID", "CE_TYPE", "CE_SOURCE", "CE_SUBJECT", "CE_TIME", "JOBHOOK_EVENT")
"""Variables with an event's values that `event: env` and `event: file` put before a container's own."""

_MAX_TEXT = 128 * 1024


@dataclass(frozen=True, slots=True)
class Reference:
    """A `$(NAME)` in a word, whose text is not written out in the manifest.

    Attributes:
        valued: the variable may hold an event's value; else it is the operator's own, such as a secret's key.
    """

    name: str
    valued: bool


Word = tuple[str | int | Reference, ...]
"""A word in its literal pieces, the numbers of the values between them, and references; a whole list from a value is
one number."""


def of_event(word: Word) -> str:
    """The first `$(NAME)` of a word that brings an event's value; empty where none does."""
    return next((piece.name for piece in word if isinstance(piece, Reference) and piece.valued), "")


class Variables:
    """A container's variables, in the order in which the kubelet makes them: the last of a name counts."""

    def __init__(self, container: yaml.Mapping, fields: Collection[str]) -> None:
        self._known: dict[str, str | Reference] = {name: Reference(name, valued=True) for name in GIVEN}
        source = container.get("envFrom")
        self._others = isinstance(source, yaml.Sequence) and bool(source.items)
        node = container.get("env")
        for item in node.items if isinstance(node, yaml.Sequence) else ():
            if isinstance(item, yaml.Mapping) and isinstance(name := item.get("name"), yaml.Scalar):
                self._known[name.text] = self._read(name.text, item, fields)

    def expand(self, word: Word) -> Word:
        """A word as the kubelet makes it: literal text joined, and a `Reference` for what is not written out."""
        made: list[str | int | Reference] = []
        for piece in self._pieces(word):
            if isinstance(piece, str) and made and isinstance(made[-1], str):
                made[-1] += piece
            elif piece != "":
                made.append(piece)
        return tuple(made)

    @property
    def valued(self) -> frozenset[str]:
        """The names of those that may hold an event's value."""
        return frozenset(name for name, held in self._known.items() if isinstance(held, Reference) and held.valued)

    def _pieces(self, word: Word) -> Iterator[str | int | Reference]:
        for piece in word:
            if not isinstance(piece, str):
                yield piece
                continue
            for text, name in pieces(piece):
                yield text if name is None else self._named(name)

    def _named(self, name: str) -> str | Reference:
        unknown = Reference(name, valued=False) if self._others else f"$({name})"
        return self._known.get(name, unknown)

    def _read(self, name: str, variable: yaml.Mapping, fields: Collection[str]) -> str | Reference:
        if variable.get("valueFrom") is not None:
            return Reference(name, valued=_field_of(variable) in fields)
        value = variable.get("value")
        word = self.expand(split(value.text)) if isinstance(value, yaml.Scalar) else ()
        if any(isinstance(piece, int) for piece in word) or of_event(word):
            return Reference(name, valued=True)
        text = "".join(piece for piece in word if isinstance(piece, str))
        # Variables of variables can double their length a line.
        known = len(text) <= _MAX_TEXT and all(isinstance(piece, str) for piece in word)
        return text if known else Reference(name, valued=False)


def valued_fields(root: yaml.Node) -> frozenset[str]:
    """The pod's fields, as a `fieldPath` names them, that hold an event's values: some annotations and labels."""
    found = {f"metadata.annotations['{marks.EVENT_DATA}']"}
    template = _at(root, "spec", "template")
    for kind in ("annotations", "labels"):
        node = _at(template, "metadata", kind)
        for key, item in node.pairs if isinstance(node, yaml.Mapping) else ():
            if isinstance(item, yaml.Scalar) and holds_token(item.text):
                found.add(f"metadata.{kind}['{key.text}']")
    account = _at(template, "spec", "serviceAccountName")
    if isinstance(account, yaml.Scalar) and holds_token(account.text):
        found.add("spec.serviceAccountName")
    return frozenset(found)


def _field_of(variable: yaml.Mapping) -> str:
    node = _at(variable, "valueFrom", "fieldRef", "fieldPath")
    return node.text if isinstance(node, yaml.Scalar) else ""


def _at(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    for key in keys:
        node = node.get(key) if isinstance(node, yaml.Mapping) else None
    return node
