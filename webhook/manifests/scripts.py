"""Where in a POSIX shell's script a word that `shquote` made stays one word: between words, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Collection

from .problems import Unfit
from .simple import INTEGERS, judge
from .variables import Reference, Word

_ADVICE = 'take it out of there, or pass it as a word after the script and write "$1" there, or in env'
_NAMES = {
    '"': 'double quotes ("…")',
    "'": "single quotes ('…')",
    "`": "back quotes (`…`)",
    "#": "a comment",
    "{": "${…}",
    "((": "((…))",
    "$[": "$[…]",
    "$": "a word after $",
    "\\": "a word after a backslash",
    "$'": "$'…'",
    "?": "or behind a here-document, $'…' or a case in a quoted $(…)",
}
_LEXEMES = re.compile(
    r"\\.|\$\(\(|\(\(|\)\)|\$\(|\$\{(?:\w+|[@*])?|\$'|\$\[|\$(?:[A-Za-z_]\w*|[\d@*])|<<|&>|[<>]&|>\||\bcase\b|.",
    re.DOTALL | re.ASCII,
)
_HERE = re.compile(r"<<-?[ \t]*([\"'\\]?)(\w+)[\"']?(.*\n)(?:.*\n)*?\t*\2[ \t]*(?=\n|\Z)")
_CODE = {"(", "$("}


def check(word: Word) -> None:
    """Make sure that each value of a script stands where a word that `shquote` made is one argument, and is no code.

    Raises:
        Unfit: one stands within quotes, a comment, a here-document or arithmetic, or is read as code.

    >>> check(("echo ", 0, " >&2"))
    >>> check(("echo '", 0, "'"))
    Traceback (most recent call last):
    webhook.manifests.problems.Unfit: a value within single quotes ('…') of a shell's script; take it out of there, ...
    """
    reader = _Reader(integers=any(isinstance(piece, str) and INTEGERS.search(piece) for piece in word))
    for piece in word:
        if isinstance(piece, str):
            reader.read(piece)
        elif isinstance(piece, Reference):
            reader.put("$" + piece.name)
        elif within := reader.within():
            raise Unfit(f"a value within {_NAMES[within]} of a shell's script; {_ADVICE}")
        else:
            reader.put(piece)
    reader.finish()


def check_literal(script: str, names: Collection[str]) -> None:
    """Make sure that a script without values does not read as code what variables and arguments with values hold.

    Args:
        script: after the kubelet's expansion.
        names: of these variables and arguments (`1`, `@`).

    Raises:
        Unfit: it does: `eval "$1"`.
    """
    reader = _Reader(names=names)
    reader.read(_HERE.sub(r"\3", script))
    reader.finish()


class _Reader:
    """A shell's reading of a script, as far as to know what encloses the place that was reached.

    Attributes:
        stack: what is open, the innermost last.
        word: a word has begun, so that # begins no comment.
        last: a `$` or a backslash that waits for the next character.
        lost: something was read whose end only a whole shell can find.
    """

    def __init__(self, *, integers: bool = False, names: Collection[str] = ()) -> None:
        self.stack: list[str] = []
        self.word = self.lost = False
        self.last = ""
        self._integers, self._names = integers, names
        self._commands: list[list[Word]] = [[]]
        self._word: list[str | int | Reference] = []
        self._words: list[list[str | int | Reference]] = []
        self._redirected = False

    def within(self) -> str:
        """What encloses the place, as a key of `_NAMES`; empty where `shquote` protects a value."""
        if self.lost:
            return "?"
        return next((opened for opened in reversed(self.stack) if opened not in _CODE), self.last)

    def read(self, text: str) -> None:
        """Read on. Raises Unfit for a simple command that reads a value as code."""
        for match in _LEXEMES.finditer(text):
            lexeme = match[0]
            self.last = lexeme if lexeme in {"$", "\\"} else ""
            top = self.stack[-1] if self.stack else ""
            if top == "$'":
                if lexeme[0] != "\\" and lexeme[-1] == "'":
                    self.stack.pop()
            elif top in {"'", "`", "#"}:
                self._opaque(top, lexeme)
            elif lexeme[0] == "\\":
                self.word = True
                self._word += lexeme[1:].strip("\n")
            elif top == '"':
                self._quoted(lexeme)
            else:
                self._code(top, lexeme)

    def _opaque(self, top: str, lexeme: str) -> None:
        """Within single quotes, back quotes and comments only their end counts."""
        end = "\n" if top == "#" else top
        if top == "'":
            self._word += lexeme.partition("'")[0]
        if lexeme == end or (top != "`" and end in lexeme):
            self.stack.pop()
            if top == "#":
                self._end_command()
            # `'\n` read as one lexeme (a backslash in single quotes is no escape) may hold the end.
            self.word = top != "#"
            self.last = ""

    def _quoted(self, lexeme: str) -> None:
        if lexeme == '"':
            self.stack.pop()
            self.word = True
        elif lexeme in {"$(", "`"}:
            self._open(lexeme)
            self.word = False
        elif lexeme.startswith(("${", "$((", "$[")):
            self._open(lexeme)
        else:
            self._text(lexeme)

    def _code(self, top: str, lexeme: str) -> None:
        if lexeme == "#" and not self.word and top not in {"{", "(("}:
            self.stack.append("#")
        elif lexeme in {"'", '"', "`", "(", "$("} or lexeme.startswith(("${", "((", "$((", "$[")):
            self._open(lexeme)
        elif lexeme == "))" and top != "((":
            self._close(")")
            self._close(")")
        elif lexeme in {")", "}", "))"} or (lexeme == "]" and top == "$["):
            self._close(lexeme)
        elif lexeme in {"<<", "$'"} or (lexeme == "case" and '"' in self.stack):
            self.lost = True
            self._redirected |= lexeme == "<<"
            if lexeme == "$'":
                self.stack.append(lexeme)
        elif top in {"{", "((", "$["}:
            self._text(lexeme)
        else:
            self._in_command(lexeme)
        self.word = lexeme not in {
            " ",
            "\t",
            "\n",
            ";",
            "&",
            "|",
            "(",
            ")",
            "<",
            ">",
            "$(",
            "))",
            "&>",
            "<&",
            ">&",
            ">|",
        }

    def _in_command(self, lexeme: str) -> None:
        if lexeme in {"\n", ";", "&", "|", "&>"}:
            self._end_command()  # also for &>, which only bash reads as one
        if lexeme in {"\n", ";", "&", "|"}:
            pass
        elif lexeme[0] in {"<", ">"} or lexeme == "&>":
            if all(isinstance(piece, str) and piece.isdigit() for piece in self._word):
                self._word = []  # 2> is no word
            self._end_word()
            self._redirected = True
        elif lexeme in {" ", "\t"}:
            self._end_word()
        else:
            self._text(lexeme)

    def put(self, piece: str | int) -> None:
        """Go on with a piece of a word: a value, or what stands for text that is not known."""
        self.word, self.last = True, ""
        self._word.append(piece)

    def finish(self) -> None:
        """Come to the end of the script. Raises as `read`."""
        self._end_command()
        while self._words:
            self._leave()
            self._end_command()

    def _text(self, lexeme: str) -> None:
        """Go on with a word; a variable that holds a value is one."""
        self._word.append(-1 if lexeme[0] == "$" and lexeme[1:].lstrip("{") in self._names else lexeme)

    def _open(self, lexeme: str) -> None:
        if lexeme.startswith("${"):
            self._text(lexeme)
        elif lexeme == "`":
            self._word.append(lexeme)
        elif lexeme == "(" and self._redirected:
            lexeme, self._redirected = "$(", False  # <(…) is a part of a word
        opened = "{" if lexeme.startswith("${") else "((" if lexeme == "$((" else lexeme
        self.stack.append(opened)
        if opened in _CODE:
            if opened == "$(":
                self._word.append("$")
            self._words.append(self._word)
            self._word = []
            self._commands.append([])

    def _leave(self) -> None:
        self._end_command()
        self._commands.pop()
        self._word = self._words.pop()

    def _end_word(self) -> None:
        if self._word and not self._redirected:
            self._commands[-1].append(_joined(self._word))
        if self._word:
            self._word, self._redirected = [], False

    def _end_command(self) -> None:
        self._end_word()
        words, self._commands[-1], self._redirected = self._commands[-1], [], False
        judge(words, integers=self._integers, quoted=not self._names)

    def _close(self, lexeme: str) -> None:
        opened = {")": _CODE, "}": {"{"}, "))": {"(("}, "]": {"$["}}[lexeme]
        if self.stack and self.stack[-1] in opened:
            if lexeme == ")":
                self._leave()
            if self.stack.pop() == "(":
                self._end_command()  # of a subshell, a function's name, an array
        elif lexeme == ")":
            self._end_command()  # of a case's pattern
        else:
            self._text(lexeme)


def _joined(pieces: list[str | int | Reference]) -> Word:
    made: list[str | int | Reference] = []
    for piece in pieces:
        if isinstance(piece, str) and made and isinstance(made[-1], str):
            made[-1] += piece
        else:
            made.append(piece)
    return tuple(made)
