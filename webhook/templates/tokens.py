r"""Inert tokens that stand for values in a rendered text.

A token is a word that YAML reads as a plain scalar wherever one may begin, and carries unchanged through quotes,
blocks and folding. Its letters are such that no escape sequence of a double-quoted scalar can eat one of them
(`\{{ x }}` is an error, not another text). It is new for every process: no template and no value can hold it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

from ..errors import JobhookError

_LETTERS = "ghjkmqswyz"
PREFIX = "q" + "".join(secrets.choice(_LETTERS) for _ in range(15))
_END = "z"
_TOKEN = re.compile(rf"{PREFIX}(\d{{1,6}}){_END}")
_FIRST = tuple(f"{PREFIX}{number}{_END}" for number in range(256))


class Broken(JobhookError):
    """A token did not come through the parsing whole: the template cut into it."""


def token(number: int) -> str:
    """The token of the value of that number."""
    return _FIRST[number] if number < 256 else f"{PREFIX}{number}{_END}"


def holds_token(text: str) -> bool:
    """Tell whether a text holds a token, or a part of one."""
    return PREFIX in text


def split(text: str) -> tuple[str | int, ...]:
    """Take a text apart into literal pieces and the numbers of its tokens, without empty pieces.

    Raises:
        Broken: a part of a token is left over.
    """
    return tuple(_pieces(text))


def _pieces(text: str) -> Iterator[str | int]:
    for position, piece in enumerate(_TOKEN.split(text)):
        if position % 2:
            yield int(piece)
        elif PREFIX in piece:
            raise Broken("a value's token is cut apart")
        elif piece:
            yield piece
