"""The kubelet's expansion of `$(NAME)` in `command`, `args` and `env[].value`, kept away from values.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (args): `$$` is a `$`, `$(NAME)` the
variable where there is one. The reference code is third_party/forked/golang/expansion/expand.go of Kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .problems import Unfit

_REFERENCE = re.compile(r"\$(?:(\$)|\(([^)]*)\))")


def escape(value: str) -> str:
    """Double every `$` of a value, so that it arrives as it was whatever stands before and after it."""
    return value.replace("$", "$$") if "$" in value else value


def unescape(escaped: str) -> str:
    """Read again what `escape` made.

    >>> unescape(escape("$(HOME) $$"))
    '$(HOME) $$'
    """
    return escaped.replace("$$", "$")


def before_value(literal: str) -> str:
    """Ready a template's own text for a value right behind it.

    A `$` at its end is doubled, else it would join the value's first character.

    Raises:
        Unfit: `$(` is open at its end: the value would be part of a variable's name.

    >>> before_value("costs $"), before_value("costs $$"), before_value("$(HOME)/")
    ('costs $$', 'costs $$', '$(HOME)/')
    """
    at = 0
    while (at := literal.find("$", at)) >= 0:
        following = literal[at + 1 : at + 2]
        if not following:
            return literal + "$"
        if following == "(":
            end = literal.find(")", at)
            if end < 0:
                raise Unfit("it stands within $(…), the kubelet's own; write $$(…) for a shell's")
            at = end + 1
        else:
            at += 2
    return literal


def pieces(literal: str) -> Iterator[tuple[str, str | None]]:
    """Read a text as the kubelet does: literal text with None, and for each `$(NAME)` an empty text with the name.

    >>> list(pieces("cost $$(A) $(B)$"))
    [('cost ', None), ('$', None), ('(A) ', None), ('', 'B'), ('$', None)]
    """
    # Where no bracket closes any more nothing is a reference: searching there would cost the square of the length.
    end = literal.rfind(")") + 1
    at = 0
    for match in _REFERENCE.finditer(literal, 0, end):
        if match.start() > at:
            yield literal[at : match.start()], None
        yield ("$", None) if match[1] else ("", match[2])
        at = match.end()
    if rest := literal[at:end] + literal[end:].replace("$$", "$"):
        yield rest, None
