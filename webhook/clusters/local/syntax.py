"""The syntax of names and labels, refused in Kubernetes' words."""

from __future__ import annotations

import re
from collections.abc import Mapping

DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?", re.ASCII)
DNS_SUBDOMAIN = re.compile(rf"{DNS_LABEL.pattern}(?:\.{DNS_LABEL.pattern})*", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)
DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+", re.ASCII)
MAX_ANNOTATIONS = 256 * 1024

_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    " end with an alphanumeric character"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character"
)


def dns_label(text: str) -> str | None:
    """What is wrong with a DNS label of at most 63 characters, or None."""
    if len(text) > 63:
        return "must be no more than 63 characters"
    return None if DNS_LABEL.fullmatch(text) else _LABEL_RULE


def dns_subdomain(text: str) -> str | None:
    """What is wrong with a DNS subdomain of at most 253 characters, or None."""
    if len(text) > 253:
        return "must be no more than 253 characters"
    return None if DNS_SUBDOMAIN.fullmatch(text) else _SUBDOMAIN_RULE


def qualified_name(text: str) -> str | None:
    """What is wrong with the name of a label or an annotation (`prefix/name`), or None."""
    prefix, slash, name = text.rpartition("/")
    if slash and (not prefix or dns_subdomain(prefix)):
        return "prefix part must be a DNS subdomain"
    if len(name) > 63:
        return "name part must be no more than 63 characters"
    return None if NAME.fullmatch(name) else "name part must consist of alphanumeric characters, '-', '_' or '.'"


def label_problems(given: Mapping[str, str] | None) -> list[str]:
    """What is wrong with labels."""
    found = []
    for name, value in (given or {}).items():
        if problem := qualified_name(name):
            found.append(f'Invalid value: "{name[:80]}": {problem}')
        if len(value) > 63:
            found.append(f'Invalid value: "{value[:80]}": must be no more than 63 characters')
        elif value and not NAME.fullmatch(value):
            found.append(f'Invalid value: "{value}": {_VALUE_RULE}')
    return found


def annotation_problems(given: Mapping[str, str] | None) -> list[str]:
    """What is wrong with annotations: their names, or 256 KiB of all names and values together."""
    found = [
        f'Invalid value: "{name[:80]}": {problem}' for name in given or {} if (problem := qualified_name(name.lower()))
    ]
    size = sum(len(name.encode()) + len(value.encode()) for name, value in (given or {}).items())
    if size > MAX_ANNOTATIONS:
        found.append(f"Too long: may not be more than {MAX_ANNOTATIONS} bytes")
    return found
