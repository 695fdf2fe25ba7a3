"""A definition's parameters: where each value comes from, and which values it takes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from pydantic_core import SchemaError, SchemaValidator
from pydantic_core.core_schema import str_schema

from ..json import NotJson, dump
from ..manifests import Unfit, show_value, text
from ..templates import Expression, opt_in
from .model import ParameterType

MAX_LENGTH = 65_536
"""Characters of a value where its parameter says nothing: GitHub's longest texts still fit."""

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}


_LARGE = "exceeds size limit"
"""In the engine's words for a pattern that takes more than 10 MiB."""


class Pattern:
    """A regular expression that a whole text must match, in time linear in the text, whatever it holds.

    The engine is Rust's regex, as pydantic brings it: it has no look-around and no back-references, and cannot
    backtrack, so that no value can stall the process.

    Raises:
        ValueError: it cannot be compiled; the message says why.
    """

    __slots__ = ("_matches", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        for pattern in (source, rf"\A(?:{source})\z"):
            # Alone, too: `a)|(b` is no expression, and would be one within the group.
            try:
                validator = SchemaValidator(str_schema(pattern=pattern, strict=True))
            except SchemaError as error:
                why = _last_line(str(error))
                raise ValueError(
                    "is too large, once its repetitions are written out" if _LARGE in why else why
                ) from error
        self._matches = validator.isinstance_python

    def matches(self, value: str) -> bool:
        """Whether the whole of it matches; half a surrogate pair matches nothing."""
        return self._matches(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter.

    Attributes:
        expression: where an event's value comes from, or None.
        default: a value by `read`, or None.
        type: None takes any text, number or boolean as it is.
        required: without a value and a default: refused; else null.
        omitted: without a value it is undefined rather than null, as its template provides for that.
    """

    name: str
    description: str = ""
    expression: Expression | None = None
    default: Any = None
    type: ParameterType | None = None
    pattern: Pattern | None = None
    max_length: int = MAX_LENGTH
    enum: tuple[Any, ...] | None = None
    required: bool = True
    omitted: bool = False

    def read(self, value: Any) -> Any:
        """Take a value, converted where that loses nothing.

        Raises:
            Unfit: it is not one of those that the parameter takes.
        """
        if self.type is None and isinstance(value, str):
            self._check_text(value)
        elif self.type is ParameterType.JSON:
            value = self._json(value)
        elif isinstance(value, dict | list | tuple):
            what = "a mapping" if isinstance(value, dict) else "a list"
            raise Unfit(f"{what} where a text belongs; name a part of it, or give the parameter `type: json`")
        else:
            value = _READ[self.type](value)
            self._check_text(value)
        if self.enum is not None and not any(value == item and type(value) is type(item) for item in self.enum):
            raise Unfit(f"{show_value(value)} is none of {', '.join(map(show_value, self.enum))[:200]}")
        return value

    def _check_text(self, value: Any) -> None:
        if not isinstance(value, str) and self.pattern is None:
            return
        written = text(value)
        if len(written) > self.max_length:
            raise Unfit(f"{len(written)} characters, and at most {self.max_length} are taken")
        if self.pattern is not None and not self.pattern.matches(written):
            raise Unfit(f"{show_value(written)} does not match {self.pattern.source[:100]}")

    def _json(self, value: Any) -> Any:
        try:
            written = value if isinstance(value, str) else dump(value).decode()
        except NotJson as error:
            raise Unfit(str(error)) from error
        if len(written) > self.max_length:
            raise Unfit(f"{len(written)} characters of JSON, and at most {self.max_length} are taken")
        if self.pattern is not None and not self.pattern.matches(written):
            raise Unfit(f"{show_value(written)} does not match {self.pattern.source[:100]}")
        return opt_in(value)


def _any(value: Any) -> Any:
    if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise Unfit("no text, number or boolean")


def _integer(value: Any) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if type(value) is not int or value.bit_length() > 63:
        raise Unfit(f"{show_value(value)} is no integer")
    return value


def _number(value: Any) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value) if _INTEGER.fullmatch(value) else float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unfit(f"{show_value(value)} is no number")
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        value = _BOOLEANS.get(value, value)
    if not isinstance(value, bool):
        raise Unfit(f"{show_value(value)} is neither true nor false")
    return value


def _string(value: Any) -> str:
    return value if isinstance(value, str) else text(_any(value))


_READ = {
    None: _any,
    ParameterType.STRING: _string,
    ParameterType.INTEGER: _integer,
    ParameterType.NUMBER: _number,
    ParameterType.BOOLEAN: _boolean,
}


def _last_line(message: str) -> str:
    return message.strip().rpartition("\n")[2].removeprefix("SchemaError: ").removeprefix("error: ").strip()
