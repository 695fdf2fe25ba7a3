"""Definition files: which there are, what is in them, and the templates that they name. Reads files, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import yaml
from ..errors import DefinitionError

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
MAX_FILE = 1024 * 1024
MAX_TEMPLATE = 256 * 1024
_REMEDIES = {
    "anchors (": "write the value out in each place, or put a text that begins with & in quotes",
    "aliases (": "write the value out in each place, or put a text that begins with * in quotes",
    "merge keys": "write the keys out in each place",
    "tags are not allowed": "leave the tag out; quotes make a text, and a text that begins with ! needs them",
    "directives": "take the line out",
    "control characters": 'take the character out, or write it as an escape in double quotes, such as "\\t"',
    "a key must be a text": "put {{ … }} in quotes, or write the template below spec: |",
    "flow sequence": "close the list with ]",
    "nested more than": "flatten it, or move the template into a file of its own (spec_path)",
}
"""What to do about what is no YAML of the strict kind, by a part of its words."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One definition as it is written.

    Attributes:
        file: as messages name it.
        folder: where its relative paths begin.
        lines: the file's, to tell where a template within it begins.
        ancestor: an entry of a list, the older form.
    """

    file: str
    folder: Path
    node: yaml.Mapping
    lines: tuple[str, ...]
    ancestor: bool = False

    def fault(self, problem: str, remedy: str, *at: str | int) -> DefinitionError:
        """An error about what stands at the keys `at`."""
        line, column = yaml.locate(self.node, at)
        return DefinitionError(problem, path=self.file, line=line, column=column, remedy=remedy)


def root_of(path: Path) -> Path:
    """The folder beyond which no template may be."""
    return path if path.is_dir() else path.parent


def read_entries(path: Path, problems: list[DefinitionError]) -> list[Entry]:
    """Read a folder's own files in their names' order, or one file; what is wrong goes to `problems`.

    Raises:
        DefinitionError: there is no such folder or file.
    """
    if path.is_dir():
        files = sorted(found for found in path.iterdir() if _is_definition(found))
    elif path.exists():
        files = [path]
    else:
        raise DefinitionError(
            "there is no such folder or file",
            path=str(path),
            remedy="make it, or name another with JOB_DEFINITIONS_CONFIG_PATH",
        )
    entries: list[Entry] = []
    for file in files:
        try:
            entries += _entries(file)
        except DefinitionError as error:
            problems.append(error)
    return entries


def passed_over(path: Path) -> list[DefinitionError]:
    """What is called like a definition's file in a folder and is none, so that nobody waits for it in vain."""
    if not path.is_dir():
        return []
    names = (found for found in sorted(path.iterdir()) if _may_be_definition(found) and not found.is_file())
    return [_passed_over(found) for found in names]


def _passed_over(file: Path) -> DefinitionError:
    if file.is_dir():
        problem, remedy = "a folder, which is not looked into", "move its files one up, or take the suffix off its name"
    elif file.is_symlink():
        problem, remedy = f"a link to nothing: {file.readlink()}", "make what it names, or remove the link"
    else:
        problem, remedy = "neither a file nor a link to one", "remove it"
    return DefinitionError(f"passed over: {problem}", path=str(file), remedy=remedy)


def read_template(entry: Entry, name: str, root: Path) -> str:
    """Read the file that `spec_path` names. Raises DefinitionError."""
    file = entry.folder / name
    inside = file.resolve().is_relative_to(root.resolve())
    if not inside:
        raise entry.fault(
            f"{name} is outside of the definitions' folder", "put the template into that folder", "spec_path"
        )
    if not file.is_file():
        raise entry.fault(f"there is no file {name}", f"it is looked for in {entry.folder}", "spec_path")
    return read_text(file, MAX_TEMPLATE)


def read_text(file: Path, limit: int) -> str:
    """Read a text file of at most `limit` bytes. Raises DefinitionError."""
    try:
        with file.open("rb") as opened:
            content = opened.read(limit + 1)
        if len(content) > limit:
            raise DefinitionError(f"more than {limit} bytes", path=str(file), remedy="split it")
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DefinitionError(f"cannot be read: {reason}", path=str(file), remedy="check its rights") from error
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        raise DefinitionError(
            "no UTF-8 text",
            path=str(file),
            line=before.count("\n") + 1,
            column=len(before) - before.rfind("\n"),
            remedy="save it as UTF-8",
        ) from error


def fingerprint(path: Path, templates: Iterable[Path] = ()) -> str:
    """A text that changes when the definitions' files, or these templates, may have changed."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    found = []
    for file in (*(file for file in files if file == path or _may_be_definition(file)), *templates):
        try:
            status = file.stat()
        except OSError:
            continue  # gone meanwhile, or a link to nothing
        found.append(f"{file} {status.st_mtime_ns} {status.st_size} {status.st_ino}")
    return "\n".join(found)


def _may_be_definition(path: Path) -> bool:
    return path.suffix in SUFFIXES and not path.name.startswith(".")


def _is_definition(path: Path) -> bool:
    return _may_be_definition(path) and path.is_file()


def _entries(file: Path) -> Iterator[Entry]:
    text = read_text(file, MAX_FILE)
    # JSON may be indented by tabs, YAML not; within JSON's texts there are none.
    text = text.replace("\t", " ") if file.suffix == ".json" else text
    try:
        nodes = yaml.documents(text)
    except yaml.NotYaml as error:
        remedy = _remedy(error.problem)
        raise DefinitionError(
            error.problem, path=str(file), line=error.line, column=error.column, remedy=remedy
        ) from error
    lines = tuple(text.splitlines())
    for node in nodes:
        if isinstance(node, yaml.Mapping):
            yield Entry(str(file), file.parent, node, lines)
        elif isinstance(node, yaml.Sequence):
            yield from _listed(file, node, lines)
        else:
            raise _no_definition(file, node)


def _listed(file: Path, node: yaml.Sequence, lines: tuple[str, ...]) -> Iterator[Entry]:
    for item in node.items:
        if not isinstance(item, yaml.Mapping):
            raise _no_definition(file, item)
        yield Entry(str(file), file.parent, item, lines, ancestor=True)


def _no_definition(file: Path, node: yaml.Node) -> DefinitionError:
    return DefinitionError(
        "no definition: a mapping with a name and a template is expected",
        path=str(file),
        line=node.line,
        column=node.column,
        remedy="write name: and spec: |, or move the file into a sub-folder",
    )


def _remedy(problem: str) -> str:
    if "occurs twice" in problem:
        return "keep one of them"
    if "expected <block end>" in problem or "mapping values are not allowed" in problem:
        return "check the indentation, and put texts with a colon in quotes"
    if "'{'" in problem or "flow mapping" in problem:
        return "put texts with {{ … }} in quotes, or write the template below spec: |"
    return next((remedy for part, remedy in _REMEDIES.items() if part in problem), "correct it")
