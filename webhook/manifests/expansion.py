"""The kubelet's expansion of `$(NAME)` in `command`, `args` and `env[].value`, kept away from values.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (args): `$$` is a `$`, `$(NAME)` the
variable where there is one. The reference code is third_party/forked/golang/expansion/expand.go of Kubernetes.
"""

from __future__ import annotations

from .problems import Unfit


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
