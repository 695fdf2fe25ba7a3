"""A rendered manifest as YAML, and which parts of that text came from values of the event."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .. import marks, yaml
from ..definitions import Definition, view
from ..events import Event
from ..manifests import Leaf, show_place
from ..rendering import Rendered
from ..rendering.payload import FILE, FOLDER

_OURS = frozenset({"CE_ID", "CE_TYPE", "CE_SOURCE", "CE_SUBJECT", "CE_TIME", "JOBHOOK_EVENT", "JOBHOOK_EVENT_FILE"})
_ORDER = ("apiVersion", "kind", "metadata", "spec")
_ENV = re.compile(r"(spec\.template\.spec\.(?:initContainers|containers)\[\d+\])\.env\[(\d+)\]\.value")
_LARGE = f"spec.template.metadata.annotations[{marks.EVENT_DATA}]"


@dataclass(frozen=True, slots=True)
class Shown:
    """A manifest as text.

    Attributes:
        spans: (begin, end) of what came from values, in order, none within another.
    """

    text: str
    spans: tuple[tuple[int, int], ...]

    def pieces(self) -> Iterator[tuple[str, bool]]:
        """The text in pieces, each with whether it came from a value."""
        at = 0
        for begin, end in self.spans:
            yield self.text[at:begin], False
            yield self.text[begin:end], True
            at = end
        yield self.text[at:], False


def show(definition: Definition, rendered: Rendered, event: Event | None) -> Shown:
    """Write what a definition made of an event (None: of a submit)."""
    variables = rendered.params if event is None else {**rendered.params, "event": view(event)}
    rendered_text, _ = definition.template.render(variables)
    leaves = {leaf.place: leaf for leaf in definition.plans.of(rendered_text).leaves}
    whole = rendered.manifest
    first = {key: whole[key] for key in _ORDER if whole.get(key) != {}}
    text = yaml.dump(first | {key: item for key, item in whole.items() if key not in _ORDER})
    return Shown(text, tuple(_spans(text, leaves, _added(rendered.manifest, definition))))


def _added(manifest: Mapping[str, Any], definition: Definition) -> Mapping[str, int]:
    """How many variables of ours stand before a container's own, by the container's place."""
    pod = manifest["spec"]["template"]["spec"]
    added = {}
    for field in ("initContainers", "containers"):
        for number, container in enumerate(pod.get(field) or ()):
            names = [variable.get("name") for variable in container.get("env") or ()]
            ours = next((at for at, name in enumerate(names) if name not in _OURS), len(names))
            added[f"spec.template.spec.{field}[{number}]"] = 0 if definition.event == "none" else ours
    return added


def _spans(text: str, leaves: Mapping[str, Leaf], added: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    starts = [0]
    starts += [match.end() for match in re.finditer("\n", text)]
    nodes = list(_nodes(yaml.document(text), ()))
    offsets = [starts[line - 1] + column - 1 for _, _, line, column in nodes]
    for (place, value, _, _), begin, end in zip(nodes, offsets, [*offsets[1:], len(text)], strict=True):
        if value is None:
            continue
        # Up to the next node, less what leads to that: line ends, indentation, the dash of an item.
        written = re.sub(r"\n[\s-]*\Z", "", text[begin:end]).rstrip()
        if (origin := _origin(place, value, leaves, added)) is not None:
            yield from _within(begin, written, value, origin)


def _nodes(node: yaml.Node, path: tuple[str | int, ...]) -> Iterator[tuple[str, str | None, int, int]]:
    """Every key and scalar in the order of the text: its place (a scalar's), its value, its line and column."""
    if isinstance(node, yaml.Scalar):
        yield show_place(path), node.text, node.line, node.column
    elif isinstance(node, yaml.Sequence):
        for number, item in enumerate(node.items):
            yield from _nodes(item, (*path, number))
    else:
        for key, item in node.pairs:
            yield "", None, key.line, key.column
            yield from _nodes(item, (*path, key.text))


def _origin(
    place: str, value: str, leaves: Mapping[str, Leaf], added: Mapping[str, int]
) -> tuple[str | int, ...] | None:
    """The parts of a leaf with values, or None for what the template says itself."""
    if found := _ENV.fullmatch(place):
        container, number = found[1], int(found[2])
        ours = added.get(container, 0)
        if number < ours:
            return (0,) if value != f"{FOLDER}/{FILE}" else None
        place = f"{container}.env[{number - ours}].value"
    leaf = leaves.get(place)
    if leaf is None:
        parent = leaves.get(re.sub(r"\[\d+\]\Z", "", place))  # an item of a list that is one value
        return (0,) if place == _LARGE or parent is not None else None
    return leaf.parts


def _within(begin: int, written: str, value: str, parts: tuple[str | int, ...]) -> Iterator[tuple[int, int]]:
    """The spans of a scalar's values, where its literal parts are found around them; else the whole of it."""
    pattern = "".join(re.escape(part) if isinstance(part, str) else "(.*?)" for part in parts)
    matched = re.fullmatch(pattern, value, re.DOTALL)
    at, spans = 0, []
    for piece in matched.groups() if matched else ():
        if not piece:
            continue
        found = written.find(piece, at)
        if found < 0:
            break
        spans.append((begin + found, begin + found + len(piece)))
        at = found + len(piece)
    else:
        if matched and len(parts) > 1:
            yield from spans
            return
    if written:
        yield begin, begin + len(written)
