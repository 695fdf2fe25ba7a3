"""Which words of a container's command line are code, so that no value becomes a part of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum

from .problems import Unfit
from .variables import Reference, Word


class Code(Enum):
    """What a word with a value in it is."""

    SHELL = "a shell's script"
    OTHER = "a program's text"


_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh", "mksh", "ksh93", "rbash", "hush"})
_RUNNERS = frozenset({"su", "runuser", "sg", "script", "flock", "sudo", "doas"})
_WRAPPERS = _RUNNERS | {
    *("env", "busybox", "toybox", "nice", "ionice", "nohup", "timeout", "time", "tini", "dumb-init", "gosu", "su-exec"),
    *("exec", "xargs", "setsid", "stdbuf", "chroot", "unshare", "nsenter", "setpriv", "strace", "find", "parallel"),
}
_INTERPRETERS = (
    # Programs, the letters of options whose argument is code, and letters after which a word's rest is no option.
    (re.compile(r"(python|pypy)\d*(\.\d+)*"), "c", "mWXQ"),
    (re.compile(r"perl\d*(\.\d+)*"), "eE", "MmIiFxDC"),
    (re.compile(r"j?ruby\d*(\.\d+)*"), "e", "rICEFKTWx0"),
    (re.compile(r"node|nodejs|bun|deno"), "ep", "rC"),
    (re.compile(r"php\d*(\.\d+)*"), "rBRE", "dcz"),
    (re.compile(r"lua\d*(\.\d+)*|luajit|Rscript|tclsh|elixir|julia|ghc|groovy|scala"), "eE", "l"),
    (re.compile(r"fish|t?csh|pwsh|powershell|cmd|nu|xonsh"), "cC", ""),
)
_LONG_CODE = frozenset({"--eval", "--print", "--command", "--execute", "--run", "--expression", "--source", "eval"})
_PROGRAM_FIRST = re.compile(r"[gmn]?awk|sed|gsed|jq|yq")
_TAKING_DATA = {"--arg": 2, "--argjson": 2, "-v": 1, "-F": 1, "--assign": 1}
"""Options of awk and jq that take data, and how many words of it."""
_SHELL_LONG_WITH_ARGUMENT = frozenset({"--rcfile", "--init-file"})
_SHELL_WITHIN = re.compile(r"(?:^|[\s/;&|'\"(])(?:ba|da|a|z|k|mk)?sh\s+(?:-\S+\s+)*-[a-zA-Z]*c(?:\s|$)")


def code_words(words: Sequence[Word]) -> dict[int, Code]:
    """Tell which words with a value are code, by their position in `command` and `args` together.

    Raises:
        Unfit: a value stands where it would decide what a shell, an interpreter or `env` runs.
    """
    found: dict[int, Code] = {}
    wrapped = bool(words) and _name(words[0]) in _WRAPPERS
    for at, word in enumerate(words):
        if _valued(word):
            if any(isinstance(piece, str) and _SHELL_WITHIN.search(piece) for piece in word):
                found[at] = Code.SHELL
        elif at == 0 or wrapped or "/" in _literal(word) or _literal(words[at - 1]) == "--":
            _program(words, at, found)
        else:
            # Perhaps the program of an entrypoint that we cannot see, perhaps a mere word: what follows it tells.
            with suppress(Unfit):
                _program(words, at, found, certain=False)
    return found


def _program(words: Sequence[Word], at: int, found: dict[int, Code], *, certain: bool = True) -> None:
    name = _name(words[at])
    if name in _SHELLS:
        _shell(words, at, found)
    elif name in _RUNNERS:
        _runner(words, at, found)
    elif name in {"env", "busybox", "toybox"}:
        _program_from(words, at)
    elif _PROGRAM_FIRST.fullmatch(name) and certain:
        _interpreter(words, at, found, letters="ef", stop="", program_first=True)
    else:
        for pattern, letters, stop in _INTERPRETERS:
            if pattern.fullmatch(name):
                _interpreter(words, at, found, letters=letters, stop=stop)


def _valued(word: Word) -> bool:
    return any(isinstance(piece, int) or (isinstance(piece, Reference) and piece.valued) for piece in word)


def _name(word: Word) -> str:
    return _literal(word).rsplit("/", 1)[-1]


def _literal(word: Word) -> str:
    return "".join(piece for piece in word if isinstance(piece, str))


def _decides(words: Sequence[Word], at: int) -> Unfit:
    return Unfit(f"it decides what {_literal(words[at])[:40]} runs; write that word out, or put `--` before the value")


def _shell(words: Sequence[Word], at: int, found: dict[int, Code]) -> None:
    """POSIX sh: options first, then with -c the script, else a file; all words after it are $0, $1, …."""
    script, end = False, at + 1
    while end < len(words) and not _valued(words[end]) and (option := _literal(words[end])) != "--":
        if option[:1] not in {"-", "+"} or len(option) == 1:
            break
        if option.startswith("--"):
            end += 1 + (option in _SHELL_LONG_WITH_ARGUMENT)
            continue
        script |= option.startswith("-") and "c" in option
        end += 1 + option.lower().endswith("o")
    if end < len(words) and not _valued(words[end]) and _literal(words[end]) == "--":
        end += 1
    if end < len(words) and _valued(words[end]):
        first = words[end][0]
        if not script or not isinstance(first, str) or not first.strip() or first.lstrip().startswith("-"):
            raise _decides(words, at)
        found[end] = Code.SHELL


def _runner(words: Sequence[Word], at: int, found: dict[int, Code]) -> None:
    """Programs such as su, which hand the text after -c to a shell."""
    for before, word in enumerate(words[at + 1 : -1], start=at + 1):
        option = "" if _valued(word) else _literal(word)
        if re.fullmatch(r"-[a-zA-Z]*c|--(?:session-)?command", option) and _valued(words[before + 1]):
            if not isinstance(words[before + 1][0], str):
                raise _decides(words, at)
            found[before + 1] = Code.SHELL


def _program_from(words: Sequence[Word], at: int) -> None:
    """`env NAME=value program` and `busybox program`: no value before the program's name is written out."""
    for word in words[at + 1 :]:
        first = word[0] if word else ""
        if _valued(word) and (not isinstance(first, str) or first.startswith("-") or "=" not in first):
            raise _decides(words, at)
        if isinstance(first, str) and not first.startswith("-") and "=" not in first:
            return


def _interpreter(
    words: Sequence[Word], at: int, found: dict[int, Code], *, letters: str, stop: str, program_first: bool = False
) -> None:
    """Programs that take code as an option's argument, or (awk, sed, jq) as their first word."""
    code, skip = False, 0
    for position, word in enumerate(words[at + 1 :], start=at + 1):
        option = _literal(word)
        if skip:
            skip -= 1
        elif _valued(word):
            if not code and not program_first:
                raise _decides(words, at)
            found[position] = Code.OTHER
            return
        elif code:
            if letters == "c":
                return  # `python -c code`: what follows is the code's own
            code, program_first = False, False
        elif option == "--" and program_first:
            continue  # the program is still to come
        elif (not option.startswith("-") and option not in _LONG_CODE) or option == "--":
            return
        elif "m" in stop and re.fullmatch(r"-[a-zA-Z]*m", option):
            return  # `python -m module`: what follows is the module's
        else:
            skip = _TAKING_DATA.get(option, 0) if program_first else 0
            code = _takes_code(option, letters, stop)


def _takes_code(option: str, letters: str, stop: str) -> bool:
    """Whether the word after an option is code: `-e`, `-lane`, `--eval`; not `-Mfeature`."""
    if option.startswith("--") or option in _LONG_CODE:
        return option in _LONG_CODE
    short = re.split(f"[{stop}]", option[1:])[0] if stop else option[1:]
    return any(letter in letters for letter in short)
