"""A rendered text → a Job's manifest: strict YAML, values in leaves only, by a policy of places."""

from .expansion import escape, unescape
from .leaves import Leaf, text
from .places import Allow, Kind, kind_at
from .plan import MAX_NODES, Plan, plan
from .problems import BadManifest, BadSyntax, NotJob, Unfit, show_place, show_value
from .variables import GIVEN

__all__ = [
    "GIVEN",
    "MAX_NODES",
    "Allow",
    "BadManifest",
    "BadSyntax",
    "Kind",
    "Leaf",
    "NotJob",
    "Plan",
    "Unfit",
    "escape",
    "kind_at",
    "plan",
    "show_place",
    "show_value",
    "text",
    "unescape",
]
