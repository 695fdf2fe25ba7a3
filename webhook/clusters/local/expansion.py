"""Kubernetes' expansion of `$(NAME)` in commands, arguments and variables: pure.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (`command`, `args`, `env.value`)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:(\$)|\(([^)]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by the variable's value, once; `$$` gives `$`; what is not defined stays as it is.

    >>> expand("$(A)-$$(A)-$(B)-$A", {"A": "$(B)"})
    '$(B)-$(A)-$(B)-$A'
    """
    if "$" not in text:
        return text

    def put(match: re.Match[str]) -> str:
        return "$" if match[1] else variables.get(match[2], match[0])

    # Where no bracket closes any more nothing is a reference: searching there would cost the square of the length.
    end = text.rfind(")") + 1
    return _REFERENCE.sub(put, text[:end]) + text[end:].replace("$$", "$")
