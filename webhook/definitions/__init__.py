"""Definitions: Job templates with the rules that call them, read from files and compiled."""

from .definition import Definition, DefinitionSet, EventMode, Example
from .loading import ConfigMap, build, config_maps, load, read
from .params import Param, Pattern
from .rule import Condition, Rule
from .view import view

__all__ = [
    "Condition",
    "ConfigMap",
    "Definition",
    "DefinitionSet",
    "EventMode",
    "Example",
    "Param",
    "Pattern",
    "Rule",
    "build",
    "config_maps",
    "load",
    "read",
    "view",
]
