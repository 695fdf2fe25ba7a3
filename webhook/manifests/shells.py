"""Which words of a command line are code, so that no value becomes a part of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum

from . import programs
from .problems import Unfit
from .programs import name_of
from .variables import Reference, Word


class Code(Enum):
    """What a word with a value in it is."""

    SHELL = "a shell's script"
    OTHER = "a program's text"


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
    wrapped = bool(words) and _name(words[0]) in programs.WRAPPERS
    for at, word in enumerate(words):
        if valued(word):
            if any(isinstance(piece, str) and _SHELL_WITHIN.search(piece) for piece in word):
                found.setdefault(at, Code.SHELL)
            continue
        if _unknown(word):
            _unknown_program(words, at, named=at == 0 and not entrypoint)
        # What may be a mere word (or the program of an entrypoint that we cannot see) is told by what follows it.
        certain = at == 0 or wrapped or "/" in _literal(word) or _literal(words[at - 1]) == "--"
        if _program(words, at, found, certain=certain) and certain:
            wrapped = False  # what follows a script are its arguments
    return found


def scripts_of(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Where shells' scripts without values are, each with the position of its `$0`."""
    for at, word in enumerate(words):
        if not valued(word) and _name(word) in programs.SHELLS:
            end, script = _past_options(words, at, certain=False)
            if script and end < len(words) and not valued(words[end]):
                yield end, end + 1


def valued(word: Word) -> bool:
    """Whether an event's value is in a word."""
    return any(isinstance(piece, int) or (isinstance(piece, Reference) and piece.valued) for piece in word)


def _unknown(word: Word) -> bool:
    return bool(word) and isinstance(word[0], Reference) and not word[0].valued


def _program(words: Sequence[Word], at: int, found: dict[int, Code], *, certain: bool) -> bool:
    """Look at one word as a program's name; True where a shell's script, written out, follows it."""
    name = _name(words[at])
    if name in programs.SHELLS or name == "capsh":
        return _shell(words, at if name != "capsh" else _behind_dashes(words, at), found, certain=certain)
    if name in programs.RUNNERS:
        _runner(words, at, found)
    elif name == "cmd" or name in programs.POWERSHELLS:
        _windows(words, at, found, certain=certain)
    elif name in programs.JOINING and certain:
        _joining(words, at, found, letters=programs.JOINING[name])
    elif name in {"env", "busybox", "toybox"} and certain:
        _program_from(words, at)
    elif programs.PROGRAM_FIRST.fullmatch(name) and certain:
        _interpreter(words, at, found, letters="ef", stop="", program_first=True)
    else:
        for pattern, letters, stop in programs.INTERPRETERS:
            if pattern.fullmatch(name):
                _interpreter(words, at, found, letters=letters, stop=stop, certain=certain)
    return False


def _behind_dashes(words: Sequence[Word], at: int) -> int:
    """Where `capsh` has the `--` behind which a shell's words are."""
    dashes = (end for end, word in enumerate(words) if end > at and _literal(word) in {"--", "=="})
    return next(dashes, len(words))


def _name(word: Word) -> str:
    return name_of(_literal(word))


def _literal(word: Word) -> str:
    return "".join(piece for piece in word if isinstance(piece, str))


def _decides(words: Sequence[Word], at: int) -> Unfit:
    name = _literal(words[at])[:40] if at < len(words) else "a shell"
    return Unfit(f"it decides what {name} runs; write that word out, or put `--` before the value")


def _unknown_program(words: Sequence[Word], at: int, *, named: bool) -> None:
    """A variable whose text is not known may name a shell: no value may be what would then be its script."""
    name = next(piece.name for piece in words[at] if isinstance(piece, Reference))
    takes_code = named
    for word in words[at + 1 :]:
        if valued(word) and takes_code:
            raise Unfit(f"it decides what $({name}) runs, whose text is not known here; write that program out")
        if valued(word) or (not named and not _literal(word).startswith(("-", "/", "eval"))):
            return
        takes_code = takes_code or bool(_MAY_TAKE_CODE.fullmatch(_literal(word)))


def _shell(words: Sequence[Word], at: int, found: dict[int, Code], *, certain: bool) -> bool:
    """POSIX sh: options first, then with -c the script, else a file; all words after it are the script's own."""
    end, script = _past_options(words, at, certain=certain)
    if end >= len(words) or not valued(words[end]):
        return script
    first = words[end][0]
    if script and isinstance(first, str) and first.strip() and not first.lstrip().startswith("-"):
        found[end] = Code.SHELL
    elif certain or script or (isinstance(first, str) and first.startswith("-")):
        raise _decides(words, at)
    return False


def _past_options(words: Sequence[Word], at: int, *, certain: bool) -> tuple[int, bool]:
    """Where a shell's options end, and whether -c is among them."""
    script, end = False, at + 1
    while end < len(words) and not valued(words[end]):
        option = _literal(words[end])
        if option == "--":
            return end + 1, script
        if _unknown(words[end]) and not script and any(valued(word) for word in words[end:]):
            raise _decides(words, at)
        if option[:1] not in {"-", "+"} or len(option) == 1:
            break
        named = option.lstrip("-") in _SHELL_LONG_WITH_ARGUMENT
        script |= not named and option[1:2] != "-" and option[0] == "-" and "c" in option
        # Each o of a bundle takes a word: -euo pipefail, -coe pipefail.
        skipped = 1 if named else 0 if option.startswith("--") else option.lower().count("o")
        if (certain or script) and any(valued(word) for word in words[end + 1 : end + 1 + skipped]):
            raise _decides(words, at)
        end += 1 + skipped
    return end, script


def _runner(words: Sequence[Word], at: int, found: dict[int, Code]) -> None:
    """Programs such as su, which hand the text after -c to a shell; `sudo -s` all of its words."""
    joined = False
    for position, word in enumerate(words[at + 1 :], start=at + 1):
        before = words[position - 1]
        if valued(word):
            if joined or (isinstance(word[0], str) and _RUNNERS_ATTACHED.fullmatch(word[0])):
                raise _decides(words, at)
            if position > at + 1 and not valued(before) and _RUNNERS_CODE.fullmatch(_literal(before)):
                if not isinstance(word[0], str):
                    raise _decides(words, at)
                found[position] = Code.SHELL
        elif _name(words[at]) in {"sudo", "doas"}:
            joined |= _literal(word) in {"-s", "-i", "--shell", "--login"} and _literal(before)[:1] in {
                "-",
                "s",
                "d",
                "/",
            }


def _joining(words: Sequence[Word], at: int, found: dict[int, Code], *, letters: str) -> None:
    """Programs such as ssh, which hand their words, joined, to a shell: ssh those after the host."""
    host, skip, first = _name(words[at]) == "ssh", False, True
    for position, word in enumerate(words[at + 1 :], start=at + 1):
        text = _literal(word)
        if text.startswith(":::"):
            return  # parallel quotes its inputs itself
        if skip or (first and text.startswith("-") and not valued(word)):
            if skip and valued(word) and host:
                raise _decides(words, at)
            skip = not skip and len(text) == 2 and text[1] in letters
        elif host:
            if valued(word) and (not isinstance(word[0], str) or word[0].startswith("-")):
                raise _decides(words, at)
            host = False
        else:
            if valued(word):
                if first and (not isinstance(word[0], str) or word[0].lstrip().startswith("-")):
                    raise _decides(words, at)
                found[position] = Code.SHELL
            first = False


def _windows(words: Sequence[Word], at: int, found: dict[int, Code], *, certain: bool) -> None:
    """`cmd /c` and `powershell -Command` take all the words that follow, joined; `-File` a program's name."""
    powershell = _name(words[at]) in programs.POWERSHELLS
    code = certain and powershell
    for position, word in enumerate(words[at + 1 :], start=at + 1):
        text = _literal(word).lower()
        if valued(word):
            if code or text[:2] in {"/c", "/k", "-c", "-e"}:
                found[position] = Code.OTHER
            elif certain:
                raise _decides(words, at)
        elif (
            powershell
            and re.fullmatch(r"[-/](?:f|fi|fil|file)", text)
            and not valued((words[position + 1 :] or [()])[0])
        ):
            return
        elif text[:2] in ({"/c", "-c", "/e", "-e"} if powershell else {"/c", "/k", "/r"}):
            code = True


def _program_from(words: Sequence[Word], at: int) -> None:
    """`env NAME=value program` and `busybox program`: no value before the program's name is written out."""
    split = False
    for word in words[at + 1 :]:
        first = word[0] if word else ""
        if valued(word) and (not isinstance(first, str) or split or first.startswith("-") or "=" not in first):
            raise _decides(words, at)
        split |= isinstance(first, str) and bool(re.match(r"-[a-zA-Z]*S|--split", first))
        if isinstance(first, str) and not first.startswith("-") and "=" not in first:
            return


def _interpreter(
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
        option = _literal(word)
        if skip:
            skip -= 1
        elif valued(word) or (_unknown(word) and not code):
            if code or (program_first and valued(word)):
                found[position] = Code.OTHER
            elif _at_mercy(words, position, letters, certain=certain):
                raise _decides(words, at)
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
