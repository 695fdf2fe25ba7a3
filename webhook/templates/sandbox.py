"""The environment of every evaluation: items of mappings and lists, operators, listed filters; no calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from jinja2 import Undefined, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from .filters import FILTERS
from .limits import MAX_STEPS, MAX_TOKENS, MAX_VALUE, MAX_WORK
from .tests import TESTS
from .tokens import Values, token

VALUES = " values"
"""Where a render's `Values` are in its context: a name that no template can write."""
COUNTED = " counted"
"""The filter that `grammar` puts around every loop's list."""
CHARGED = " charged"
"""The filter that `grammar` puts before every filter, slice and `in`."""

_LOOP = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem", "depth", "depth0"}
)
_BITS = 4096


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
        if operator == "*":
            _limit_product(left, right)
        if operator == "**" and not (_small(left) and isinstance(right, int) and abs(right) <= 64):
            raise SecurityError("** is for small numbers")
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, str | list) and len(result) > MAX_VALUE:
            raise SecurityError("the value grows too large")
        return result


def _small(value: Any) -> bool:
    return not isinstance(value, int) or value.bit_length() <= 64


def _limit_product(left: Any, right: Any) -> None:
    for repeated, times in ((left, right), (right, left)):
        if isinstance(repeated, str | list | tuple) and isinstance(times, int) and len(repeated) * times > MAX_VALUE:
            raise SecurityError("the value grows too large")
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > _BITS:
        raise SecurityError("the number grows too large")


@pass_context
def bind(context: Context, value: Any) -> str:
    """Put a value aside and answer its token (`finalize`; to be handed the context is what stops constant folding)."""
    values: Values = context.parent[VALUES]
    number = len(values)
    if number >= MAX_TOKENS:
        raise SecurityError(f"more than {MAX_TOKENS} values are put out")
    if isinstance(value, Undefined):
        str(value)  # raises, with the name of what is missing
    values.append(value)
    return token(number)


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    values: Values = context.parent[VALUES]
    for item in items:
        values.steps += 1
        if values.steps > MAX_STEPS:
            raise SecurityError(f"the loops take more than {MAX_STEPS} turns")
        yield item


@pass_context
def _charged(context: Context, value: Any) -> Any:
    """Pass on what a filter, a slice or an `in` goes through, and count its size against the render's budget."""
    values: Values | None = context.parent.get(VALUES)
    if values is not None and isinstance(value, str | list | tuple | dict):
        values.work += len(value) // 32 if isinstance(value, str) else len(value)
        if values.work > MAX_WORK:
            raise SecurityError("the filters go through too many elements")
    return value


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
    environment.filters = {**FILTERS, COUNTED: _counted, CHARGED: _charged}
    environment.tests = dict(TESTS)
    return environment
