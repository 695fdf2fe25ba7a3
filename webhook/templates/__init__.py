"""The one door to Jinja2: expressions and templates whose values can never become text to be parsed.

A template renders to a text in which every `{{ … }}` is an inert token, and to the values that the tokens stand for.
The text depends on the template's control flow only; whoever parses it puts the values into its leaves afterwards.
"""

from .budget import Budget
from .compiled import MISSING, Expression, Template, compile_expression, compile_template, follow
from .filters import dns_label, label_value
from .limits import MAX_STEPS, MAX_TEXT, MAX_TOKENS
from .problems import Absent, EvaluationFailed, NotTemplate
from .skeleton import Skeleton
from .tokens import Broken, holds_token, split
from .values import JsonList, JsonMapping, Quoted, opt_in

__all__ = [
    "MAX_STEPS",
    "MAX_TEXT",
    "MAX_TOKENS",
    "MISSING",
    "Absent",
    "Broken",
    "Budget",
    "EvaluationFailed",
    "Expression",
    "JsonList",
    "JsonMapping",
    "NotTemplate",
    "Quoted",
    "Skeleton",
    "Template",
    "compile_expression",
    "compile_template",
    "dns_label",
    "follow",
    "holds_token",
    "label_value",
    "opt_in",
    "split",
]
