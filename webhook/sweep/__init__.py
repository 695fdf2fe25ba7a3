"""Cleaning up: what is outstanding first, then our finished Jobs past their retention."""

from .ending import until
from .report import Report
from .retention import Kept, Retention, held, why_kept
from .sweeping import sweep

__all__ = ["Kept", "Report", "Retention", "held", "sweep", "until", "why_kept"]
