"""Interpreters and other programs that take code as an option's argument, or as their first word."""

from __future__ import annotations

import re
from collections.abc import Sequence

from . import programs
from .variables import Word
from .words import Code, decides, literal, name, unknown, valued


def windows(words: Sequence[Word], at: int, found: dict[int, Code], *, certain: bool) -> None:
    """`cmd /c` and `powershell -Command` take all the words that follow, joined; `-File` a program's name."""
    powershell = name(words[at]) in programs.POWERSHELLS
    code = certain and powershell
    for position, word in enumerate(words[at + 1 :], start=at + 1):
        text = literal(word).lower()
        if valued(word):
            if code or text[:2] in {"/c", "/k", "-c", "-e"}:
                found[position] = Code.OTHER
            elif certain:
                raise decides(words, at)
        elif (
            powershell
            and re.fullmatch(r"[-/](?:f|fi|fil|file)", text)
            and not valued((words[position + 1 :] or [()])[0])
        ):
            return
        elif text[:2] in ({"/c", "-c", "/e", "-e"} if powershell else {"/c", "/k", "/r"}):
            code = True


def interpreter(
    words: Sequence[Word],
    at: int,
    found: dict[int, Code],
    *,
    letters: str,
    stop: str,
    program_first: bool = False,
    certain: bool = True,
) -> None:
    """Programs that take code as an option's argument, or (awk, sed, jq) as their first word."""
    code, skip = False, 0
    for position, word in enumerate(words[at + 1 :], start=at + 1):
        option = literal(word)
        if skip:
            skip -= 1
        elif valued(word) or (unknown(word) and not code):
            if code or (program_first and valued(word)):
                found[position] = Code.OTHER
            elif _at_mercy(words, position, letters, certain=certain):
                raise decides(words, at)
            return
        elif code:
            if letters == "c":
                return  # `python -c code`: what follows is the code's own
            code, program_first = False, False
        elif option != "--" or not program_first:  # else the program is still to come
            if _ends_options(option, stop):
                return
            skip = programs.TAKING_DATA.get(option, 0) if program_first else 0
            code = _takes_code(option, letters, stop)


def _at_mercy(words: Sequence[Word], position: int, letters: str, *, certain: bool) -> bool:
    """Whether a value is an interpreter's option or script, or stands behind an option that is not known."""
    word = words[position]
    if not valued(word):
        return certain and any(valued(later) for later in words[position + 1 :])
    return certain or (isinstance(word[0], str) and _attached(word[0], letters))


def _ends_options(option: str, stop: str) -> bool:
    """Whether a word is the script's name, `--`, or (`python -m module`) one after which all is the module's."""
    if option == "--" or (not option.startswith("-") and option not in programs.LONG_CODE):
        return True
    return "m" in stop and bool(re.fullmatch(r"-[a-zA-Z]*m", option))


def _attached(option: str, letters: str) -> bool:
    """Whether the code is in the option's own word: `-cCODE`, `--eval=CODE`."""
    return (option[:1] == "-" and option[1:2] in letters and len(option) > 1) or option.partition("=")[0] in (
        programs.LONG_CODE
    )


def _takes_code(option: str, letters: str, stop: str) -> bool:
    """Whether the word after an option is code: `-e`, `-lane`, `--eval`; not `-Mfeature`."""
    if option.startswith("--") or option in programs.LONG_CODE:
        return option in programs.LONG_CODE
    short = re.split(f"[{stop}]", option[1:])[0] if stop else option[1:]
    return any(letter in letters for letter in short)
