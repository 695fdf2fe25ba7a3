"""The simple commands of a shell's script: in which of them a value is code, however well it is quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from . import programs
from .problems import Unfit
from .shells import code_words
from .variables import Word
from .words import valued

_ADVICE = 'take it out of there, or pass it as a word after the script and write "$1" there, or in env'
_RESERVED = frozenset(
    {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "time", "coproc", "fi", "done"}
)
_READING = frozenset(
    {
        *("eval", "trap", ".", "source", "let", "alias", "bind", "complete", "compgen", "enable", "hash", "fc"),
        *("read", "mapfile", "readarray", "unset", "getopts", "wait", "unalias", "integer", "autoload", "zmodload"),
    }
)
"""Builtins that read their words as code, as names of programs, or as variables whose subscripts they evaluate."""
_DECLARING = frozenset({"declare", "typeset", "local", "export", "readonly"})
_TESTS = frozenset({"[", "[[", "test"})
_ARITHMETIC = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"})
_ONE_BEFORE = frozenset({"timeout", "chroot", "gosu", "su-exec", "flock", "setuidgid", "s6-setuidgid", "sg"})
"""Wrappers with a word of their own before the program's name."""
_TAKING = re.compile(r"-[ugnaIskpCwtoPLd]|--user|--group|--signal")
"""Options of wrappers that take the next word."""
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(?:\[\w+\])?\+?=", re.ASCII)
_NUMBER = re.compile(r"[\d.]+[smhd]?", re.ASCII)
INTEGERS = re.compile(r"\b(?:declare|typeset|local|export|readonly)\s[^;&|\n]*-\w*[in]|\binteger\b")
"""A script in which an assignment may be arithmetic, or one to a variable that another names."""


def judge(words: Sequence[Word], *, integers: bool = False, quoted: bool = True) -> None:
    """Make sure that the values of a simple command are arguments that it takes as data.

    Args:
        words: the command's, without redirections.
        integers: the script has variables that are numbers, or names of others.
        quoted: the values were put into the text; else they are in its variables, as most scripts have them.

    Raises:
        Unfit: one is the command, or is read as code.
    """
    at = 0
    while at < len(words) and (_text(words[at]) in _RESERVED or _assigns(words[at])):
        if valued(words[at]) and integers:
            raise _unfit("in an assignment that may be arithmetic")
        at += 1
    words = words[at:]
    if not any(valued(word) for word in words):
        return
    if valued(words[0]):
        raise _unfit("as a command's name")
    name = programs.name_of(_text(words[0]))
    if name == "function":
        judge(words[2:], integers=integers, quoted=quoted)
    elif name in _DECLARING:
        _declaration(name, words[1:], integers=integers)
    elif name in programs.WRAPPERS and not re.match("-[vV]", _text(words[1])):
        judge(_wrapped(words, skip=name in _ONE_BEFORE), integers=integers, quoted=quoted)
    else:
        _builtin(name, words, quoted=quoted)
    _code(words)


def _builtin(name: str, words: Sequence[Word], *, quoted: bool) -> None:
    tests = _ARITHMETIC if quoted or name == "[[" else _ARITHMETIC & {"-v", "-R"}
    if name in _READING or (name == "printf" and _text(words[1])[:2] == "-v"):
        raise _unfit(f"behind {name}")
    if name in _TESTS and any(_text(word) in tests for word in words):
        raise _unfit(f"in a test of numbers or variables ({name} …)")
    if name in {"for", "select"} and valued(words[1]):
        raise _unfit(f"behind {name}")
    if name == "set" and quoted and any(valued(word) for word in words[: _index(words, "--")]):
        raise _unfit("behind set, without -- before it")
    if name == "find" and any(re.match("-exec|-ok", _text(one)) and valued(two) for one, two in pairwise(words)):
        raise _unfit("as a command's name")


def _code(words: Sequence[Word]) -> None:
    try:
        found = code_words(words)
    except Unfit as error:
        raise _unfit(f"behind {_text(words[0])[:40]}, where {str(error).partition(';')[0]}") from error
    if found:
        raise _unfit(f"in the code of {_text(words[0])[:40]}")


def _declaration(name: str, words: Sequence[Word], *, integers: bool) -> None:
    for word in words:
        if valued(word) and (integers or not _assigns(word)):
            raise _unfit(f"behind {name}, but for NAME=value")


def _wrapped(words: Sequence[Word], *, skip: bool) -> Sequence[Word]:
    """The words from the program's name on: the first that is no option, number, assignment or an option's word."""
    for at, word in enumerate(words[1:], start=1):
        text = "" if valued(word) else _text(word)
        if text.startswith("-") or _assigns(word):
            continue
        if _TAKING.fullmatch(_text(words[at - 1])) and text:
            continue
        if not skip and not _NUMBER.fullmatch(text):
            return words[at:]
        skip = False
    return ()


def _assigns(word: Word) -> bool:
    return bool(word) and isinstance(word[0], str) and bool(_ASSIGNMENT.match(word[0]))


def _text(word: Word) -> str:
    return "".join(piece for piece in word if isinstance(piece, str))


def _index(words: Sequence[Word], text: str) -> int:
    return next((at for at, word in enumerate(words) if _text(word) == text), len(words))


def _unfit(where: str) -> Unfit:
    return Unfit(f"a value {where} in a shell's script; {_ADVICE}")
