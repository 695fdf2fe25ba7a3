"""What each filter goes through and makes, counted around every call of it, also of one that `map` makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from .budget import BUDGET, CALL, Budget, characters, elements, searched

Arguments = tuple[Any, ...]
Cost = Callable[[Budget, Any, Arguments], None]
"""Counts what a filter is about to do with a value and its arguments."""

_REGEX = 4
"""How many times dearer a character is to a regular expression than to a method of str."""


def _once(budget: Budget, value: Any, arguments: Arguments) -> None:
    """Each character of the texts once."""
    budget.charge(characters(value, arguments))


def _by_regex(budget: Budget, value: Any, arguments: Arguments) -> None:
    budget.charge(_REGEX * characters(value, arguments))


def _nothing(_: Budget, __: Any, ___: Arguments) -> None:
    """Independent of every size."""


def _search(budget: Budget, value: Any, arguments: Arguments) -> None:
    budget.charge(characters(None, arguments) + searched(value, arguments[0] if arguments else None))


def _elements(budget: Budget, value: Any, _: Arguments) -> None:
    """Each element once, in C."""
    budget.charge(1 + elements(value))


def _calls(budget: Budget, value: Any, arguments: Arguments) -> None:
    """One call an element, for each part of each attribute that is looked up in it."""
    parts = sum([1 + argument.count(",") + argument.count(".") for argument in arguments if isinstance(argument, str)])
    budget.charge(characters(None, arguments) + elements(value) * CALL * max(1, parts))


def _whole(budget: Budget, value: Any, arguments: Arguments) -> None:
    """All that is in it, at any depth."""
    budget.charge(characters(None, arguments))
    budget.walk(value)


def _words(budget: Budget, value: Any, _: Arguments) -> None:
    budget.charge((_REGEX - 1) * budget.walk(value))


def _compared(budget: Budget, value: Any, arguments: Arguments) -> None:
    """A key for each element, and all keys compared."""
    _calls(budget, value, arguments)
    budget.walk(value)


def _sorted(budget: Budget, value: Any, arguments: Arguments) -> None:
    _calls(budget, value, arguments)
    budget.charge(budget.walk(value) * (elements(value).bit_length() // 8))


_COSTS: dict[str, Cost] = {
    **dict.fromkeys(("string", "lower", "upper", "trim", "removeprefix", "removesuffix", "truncate", "date"), _once),
    **dict.fromkeys(("int", "float", "abs", "round"), _once),
    **dict.fromkeys(("dns_label", "label_value"), _by_regex),
    **dict.fromkeys(("length", "count", "first", "last", "default", "d"), _nothing),
    **dict.fromkeys(("replace", "split"), _search),
    **dict.fromkeys(("list", "reverse", "items"), _elements),
    **dict.fromkeys(("map", "select", "reject", "selectattr", "rejectattr"), _calls),
    **dict.fromkeys(("tojson", "join"), _whole),
    "shquote": _words,
    **dict.fromkeys(("min", "max", "sum", "unique"), _compared),
    "sort": _sorted,
}
_PICK = frozenset({"first", "last", "default", "d", "min", "max"})
"""Those that answer what they were given, or an element of it: nothing is made."""

_LAZY = frozenset({"map", "select", "reject", "selectattr", "rejectattr", "unique", "reverse"})
_MADE = (str, list)


def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that counts what it goes through before it does, and what it made; its generators become lists."""
    count, makes, lazy = _COSTS[name], name not in _PICK, name in _LAZY
    passed = getattr(getattr(function, "jinja_pass_arg", None), "name", "")

    @pass_context
    def call(context: Context, value: Any, *arguments: Any, **named: Any) -> Any:
        budget = context.parent[BUDGET]
        count(budget, value, (*arguments, *named.values()) if named else arguments)
        first = () if passed == "" else (_first(context, passed),)
        made = function(*first, value, *arguments, **named)
        if lazy and not isinstance(made, str):
            made = list(made)  # what is lazy would be at work after its budget was asked
        if makes and made is not value and isinstance(made, _MADE):
            budget.make(made)
        return made

    return call


def _first(context: Context, passed: str) -> Any:
    """The argument before the value that a filter of Jinja2 wants."""
    if passed == "environment":
        return context.environment
    return context if passed == "context" else context.eval_ctx
