"""A container's command lines, as the kubelet makes them: where values are code, and where variables bring them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .. import yaml
from ..templates import Broken, split
from .places import Allow, Path
from .problems import Unfit, bad
from .scripts import check_literal
from .shells import code_words, scripts_of
from .variables import Variables, Word, of_event
from .words import Code, valued

_DATA = "it comes by an argument or a variable: let the script only read it as data, in double quotes"
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")

Line = list[tuple[yaml.Node, Path, Word]]


def read(
    container: yaml.Mapping, path: Path, *, fields: Collection[str], allow: Collection[Allow]
) -> dict[yaml.Node, tuple[Code, Word]]:
    """Tell which words of a container hold values and are code, each with its text after the kubelet's expansion.

    `fields` are the pod's own that hold values.

    Raises:
        BadManifest: a value decides what runs, or a `$(NAME)` brings one where none may be.
    """
    try:
        variables = Variables(container, fields)
        line = [*_words(container, path, "command", variables), *_words(container, path, "args", variables)]
        found = code_words([word for _, _, word in line], entrypoint=container.get("command") is None)
    except (Unfit, Broken) as error:
        raise bad(container, (*path, "command"), str(error)) from error
    for position, code in found.items():
        node, place, word = line[position]
        if name := of_event(word):
            raise bad(node, place, f"$({name}) within {code.value}, and {name} may hold an event's value", _read(name))
    _keep_out(line, allow)
    _check_scripts(line, variables)
    for node, place, word in _elsewhere(container, path, variables, allow):
        if name := of_event(word):
            raise bad(node, place, f"$({name}) may hold an event's value, which may not go here", "write it out")
    # By identity: two words of the same text at the same place cannot be.
    return {line[position][0]: (code, line[position][2]) for position, code in found.items()}


def _check_scripts(line: Line, variables: Variables) -> None:
    """Let no script read its arguments or variables as code where they hold an event's value."""
    words = [word for _, _, word in line]
    for at, zeroth in scripts_of(words):
        names = set(variables.valued)
        if any(valued(word) for word in words[zeroth:]):
            names |= set("23456789*")
        if any(valued(word) for word in words[zeroth : zeroth + 2]):
            names |= {"0", "1", "@"}
        node, place, word = line[at]
        try:
            check_literal("".join(piece for piece in word if isinstance(piece, str)), names)
        except Unfit as error:
            raise bad(node, place, str(error).partition("; ")[0], _DATA) from error


def _read(name: str) -> str:
    return f'read the variable there: a shell\'s own is "${name}", in double quotes'


def _keep_out(line: Line, allow: Collection[Allow]) -> None:
    """Let no variable bring into `command` what may not be written there."""
    for node, place, word in line:
        if "command" in place and Allow.COMMAND not in allow and (name := of_event(word)):
            problem = f"$({name}) may hold an event's value, which may not go here"
            raise bad(node, place, problem, f"write it in args, or add `allow: [{Allow.COMMAND.value}]`")


def _elsewhere(container: yaml.Mapping, path: Path, variables: Variables, allow: Collection[Allow]) -> Line:
    """The other fields that the kubelet expands: probes' commands, and the folders of volumes."""
    found: Line = []
    for probe in _PROBES:
        node = container.get(probe)
        run = node.get("exec") if isinstance(node, yaml.Mapping) else None
        if isinstance(run, yaml.Mapping):
            found += _words(run, (*path, probe, "exec"), "command", variables)
    mounts = container.get("volumeMounts")
    if isinstance(mounts, yaml.Sequence) and Allow.VOLUMES not in allow:
        for position, mount in enumerate(mounts.items):
            if isinstance(mount, yaml.Mapping):
                found += _words(mount, (*path, "volumeMounts", position), "subPathExpr", variables)
    return found


def _words(
    holder: yaml.Mapping, path: Path, field: str, variables: Variables
) -> Iterator[tuple[yaml.Node, Path, Word]]:
    node = holder.get(field)
    if isinstance(node, yaml.Sequence):
        for position, item in enumerate(node.items):
            yield item, (*path, field, position), _word(item, variables)
    elif node is not None:
        yield node, (*path, field), _word(node, variables)


def _word(node: yaml.Node, variables: Variables) -> Word:
    return variables.expand(split(node.text)) if isinstance(node, yaml.Scalar) else ()
