"""Which words of a command line are code, so that no value becomes a part of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from . import programs
from .interpreters import interpreter, windows
from .problems import Unfit
from .variables import Reference, Word
from .words import Code, decides, literal, name, unknown, valued

_SHELL_LONG_WITH_ARGUMENT = frozenset({"rcfile", "init-file", "emulate"})
_SHELL_WITHIN = re.compile(r"(?:^|[\s/;&|'\"(])(?:ba|da|a|z|k|mk|ya|o)?sh\s+(?:-\S+\s+)*-[a-zA-Z]*c(?:\s|$)")
_RUNNERS_CODE = re.compile(r"-[a-zA-Z]*c|--(?:session-)?command")
_RUNNERS_ATTACHED = re.compile(r"(?:-[a-zA-Z]*c|--(?:session-)?command=).*", re.DOTALL)
_MAY_TAKE_CODE = re.compile(r"[-/][a-zA-Z]*[cCeE][a-zA-Z]*|--(?:eval|command)")


def code_words(words: Sequence[Word], *, entrypoint: bool = False) -> dict[int, Code]:
    """Tell which words with a value are code, by their position in `command` and `args` together.

    Args:
        words: after the kubelet's expansion.
        entrypoint: the program is the image's own, and these are only its arguments.

    Raises:
        Unfit: a value stands where it would decide what a shell, an interpreter or `env` runs.
    """
    found: dict[int, Code] = {}
    wrapped = bool(words) and name(words[0]) in programs.WRAPPERS
    for at, word in enumerate(words):
        if valued(word):
            if any(isinstance(piece, str) and _SHELL_WITHIN.search(piece) for piece in word):
                found.setdefault(at, Code.SHELL)
            continue
        if unknown(word):
            _unknown_program(words, at, named=at == 0 and not entrypoint)
        # What may be a mere word (or the program of an entrypoint that we cannot see) is told by what follows it.
        certain = at == 0 or wrapped or "/" in literal(word) or literal(words[at - 1]) == "--"
        if _program(words, at, found, certain=certain) and certain:
            wrapped = False  # what follows a script are its arguments
    return found


def scripts_of(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Where shells' scripts without values are, each with the position of its `$0`."""
    for at, word in enumerate(words):
        if not valued(word) and name(word) in programs.SHELLS:
            end, script = _past_options(words, at, certain=False)
            if script and end < len(words) and not valued(words[end]):
                yield end, end + 1


def _program(words: Sequence[Word], at: int, found: dict[int, Code], *, certain: bool) -> bool:
    """Look at one word as a program's name; True where a shell's script, written out, follows it."""
    program = name(words[at])
    if program in programs.SHELLS or program == "capsh":
        return _shell(words, at if program != "capsh" else _behind_dashes(words, at), found, certain=certain)
    if program in programs.RUNNERS:
        _runner(words, at, found)
    elif program == "cmd" or program in programs.POWERSHELLS:
        windows(words, at, found, certain=certain)
    elif program in programs.JOINING and certain:
        _joining(words, at, found, letters=programs.JOINING[program])
    elif program in {"env", "busybox", "toybox"} and certain:
        _program_from(words, at)
    elif programs.PROGRAM_FIRST.fullmatch(program) and certain:
        interpreter(words, at, found, letters="ef", stop="", program_first=True)
    else:
        for pattern, letters, stop in programs.INTERPRETERS:
            if pattern.fullmatch(program):
                interpreter(words, at, found, letters=letters, stop=stop, certain=certain)
    return False


def _behind_dashes(words: Sequence[Word], at: int) -> int:
    """Where `capsh` has the `--` behind which a shell's words are."""
    dashes = (end for end, word in enumerate(words) if end > at and literal(word) in {"--", "=="})
    return next(dashes, len(words))


def _unknown_program(words: Sequence[Word], at: int, *, named: bool) -> None:
    """A variable whose text is not known may name a shell: no value may be what would then be its script."""
    variable = next(piece.name for piece in words[at] if isinstance(piece, Reference))
    takes_code = named
    for word in words[at + 1 :]:
        if valued(word) and takes_code:
            raise Unfit(f"it decides what $({variable}) runs, whose text is not known here; write that program out")
        if valued(word) or (not named and not literal(word).startswith(("-", "/", "eval"))):
            return
        takes_code = takes_code or bool(_MAY_TAKE_CODE.fullmatch(literal(word)))


def _shell(words: Sequence[Word], at: int, found: dict[int, Code], *, certain: bool) -> bool:
    """POSIX sh: options first, then with -c the script, else a file; all words after it are the script's own."""
    end, script = _past_options(words, at, certain=certain)
    if end >= len(words) or not valued(words[end]):
        return script
    first = words[end][0]
    if script and isinstance(first, str) and first.strip() and not first.lstrip().startswith("-"):
        found[end] = Code.SHELL
    elif certain or script or (isinstance(first, str) and first.startswith("-")):
        raise decides(words, at)
    return False


def _past_options(words: Sequence[Word], at: int, *, certain: bool) -> tuple[int, bool]:
    """Where a shell's options end, and whether -c is among them."""
    script, end = False, at + 1
    while end < len(words) and not valued(words[end]):
        option = literal(words[end])
        if option == "--":
            return end + 1, script
        if unknown(words[end]) and not script and any(valued(word) for word in words[end:]):
            raise decides(words, at)
        if option[:1] not in {"-", "+"} or len(option) == 1:
            break
        named = option.lstrip("-") in _SHELL_LONG_WITH_ARGUMENT
        script |= not named and option[1:2] != "-" and option[0] == "-" and "c" in option
        # Each o of a bundle takes a word: -euo pipefail, -coe pipefail.
        skipped = 1 if named else 0 if option.startswith("--") else option.lower().count("o")
        if (certain or script) and any(valued(word) for word in words[end + 1 : end + 1 + skipped]):
            raise decides(words, at)
        end += 1 + skipped
    return end, script


def _runner(words: Sequence[Word], at: int, found: dict[int, Code]) -> None:
    """Programs such as su, which hand the text after -c to a shell; `sudo -s` all of its words."""
    joined = False
    for position, word in enumerate(words[at + 1 :], start=at + 1):
        before = words[position - 1]
        if valued(word):
            if joined or (isinstance(word[0], str) and _RUNNERS_ATTACHED.fullmatch(word[0])):
                raise decides(words, at)
            if position > at + 1 and not valued(before) and _RUNNERS_CODE.fullmatch(literal(before)):
                if not isinstance(word[0], str):
                    raise decides(words, at)
                found[position] = Code.SHELL
        elif name(words[at]) in {"sudo", "doas"}:
            joined |= literal(word) in {"-s", "-i", "--shell", "--login"} and literal(before)[:1] in {
                "-",
                "s",
                "d",
                "/",
            }


def _joining(words: Sequence[Word], at: int, found: dict[int, Code], *, letters: str) -> None:
    """Programs such as ssh, which hand their words, joined, to a shell: ssh those after the host."""
    host, skip, first = name(words[at]) == "ssh", False, True
    for position, word in enumerate(words[at + 1 :], start=at + 1):
        text = literal(word)
        if text.startswith(":::"):
            return  # parallel quotes its inputs itself
        if skip or (first and text.startswith("-") and not valued(word)):
            if skip and valued(word) and host:
                raise decides(words, at)
            skip = not skip and len(text) == 2 and text[1] in letters
        elif host:
            if valued(word) and (not isinstance(word[0], str) or word[0].startswith("-")):
                raise decides(words, at)
            host = False
        else:
            if valued(word):
                if first and (not isinstance(word[0], str) or word[0].lstrip().startswith("-")):
                    raise decides(words, at)
                found[position] = Code.SHELL
            first = False


def _program_from(words: Sequence[Word], at: int) -> None:
    """`env NAME=value program` and `busybox program`: no value before the program's name is written out."""
    split = False
    for word in words[at + 1 :]:
        first = word[0] if word else ""
        if valued(word) and (not isinstance(first, str) or split or first.startswith("-") or "=" not in first):
            raise decides(words, at)
        split |= isinstance(first, str) and bool(re.match(r"-[a-zA-Z]*S|--split", first))
        if isinstance(first, str) and not first.startswith("-") and "=" not in first:
            return
