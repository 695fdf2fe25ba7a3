"""What every value of the configuration is: frozen, with no unknown keys, and checked whole.

Texts of errors read on after the key's name ("is no duration; write …") and never hold what was written there, as a
secret may stand in the wrong place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

SEVERAL = "several"
"""The type of the pydantic error that carries a model's `Problem`s."""


class Problem(NamedTuple):
    """What is wrong at a key.

    Attributes:
        path: keys and indexes on the way to it.
        text: what is wrong, a semicolon, and the remedy.
    """

    path: tuple[str | int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the checks of a file need to know; without it (values made in code), they look at no file.

    Attributes:
        folder: where relative paths begin.
        cluster: `kubernetes` or `local`, or None where that is not known.
    """

    folder: Path
    cluster: str | None


class Model(BaseModel):
    """A frozen part of `jobhook.yaml`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )

    def problems(self, context: Context | None) -> Iterator[Problem]:
        """What is wrong between keys, each of which is right by itself."""
        del context
        yield from ()

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> Self:
        if found := tuple(self.problems(info.context)):
            raise PydanticCustomError(SEVERAL, "several problems", {"problems": found})
        return self
