"""The kinds of values in a definition's document, each with an error that says the remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from .. import durations

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_QUALIFIED = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_RESERVED_PARAMETERS = frozenset(
    {"event", "loop", "self", "true", "false", "none", "and", "or", "not", "in", "is", "if", "else", "for", "caller"}
)
_OURS = ("jobhook.dev/", "app.kubernetes.io/managed-by")


def fault(problem: str, remedy: str) -> PydanticCustomError:
    """An error of ours within a validation."""
    return PydanticCustomError("ours", "{problem}", {"problem": problem, "remedy": remedy})


def matching(pattern: re.Pattern[str], what: str) -> Callable[[Any], Any]:
    """Make a validator of texts that match a pattern as a whole."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and not pattern.fullmatch(value):
            raise fault(f"{value[:80]!r} is no {what}", f"it must match {pattern.pattern}")
        return value

    return check


def read_duration(value: Any) -> Any:
    """Read a duration as people write it; a number without a unit is refused with the remedy."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise fault(f"{value} is no duration", f"write the unit: {value}s")
    if not isinstance(value, str):
        raise fault("a duration is needed", "write a number and a unit, such as 90s, 1h30m or 7d")
    try:
        return durations.parse(value)
    except ValueError as error:
        raise fault(str(error).partition(";")[0], "write a number and a unit, such as 90s, 1h30m or 7d") from error


def _mark(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_OURS):
        raise fault(f"{value} is jobhook's own", "choose another name")
    return matching(_QUALIFIED, "name of a label or an annotation")(value)


def _static(value: Any) -> Any:
    if isinstance(value, str) and ("{{" in value or "{%" in value):
        raise fault(
            "it is not a template", "labels with values of the event belong into the template's own metadata.labels"
        )
    return value


def _label(value: Any) -> Any:
    return "" if value == "" else matching(LABEL_VALUE, "label value")(_static(value))


def _parameter(value: Any) -> Any:
    if value in _RESERVED_PARAMETERS:
        raise fault(f"{value} cannot name a parameter: expressions use it themselves", "choose another name")
    return matching(_PARAMETER, "name of a parameter")(value)


def _schema(pattern: re.Pattern[str], *, but: dict[str, Any] | None = None, empty: bool = False) -> WithJsonSchema:
    """Tell editors what `matching` holds texts to; `but` is what they must not be."""
    whole = f"({pattern.pattern})?" if empty else pattern.pattern
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{whole})$", **({"not": but} if but else {})})


Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$",
            "maxLength": 64,
            "examples": ["90s", "1h30m", "7d"],
        }
    ),
]
MarkName = Annotated[
    str,
    BeforeValidator(_mark),
    _schema(_QUALIFIED, but={"pattern": f"^({'|'.join(_OURS)})".replace(".", r"\.")}),
]
Static = Annotated[str, BeforeValidator(_static), WithJsonSchema({"type": "string", "not": {"pattern": r"\{\{|\{%"}})]
LabelText = Annotated[str, BeforeValidator(_label), _schema(LABEL_VALUE, empty=True)]
ParameterName = Annotated[
    str, BeforeValidator(_parameter), _schema(_PARAMETER, but={"enum": sorted(_RESERVED_PARAMETERS)})
]
Text = Annotated[str, Field(min_length=1)]
Scalar = str | bool | int | float
DefinitionName = Annotated[str, BeforeValidator(matching(DNS_LABEL, "DNS label")), _schema(DNS_LABEL)]
AncestorName = Annotated[str, BeforeValidator(matching(LABEL_VALUE, "label value")), _schema(LABEL_VALUE)]
