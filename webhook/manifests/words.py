"""Words of a command line as the readers of shells and interpreters look at them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from .problems import Unfit
from .programs import name_of
from .variables import Reference, Word


class Code(Enum):
    """What a word with a value in it is."""

    SHELL = "a shell's script"
    OTHER = "a program's text"


def valued(word: Word) -> bool:
    """Whether an event's value is in a word."""
    return any(isinstance(piece, int) or (isinstance(piece, Reference) and piece.valued) for piece in word)


def unknown(word: Word) -> bool:
    """Whether a word begins with a variable of which neither text nor origin is known."""
    return bool(word) and isinstance(word[0], Reference) and not word[0].valued


def name(word: Word) -> str:
    """The program that a word names."""
    return name_of(literal(word))


def literal(word: Word) -> str:
    """What of a word is written out."""
    return "".join(piece for piece in word if isinstance(piece, str))


def decides(words: Sequence[Word], at: int) -> Unfit:
    """Make the error of a value that decides what a program runs."""
    program = literal(words[at])[:40] if at < len(words) else "a shell"
    return Unfit(f"it decides what {program} runs; write that word out, or put `--` before the value")
