"""Where in a POSIX shell's script a word that `shquote` made stays one word: between words, and nowhere else."""

from __future__ import annotations

import re

from .problems import Unfit
from .variables import Reference, Word

_ADVICE = 'take it out of there, or pass it as a word after the script and write "$1" there, or in env'
_NAMES = {
    '"': 'double quotes ("…")',
    "'": "single quotes ('…')",
    "`": "back quotes (`…`)",
    "#": "a comment",
    "{": "${…}",
    "((": "((…))",
    "$": "a word after $",
    "\\": "a word after a backslash",
    "?": "or behind a here-document, $'…' or a case in a quoted $(…)",
}
_LEXEMES = re.compile(r"\\.|\$\(\(|\(\(|\)\)|\$\(|\$\{|\$'|<<|\bcase\b|.", re.DOTALL)
_CODE = {"(", "$("}


def check(word: Word) -> None:
    """Make sure that each value of a script stands outside of quotes, comments, here-documents and arithmetic.

    Raises:
        Unfit: one does not, so that `shquote` could not protect it.

    >>> check(("echo ", 0, " >&2"))
    >>> check(("echo '", 0, "'"))
    Traceback (most recent call last):
    webhook.manifests.problems.Unfit: a value within single quotes ('…') of a shell's script; take it out of there, ...
    """
    reader = _Reader()
    for piece in word:
        if isinstance(piece, str):
            reader.read(piece)
        elif isinstance(piece, Reference):
            reader.word, reader.last = True, ""
        elif within := reader.within():
            raise Unfit(f"a value within {_NAMES[within]} of a shell's script; {_ADVICE}")
        else:
            reader.word, reader.last = True, ""


class _Reader:
    """A shell's reading of a script, as far as to know what encloses the place that was reached.

    Attributes:
        stack: what is open, the innermost last.
        word: a word has begun, so that # begins no comment.
        last: a `$` or a backslash that waits for the next character.
        lost: something was read whose end only a whole shell can find.
    """

    def __init__(self) -> None:
        self.stack: list[str] = []
        self.word = self.lost = False
        self.last = ""

    def within(self) -> str:
        """What encloses the place, as a key of `_NAMES`; empty where `shquote` protects a value."""
        if self.lost:
            return "?"
        return next((opened for opened in reversed(self.stack) if opened not in _CODE), self.last)

    def read(self, text: str) -> None:
        """Read on."""
        for match in _LEXEMES.finditer(text):
            lexeme = match[0]
            self.last = lexeme if lexeme in {"$", "\\"} else ""
            top = self.stack[-1] if self.stack else ""
            if top in {"'", "`", "#"}:
                self._opaque(top, lexeme)
            elif lexeme[0] == "\\":
                self.word = True
            elif top == '"':
                self._quoted(lexeme)
            else:
                self._code(top, lexeme)

    def _opaque(self, top: str, lexeme: str) -> None:
        """Within single quotes, back quotes and comments only their end counts."""
        end = "\n" if top == "#" else top
        if lexeme == end or (top != "`" and end in lexeme):
            self.stack.pop()
            # `'\n` read as one lexeme (a backslash in single quotes is no escape) may hold the end.
            self.word = top != "#"
            self.last = ""

    def _quoted(self, lexeme: str) -> None:
        if lexeme == '"':
            self.stack.pop()
            self.word = True
        elif lexeme in {"$(", "`"}:
            self.stack.append(lexeme)
            self.word = False
        elif lexeme in {"${", "$(("}:
            self.stack.append("{" if lexeme == "${" else "((")

    def _code(self, top: str, lexeme: str) -> None:
        if lexeme == "#" and not self.word and top not in {"{", "(("}:
            self.stack.append("#")
        elif lexeme in {"'", '"', "`", "(", "$("}:
            self.stack.append(lexeme)
        elif lexeme in {"${", "((", "$(("}:
            self.stack.append("{" if lexeme == "${" else "((")
        elif lexeme == "))" and top != "((":
            self._close(")")
            self._close(")")
        elif lexeme in {")", "}", "))"}:
            self._close(lexeme)
        elif lexeme in {"<<", "$'"} or (lexeme == "case" and '"' in self.stack):
            self.lost = True
        self.word = lexeme not in {" ", "\t", "\n", ";", "&", "|", "(", ")", "<", ">", "$(", "))"}

    def _close(self, lexeme: str) -> None:
        opened = {")": _CODE, "}": {"{"}, "))": {"(("}}[lexeme]
        if self.stack and self.stack[-1] in opened:
            self.stack.pop()
