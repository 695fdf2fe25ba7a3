"""The environment of every evaluation: items of mappings and lists, operators, listed filters; no calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from jinja2 import Undefined, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from .budget import CALL, SHORT, SIZED, Budget, budget_of, characters, elements, too_large
from .costs import counted
from .filters import FILTERS, text
from .limits import MAX_BITS, MAX_ITEMS, MAX_TOKENS, MAX_VALUE
from .tests import TESTS
from .tokens import token

VALUES = " values"
"""Where a render's values are in its context: a name that no template can write."""
LOOPED = " looped"
"""The filter around every loop's list, with the steps of a turn."""
WALKED = " walked"
"""The filter around every operand of a chain of comparisons."""
SLICED = " sliced"
"""The filter in the place of a slice."""
TEXT = " text"
"""The filter around every operand of `~`."""

_SEQUENCES = (str, list, tuple)
_MADE = (str, list)
_LOOP = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem", "depth", "depth0"}
)


class Sandbox(SandboxedEnvironment):
    """Jinja2 without attributes, calls, globals and unbounded operators."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The item of a mapping; what is no mapping has no attributes, `loop` aside."""
        if type(obj) is dict or isinstance(obj, Mapping):  # the first costs a fifth, and is nearly always it
            return self._item(obj, attribute)
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self._missing(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The item of a mapping, a list or a text."""
        if isinstance(obj, Mapping):
            return self._item(obj, argument)
        if isinstance(obj, list | tuple | str) and type(argument) is int and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self._missing(obj, argument)

    def _item(self, mapping: Mapping[Any, Any], key: Any) -> Any:
        try:
            return mapping[key]
        except (KeyError, TypeError):
            return self._missing(mapping, key)

    def _missing(self, obj: Any, name: Any) -> Undefined:
        # A missing item of a missing item is the first one's fault, and `default` may stand in for both.
        return obj if isinstance(obj, Undefined) else self.undefined(f"{str(name)[:64]!r} is not there")

    def call(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: the grammar has refused every call already."""
        raise SecurityError("nothing can be called")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Evaluate one of the operators whose result could be far larger than its operands."""
        if operator == "%" and not isinstance(left, int | float):
            raise SecurityError("% is for numbers; join texts with ~")
        if operator == "**" and not (_small(left) and isinstance(right, int) and abs(right) <= 64):
            raise SecurityError("** is for small numbers")
        if isinstance(left, _SEQUENCES) or isinstance(right, _SEQUENCES):
            budget = budget_of(context)
            size = _size(operator, left, right)
            if size > (MAX_VALUE if isinstance(left, str) or isinstance(right, str) else MAX_ITEMS):
                raise too_large()
            budget.charge(CALL + size // 8)
            result = super().call_binop(context, operator, left, right)
            if isinstance(result, _MADE):
                budget.make(result)
            return result
        integers = operator == "*" and isinstance(left, int) and isinstance(right, int)
        if integers and left.bit_length() + right.bit_length() > MAX_BITS:
            raise SecurityError("the number grows too large")
        return super().call_binop(context, operator, left, right)


def _small(value: Any) -> bool:
    return not isinstance(value, int) or value.bit_length() <= 64


def _size(operator: str, left: Any, right: Any) -> int:
    """How many characters or elements the result has."""
    if operator == "*":
        repeated, times = (left, right) if isinstance(left, _SEQUENCES) else (right, left)
        return len(repeated) * max(0, times) if isinstance(times, int) else 0
    return elements(left) + elements(right)


@pass_context
def bind(context: Context, value: Any) -> str:
    """Put a value aside and answer its token (`finalize`; to be handed the context is what stops constant folding)."""
    values: list[Any] = context.parent[VALUES]
    number = len(values)
    if number >= MAX_TOKENS:
        raise SecurityError(f"more than {MAX_TOKENS} values are put out")
    if isinstance(value, Undefined):
        str(value)  # raises, with the name of what is missing
    elif isinstance(value, SIZED) and not (isinstance(value, str) and len(value) <= SHORT):
        budget_of(context).walk(value)  # whoever puts it into the manifest goes through it
    values.append(value)
    return token(number)


@pass_context
def _looped(context: Context, items: Iterable[Any], steps: int) -> Iterator[Any]:
    budget: Budget = budget_of(context)
    for item in items:
        budget.turn(steps)
        yield item


@pass_context
def _walked(context: Context, value: Any) -> Any:
    budget_of(context).walk(value)
    return value


@pass_context
def _sliced(context: Context, value: Any, start: Any, stop: Any, step: Any) -> Any:
    cut = slice(start, stop, step)
    if isinstance(value, str) and len(value) <= SHORT:
        return value[cut]
    if isinstance(value, _SEQUENCES):
        size = len(range(*cut.indices(len(value))))
        budget_of(context).charge(1 + size // 8)
        if size > (MAX_VALUE if isinstance(value, str) else MAX_ITEMS):
            raise too_large()
    part = value[cut]
    if isinstance(part, _SEQUENCES):
        budget_of(context).make(part)
    return part


@pass_context
def _text(context: Context, value: Any) -> str:
    """The text of a part of `~`: what is joined is as long as its parts, so that each is counted as made."""
    part = text(value)
    if len(part) > SHORT:
        budget_of(context).charge(characters(part))
        budget_of(context).make(part)
    return part


def sandbox() -> Sandbox:
    """Make the environment."""
    environment = Sandbox(
        autoescape=False,  # the text is YAML, and values are not in it
        undefined=StrictUndefined,
        finalize=bind,
        keep_trailing_newline=True,
        cache_size=0,
    )
    environment.globals = {}
    environment.filters = {name: counted(name, function) for name, function in FILTERS.items()}
    environment.filters |= {LOOPED: _looped, WALKED: _walked, SLICED: _sliced, TEXT: _text}
    environment.tests = dict(TESTS)
    return environment
