"""A folder or a file of definitions → a `DefinitionSet`, or all that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import DefinitionError
from . import model
from .compiling import Compiler, together, validate
from .definition import Definition, DefinitionSet
from .files import Entry, read_entries, read_template, root_of

MAX_DEFINITIONS = 5000

ConfigMap = tuple[str, str]
"""Namespace and name; the template is under the key of that name."""


@dataclass(frozen=True, slots=True)
class Written:
    """Definitions as they are written, shapes checked, templates not yet compiled."""

    root: Path
    entries: tuple[tuple[Entry, model.Document], ...]
    problems: tuple[DefinitionError, ...]

    @property
    def config_maps(self) -> frozenset[ConfigMap]:
        """The ConfigMaps whose templates are needed."""
        return frozenset(
            (document.spec_config_map_namespace, document.spec_config_map_name)
            for _, document in self.entries
            if document.spec_config_map_namespace and document.spec_config_map_name
        )


def read(path: Path) -> Written:
    """Read the files.

    Raises:
        DefinitionError: there is no such folder or file.
    """
    problems: list[DefinitionError] = []
    entries = []
    for entry in read_entries(path, problems):
        try:
            entries.append((entry, validate(entry)))
        except DefinitionError as error:
            problems += [error, *error.others]
    return Written(root_of(path), tuple(entries), tuple(problems))


def config_maps(path: Path) -> frozenset[ConfigMap]:
    """The ConfigMaps (namespace, name) whose templates `load` must be given. Raises as `read`."""
    return read(path).config_maps


def load(path: Path, *, config_maps: Mapping[ConfigMap, str] | None = None) -> DefinitionSet:
    """Read, check and compile all definitions of a folder (its own files) or of one file.

    Raises:
        DefinitionError: something is wrong; `others` holds what else is.
    """
    return build(read(path), config_maps or {})


def build(written: Written, config_maps: Mapping[ConfigMap, str]) -> DefinitionSet:
    """Compile what was read. Raises DefinitionError, as `load`."""
    problems, definitions = list(written.problems), []
    seen: dict[str, Entry] = {}
    for entry, document in written.entries:
        earlier = seen.setdefault(document.name, entry)
        if earlier is not entry:
            place = f"{earlier.file}:{earlier.node.line}"
            problems.append(entry.fault(f"the name {document.name} is taken by {place}", "choose another", "name"))
            continue
        try:
            definitions.append(_compile(entry, document, written.root, config_maps))
        except DefinitionError as error:
            problems += [error, *error.others]
    if len(definitions) > MAX_DEFINITIONS:
        problems.append(DefinitionError(f"more than {MAX_DEFINITIONS} definitions", path=str(written.root)))
    if problems:
        raise together(problems)
    return DefinitionSet(tuple(definitions))


def _compile(entry: Entry, document: model.Document, root: Path, config_maps: Mapping[ConfigMap, str]) -> Definition:
    if document.spec is not None:
        return Compiler(entry, document, document.spec).compile()
    if document.spec_path is not None:
        source = read_template(entry, document.spec_path, root)
        return Compiler(entry, document, source, template_file=str(entry.folder / document.spec_path)).compile()
    namespace, name = document.spec_config_map_namespace or "", document.spec_config_map_name or ""
    found = config_maps.get((namespace, name))
    if found is None:
        raise entry.fault(
            f"there is no ConfigMap {namespace}/{name} with a key {name}, or it may not be read",
            "make it, and let our service account get and watch it (resourceNames)",
            "spec_config_map_name",
        )
    return Compiler(entry, document, found, template_file=f"ConfigMap {namespace}/{name}").compile()
