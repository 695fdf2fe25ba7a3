"""A folder or a file of definitions → a `DefinitionSet`, or all that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import DefinitionError
from . import model
from .compiling import compile_definition, validate
from .definition import Definition, DefinitionSet
from .files import Entry, passed_over, read_entries, read_template, root_of
from .findings import together
from .template import Source

MAX_DEFINITIONS = 5000

ConfigMap = tuple[str, str]
"""Namespace and name; the template is under the key of that name."""


@dataclass(frozen=True, slots=True)
class Written:
    """Definitions as they are written, shapes checked, templates not yet compiled."""

    root: Path
    entries: tuple[tuple[Entry, model.Document], ...]
    problems: tuple[DefinitionError, ...]
    passed_over: tuple[DefinitionError, ...] = ()
    """What is called like a definition's file and is none: worth a warning."""

    @property
    def config_maps(self) -> frozenset[ConfigMap]:
        """The ConfigMaps whose templates are needed."""
        return frozenset(
            (document.spec_config_map_namespace, document.spec_config_map_name)
            for _, document in self.entries
            if document.spec_config_map_namespace and document.spec_config_map_name
        )

    @property
    def templates(self) -> tuple[Path, ...]:
        """The files that hold templates, whether they are there or not."""
        return tuple(
            sorted({entry.folder / document.spec_path for entry, document in self.entries if document.spec_path})
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
    return Written(root_of(path), tuple(entries), tuple(problems), tuple(passed_over(path)))


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
    compiled, problems = build_each(written, config_maps)
    if problems:
        raise together(problems)
    return DefinitionSet(tuple(definition for _, definition in compiled))


def build_each(
    written: Written, config_maps: Mapping[ConfigMap, str]
) -> tuple[list[tuple[Entry, Definition]], list[DefinitionError]]:
    """Compile what can be compiled, and answer it together with all that is wrong."""
    problems, compiled = list(written.problems), []
    seen: dict[str, Entry] = {}
    for entry, document in written.entries:
        earlier = seen.setdefault(document.name, entry)
        if earlier is not entry:
            place = f"{earlier.file}:{earlier.node.line}"
            problems.append(entry.fault(f"the name {document.name} is taken by {place}", "choose another", "name"))
            continue
        try:
            compiled.append((entry, _compile(entry, document, written.root, config_maps)))
        except DefinitionError as error:
            problems += [error, *error.others]
    if len(compiled) > MAX_DEFINITIONS:
        remedy = "take out what is not used, or share them out among several receivers"
        problems.append(
            DefinitionError(f"more than {MAX_DEFINITIONS} definitions", path=str(written.root), remedy=remedy)
        )
    return compiled, problems


def _compile(entry: Entry, document: model.Document, root: Path, config_maps: Mapping[ConfigMap, str]) -> Definition:
    return compile_definition(entry, document, _source(entry, document, root, config_maps))


def _source(entry: Entry, document: model.Document, root: Path, config_maps: Mapping[ConfigMap, str]) -> Source:
    if document.spec is not None:
        return Source(document.spec, entry)
    if document.spec_path is not None:
        text = read_template(entry, document.spec_path, root)
        return Source(text, entry, str(entry.folder / document.spec_path))
    namespace, name = document.spec_config_map_namespace or "", document.spec_config_map_name or ""
    found = config_maps.get((namespace, name))
    if found is None:
        raise entry.fault(
            f"there is no ConfigMap {namespace}/{name} with a key {name}, or it may not be read",
            "make it, and let our service account get and watch it (resourceNames)",
            "spec_config_map_name",
        )
    return Source(found, entry, f"ConfigMap {namespace}/{name}")
