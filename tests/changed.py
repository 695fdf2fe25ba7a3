"""Values with some fields changed: `dataclasses.replace`, for Structs, too."""

import dataclasses

import msgspec


def replace(value, **fields):
    """A copy of a value in which some fields have other values."""
    other = dataclasses.replace if dataclasses.is_dataclass(value) else msgspec.structs.replace
    return other(value, **fields)
