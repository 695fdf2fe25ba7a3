"""Definitions: Job templates with the rules that call them, read from files and compiled."""

from .definition import Condition, Definition, DefinitionSet, EventMode, Example, Rule
from .loading import ConfigMap, build, config_maps, load, read
from .params import Param, Pattern
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
