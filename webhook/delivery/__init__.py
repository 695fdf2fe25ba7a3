"""Completions to their sinks, at least once: claim, send, mark."""

from .courier import Courier
from .deliverer import Deliverer
from .outstanding import Pass, deliver_outstanding
from .plan import Result, Verdict
from .target import Retry, Target

__all__ = ["Courier", "Deliverer", "Pass", "Result", "Retry", "Target", "Verdict", "deliver_outstanding"]
