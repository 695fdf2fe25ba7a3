"""Whether a manifest holds a fragment, and where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..json import dump
from ..manifests import show_place

Path = tuple[str | int, ...]


def differences(whole: Any, fragment: Any, at: Path = ()) -> Iterator[str]:
    """What of a fragment is otherwise in the whole: mappings by its keys, lists item by item, all else equal.

    >>> list(differences({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 3}]}))
    ['a[0].b is 1, not 3']
    """
    if isinstance(fragment, dict) and isinstance(whole, dict):
        for key, item in fragment.items():
            if key in whole:
                yield from differences(whole[key], item, (*at, key))
            else:
                yield f"{show_place((*at, key))} is missing"
    elif isinstance(fragment, list) and isinstance(whole, list) and len(fragment) == len(whole):
        for number, item in enumerate(fragment):
            yield from differences(whole[number], item, (*at, number))
    elif isinstance(fragment, list) and isinstance(whole, list):
        yield f"{show_place(at)} has {len(whole)} items, not {len(fragment)}"
    elif whole != fragment or isinstance(whole, bool) is not isinstance(fragment, bool):
        yield f"{show_place(at) or 'the manifest'} is {_shown(whole)}, not {_shown(fragment)}"


def _shown(value: Any) -> str:
    text = dump(value).decode() if not isinstance(value, str) else value
    return text if len(text) <= 100 else text[:99] + "…"
